"""Figures drawn: for the page, as Plotly JSON by themselves, and as the CSV of what they show."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lps_sweep.report.escape import csv_text, plot_text
from lps_sweep.report.figures.style import light, template
from lps_sweep.report.section import Figure, Key, Section, slug

COLUMNS = ("trace", "name", "trial", "x", "y", "z", "low", "high", "text")
"""The columns of a panel's data: a row per drawn point; `low` and `high` end its interval."""


@dataclass(frozen=True)
class Drawing:
    """One panel of a figure, drawn.

    Attributes:
        slug: That of its figure.
        place: Its element on the page: the slug and its number.
        name: Its name as a file.
        figure_title: The finding of the figure.
        title: The heading of the panel.
        description: Words that replace it for a listener.
        height_px: Of the panel.
        data: Traces in Plotly's JSON.
        layout: Layout in Plotly's JSON, without a template.
        legend: A trace without points for each key of the figure.
    """

    slug: str
    place: str
    name: str
    figure_title: str
    title: str
    description: str
    height_px: int
    data: Sequence[Mapping[str, Any]]
    layout: Mapping[str, Any]
    legend: Sequence[Mapping[str, Any]]

    @property
    def page_data(self) -> dict[str, Any]:
        """What the page's script draws it from."""
        title = f"{plot_text(self.figure_title)}<br><sup>{plot_text(self.title)}</sup>"
        return {"data": self.data, "layout": self.layout, "title": title, "name": self.name}


def draw_all(sections: Iterable[Section]) -> tuple[Drawing, ...]:
    """All figures of `sections`, drawn, in order."""
    figures = (b for section in sections for b in section.blocks if isinstance(b, Figure))
    return tuple(drawing for figure in figures for drawing in _draw(figure))


def _draw(figure: Figure) -> Iterator[Drawing]:
    legend = [_legend_trace(key) for key in figure.keys]
    panels = figure.draw()
    for number, panel in enumerate(panels):
        content = json.loads(panel.figure.to_json(validate=False))
        content["layout"].pop("template", None)
        content["layout"]["height"] = figure.height_px
        part = f"-{number + 1}-{slug(panel.title).strip('_').lower()}" if len(panels) > 1 else ""
        yield Drawing(
            slug=figure.slug,
            place=f"{figure.slug}-{number}",
            name=f"{figure.slug}{part}"[:120],
            figure_title=figure.title,
            title=panel.title,
            description=panel.description,
            height_px=figure.height_px,
            data=content["data"],
            layout=content["layout"],
            legend=legend,
        )


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
    wide = {
        **drawing.layout,
        "template": template(dark=False),
        "title": {"text": drawing.page_data["title"], "x": 0.02, "font": {"size": 14}},
        "legend": {"orientation": "h", "y": -0.22},
        "showlegend": bool(drawing.legend),
        "margin": {"l": 60, "r": 20, "t": 70, "b": 60},
        "width": 760,
        "height": drawing.height_px + 160,
        "paper_bgcolor": "#ffffff",
    }
    hidden = [{**trace, "showlegend": False} for trace in drawing.data]
    return json.dumps(
        {"data": [*hidden, *drawing.legend], "layout": wide}, sort_keys=True, allow_nan=False
    )


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
        if i < len(above) and i < len(below) and isinstance(values[i], int | float):
            return values[i] - (below[i] or 0), values[i] + (above[i] or 0)
    return "", ""


def _values(value: Any) -> list[Any]:
    """A list of Plotly's JSON, which packs some of them as typed arrays."""
    if isinstance(value, dict) and "bdata" in value:
        import base64

        import numpy as np

        array = np.frombuffer(base64.b64decode(value["bdata"]), dtype=value["dtype"])
        shape = value.get("shape")
        if shape:
            array = array.reshape([int(part) for part in str(shape).split(",")])
        return list(array.tolist())
    return list(value) if isinstance(value, list) else []


def _cell(values: list[Any], i: int) -> Any:
    value = values[i] if i < len(values) else None
    return _text(value) if isinstance(value, str) else ("" if value is None else value)


def _text(value: Any) -> str:
    return csv_text(value) if isinstance(value, str) else ""
