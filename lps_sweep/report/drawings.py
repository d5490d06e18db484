"""Figures drawn: for the page, as Plotly JSON by themselves, and as the CSV of what they show."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lps_sweep.report.escape import csv_text, plot_text
from lps_sweep.report.model import Figure, Key, Panel, Section
from lps_sweep.report.numbers import slug
from lps_sweep.report.style import light, template

COLUMNS = ("trace", "name", "trial", "x", "y", "z", "low", "high", "text")
"""The columns of a panel's data: a row per drawn point; `low` and `high` end its interval."""


@dataclass(frozen=True)
class Drawing:
    """One panel of a figure, drawn.

    Attributes:
        figure: Its figure.
        panel: What the figure's `draw` gave.
        place: Its element on the page: the slug and its number.
        name: Its name as a file.
        data: Traces in Plotly's JSON.
        layout: Layout in Plotly's JSON, without a template.
    """

    figure: Figure
    panel: Panel
    place: str
    name: str
    data: Sequence[Mapping[str, Any]]
    layout: Mapping[str, Any]

    @property
    def legend(self) -> list[dict[str, Any]]:
        """A trace without points for each key of the figure."""
        return [_legend_trace(key) for key in self.figure.keys]

    @property
    def title(self) -> str:
        """The titles of figure and panel, for Plotly."""
        return f"{plot_text(self.figure.title)}<br><sup>{plot_text(self.panel.title)}</sup>"


def draw_all(sections: Iterable[Section]) -> tuple[Drawing, ...]:
    """All figures of `sections`, drawn, in order."""
    figures = (figure for section in sections for figure in section.figures)
    return tuple(drawing for figure in figures for drawing in _draw(figure))


def _draw(figure: Figure) -> Iterator[Drawing]:
    panels = figure.draw()
    for number, panel in enumerate(panels):
        layout = {**panel.plot.layout, "height": figure.height_px}
        part = f"-{number + 1}-{slug(panel.title).strip('_').lower()}" if len(panels) > 1 else ""
        place, name = f"{figure.slug}-{number}", f"{figure.slug}{part}"[:120]
        yield Drawing(figure, panel, place, name, panel.plot.data, layout)


def _legend_trace(key: Key) -> dict[str, Any]:
    trace: dict[str, Any] = {"type": "scatter", "x": [None], "y": [None], "showlegend": True}
    modes = [word for word, has in (("lines", key.dash != "none"), ("markers", key.symbol)) if has]
    trace |= {"mode": "+".join(modes) or "markers", "name": plot_text(key.label)}
    if key.dash != "none":
        trace["line"] = {"color": light(key.colour), "dash": key.dash, "width": key.width}
    trace["marker"] = {"color": light(key.colour), "symbol": key.symbol or "square", "size": 8}
    return trace


def to_plotly(drawing: Drawing) -> str:
    """A figure that stands by itself: with title, legend and template, as Plotly's JSON."""
    legend = drawing.legend
    wide = {
        **drawing.layout,
        "template": template(dark=False),
        "title": {"text": drawing.title, "x": 0.02, "font": {"size": 14}},
        "legend": {"orientation": "h", "y": -0.22},
        "showlegend": bool(legend),
        "margin": {"l": 60, "r": 20, "t": 70, "b": 60},
        "width": 760,
        "height": drawing.figure.height_px + 160,
        "paper_bgcolor": "#ffffff",
    }
    hidden = [{**trace, "showlegend": False} for trace in drawing.data]
    return json.dumps({"data": [*hidden, *legend], "layout": wide}, sort_keys=True, allow_nan=False)


def to_data_csv(drawing: Drawing) -> str:
    """What is drawn, one row per point, with the ends of its interval where it has one."""
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(COLUMNS)
    for number, trace in enumerate(drawing.data):
        writer.writerows([number, *row] for row in _trace_rows(trace))
    return stream.getvalue()


def _trace_rows(trace: Mapping[str, Any]) -> Iterator[list[Any]]:
    name = csv_text(str(trace.get("name") or ""))
    xs, ys, zs = (_values(trace.get(axis)) for axis in "xyz")
    if zs and isinstance(zs[0], list):
        texts = _values(trace.get("text"))
        for j, line in enumerate(zs):
            for i, value in enumerate(line):
                words = texts[j][i] if texts and isinstance(texts[j], list) else None
                yield [name, "", _cell(xs, i), _cell(ys, j), value, "", "", _text(words)]
        return
    ids, texts = _values(trace.get("ids")), _values(trace.get("text"))
    for i in range(max(len(xs), len(ys))):
        trial = ids[i] if i < len(ids) else trace.get("meta")
        ends = _ends(trace, xs, ys, i)
        words = texts[i] if i < len(texts) else None
        yield [name, _text(trial), _cell(xs, i), _cell(ys, i), "", *ends, _text(words)]


def _ends(trace: Mapping[str, Any], xs: list[Any], ys: list[Any], i: int) -> tuple[Any, Any]:
    for axis, values in (("error_x", xs), ("error_y", ys)):
        bar = trace.get(axis) or {}
        above = _values(bar.get("array"))
        below = _values(bar.get("arrayminus")) or above
        known = i < len(above) and i < len(below) and above[i] is not None
        if known and isinstance(values[i], int | float):
            return values[i] - (below[i] or 0), values[i] + above[i]
    return "", ""


def _values(value: Any) -> list[Any]:
    return list(value) if isinstance(value, list | tuple) else []


def _cell(values: list[Any], i: int) -> Any:
    value = values[i] if i < len(values) else None
    return _text(value) if isinstance(value, str) else ("" if value is None else value)


def _text(value: Any) -> str:
    return csv_text(value) if isinstance(value, str) else ""
