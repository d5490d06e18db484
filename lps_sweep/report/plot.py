"""What Plotly draws, as the data that it is made of."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partialmethod
from typing import Any

_SPLIT = frozenset({"title_text", "line_width"})
"""Names that stand for an entry of an entry, as in Plotly."""


class Plot:
    """Traces and layout of a figure, added by the methods that Plotly's own figure has.

    Nothing is checked, because Plotly's checks take longer than all else of a report;
    `Panel.figure` is Plotly's figure, and checked.

    Attributes:
        data: The traces, in Plotly's JSON.
        layout: The layout without a template: the page adds the one of the reader's theme.
    """

    def __init__(self) -> None:
        self.data: list[dict[str, Any]] = []
        self.layout: dict[str, Any] = {"showlegend": False}

    def _add(self, kind: str, **trace: Any) -> None:
        known = {name: value for name, value in trace.items() if value is not None}
        self.data.append({"type": kind, **known})

    add_scatter = partialmethod(_add, "scatter")
    add_heatmap = partialmethod(_add, "heatmap")
    add_bar = partialmethod(_add, "bar")

    def add_shape(self, **shape: Any) -> None:
        """A shape on the axes."""
        self.layout.setdefault("shapes", []).append(_merged({}, shape))

    def add_annotation(self, **note: Any) -> None:
        """A text on the axes."""
        self.layout.setdefault("annotations", []).append(_merged({}, note))

    def add_vline(self, x: Any, **look: Any) -> None:
        """A vertical line over the whole height."""
        self.add_vrect(x, x, **{"type": "line", **look})

    def add_hline(self, y: Any, **look: Any) -> None:
        """A horizontal line over the whole width."""
        self.add_hrect(y, y, **{"type": "line", **look})

    def add_vrect(self, x0: Any, x1: Any, **look: Any) -> None:
        """A vertical band over the whole height."""
        ends = {"x0": x0, "x1": x1, "y0": 0, "y1": 1, "xref": "x", "yref": "y domain"}
        self.add_shape(**{"type": "rect", **ends, **look})

    def add_hrect(self, y0: Any, y1: Any, **look: Any) -> None:
        """A horizontal band over the whole width."""
        ends = {"y0": y0, "y1": y1, "x0": 0, "x1": 1, "yref": "y", "xref": "x domain"}
        self.add_shape(**{"type": "rect", **ends, **look})

    def update_layout(self, **changes: Any) -> None:
        """Changes of the layout; mappings are merged."""
        _merged(self.layout, changes)

    def update_xaxes(self, **changes: Any) -> None:
        """Changes of the horizontal axis."""
        _merged(self.layout, {"xaxis": changes})

    def update_yaxes(self, **changes: Any) -> None:
        """Changes of the vertical axis."""
        _merged(self.layout, {"yaxis": changes})


def _merged(old: dict[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """`old` with `changes`, in place."""
    for name, value in changes.items():
        if name in _SPLIT:
            whole, _, part = name.partition("_")
            _merged(old, {whole: {part: value}})
        elif isinstance(value, Mapping):
            _merged(old.setdefault(name, {}), value)
        elif value is not None:
            old[name] = value
    return old
