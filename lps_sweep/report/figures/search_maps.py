"""Where a search looked: pairs of parameters coloured by rank, and parallel coordinates."""

from __future__ import annotations

import itertools
import math
from typing import TYPE_CHECKING, Any

from lps_sweep.report.escape import plot_text
from lps_sweep.report.figures.search_info import (
    Configuration,
    SearchInfo,
    by_rank,
    some,
    some_text,
)
from lps_sweep.report.figures.style import SEQUENTIAL, colour_scale, light, new_figure, thin
from lps_sweep.report.section import Figure, Key, Panel
from lps_sweep.report.tables import value_text

if TYPE_CHECKING:
    from lps_sweep.results.importance import Axis

MOST_PAIRS = 6
PAIRED = (100, 400)
"""Configurations of a pair: the best, and a random draw of all others."""
LINED = (20, 80)
"""Lines of the parallel coordinates: the best, a fifth at the most, and a draw of all others."""
NONE_AT = -0.14
"""Where a parameter that has no part in a configuration is drawn, below its axis from 0 to 1."""
_TOP = Key("among the best", "vermillion", "solid", width=1.6)
_BEST = Key("the best", "ink", "solid", width=2.6)
_OTHER = Key("another", "grey", "solid", width=0.8)


def rank_figure(info: SearchInfo) -> list[Figure]:
    """Pairs of numeric parameters, one dot per configuration; nothing with fewer than two."""
    pairs = rank_pairs(info)
    if not pairs or len(info.complete()) < 2:
        return []
    caption = (
        "Each dot is a complete configuration, coloured by its rank among them by the mean of "
        f"{info.labels[0]} (bright: best; the best is ringed). Ranks, so that one failure cannot "
        "flatten the colours; nothing is interpolated between dots. "
        f"{_pairs_text(info, pairs)}{some_text(info, *PAIRED)}{info.where}"
    )
    return [
        Figure(
            info.named("search_ranks"),
            f"Rank by {info.labels[0]} over pairs of parameters",
            caption,
            (Key("highest mean", "vermillion", "none", "circle-open"),),
            lambda: draw_ranks(info),
            300,
            info.named("search"),
        )
    ]


def rank_pairs(info: SearchInfo) -> list[tuple[Axis, Axis]]:
    """The first pairs of numeric parameters that every configuration has, `MOST_PAIRS` at most."""
    always = [
        a
        for a in info.axes
        if a.kind == "number" and all(c.point[a.name] is not None for c in info.configurations)
    ]
    return list(itertools.combinations(always, 2))[:MOST_PAIRS]


def _pairs_text(info: SearchInfo, pairs: list[tuple[Axis, Axis]]) -> str:
    numeric = sum(1 for axis in info.axes if axis.kind == "number")
    total = math.comb(numeric, 2)
    return f"{len(pairs)} of {total} pairs are drawn. " if len(pairs) < total else ""


def draw_ranks(info: SearchInfo) -> tuple[Panel, ...]:
    """One panel per pair; the worst dots first, so that the best lie on top."""
    shown = some(info, *PAIRED)[::-1]
    return tuple(_ranks(info, shown, a, b) for a, b in rank_pairs(info))


def _ranks(info: SearchInfo, shown: tuple[Configuration, ...], a: Axis, b: Axis) -> Panel:
    figure = new_figure()
    places = {c.number: place for place, c in enumerate(by_rank(info), start=1)}
    ranks = [places[c.number] for c in shown]
    figure.add_scatter(
        x=[_short(c.point[a.name]) for c in shown],
        y=[_short(c.point[b.name]) for c in shown],
        mode="markers",
        marker={
            "color": ranks,
            "colorscale": colour_scale(SEQUENTIAL),
            "reversescale": True,
            "cmin": 1,
            "cmax": max(2, len(places)),
            "size": 8,
            "line": {"width": 1, "color": light("grey")},
            "colorbar": {
                "thickness": 8,
                "outlinewidth": 0,
                "title": {"text": "rank", "font": {"size": 10}},
                "tickfont": {"size": 10},
            },
        },
        customdata=[[c.number, thin(info.mean(c))] for c in shown],
        hovertemplate="number %{customdata[0]}: %{x}, %{y}, mean %{customdata[1]:.2f}"
        "<extra></extra>",
    )
    best = shown[-1]
    figure.add_scatter(
        x=[_short(best.point[a.name])],
        y=[_short(best.point[b.name])],
        mode="markers",
        marker={
            "color": light("vermillion"),
            "symbol": "circle-open",
            "size": 15,
            "line": {"width": 2},
        },
        hoverinfo="skip",
    )
    for update, axis in ((figure.update_xaxes, a), (figure.update_yaxes, b)):
        update(title_text=plot_text(axis.name))
        if axis.log:
            update(type="log", exponentformat="e")
    place = ", ".join(value_text(_short(best.point[axis.name])) for axis in (a, b))
    words = f"the best at {place}"
    return Panel(f"{a.name}, {b.name}", figure, words)


def _short(value: Any) -> Any:
    return float(f"{value:.5g}") if isinstance(value, float) else value


def parallel_figure(info: SearchInfo) -> list[Figure]:
    """Parallel coordinates of the best configurations and a random draw; needs two parameters."""
    if len(info.axes) < 2 or len(info.complete()) < 2:
        return []
    caption = (
        f"Each line is a complete configuration, from parameter to parameter to the mean of "
        f"{info.labels[0]}; each axis has its own scale"
        + (
            f" ({', '.join(a.name for a in info.axes if a.log)}: logarithmic)"
            if any(a.log for a in info.axes)
            else ""
        )
        + (". None: a condition leaves the parameter out" if _any_missing(info) else "")
        + f". {some_text(info, *LINED)}{info.where}"
    )
    return [
        Figure(
            info.named("search_parallel"),
            f"The best {_num_top(info)} configurations among the others",
            caption,
            (_BEST, _TOP, _OTHER),
            lambda: draw_parallel(info),
            360,
            info.named("search"),
        )
    ]


def _num_top(info: SearchInfo) -> int:
    return max(1, min(LINED[0], len(info.complete()) // 5))


def _any_missing(info: SearchInfo) -> bool:
    return any(value is None for c in info.complete() for value in c.point.values())


def position(axis: Axis, value: Any) -> float:
    """Where a value is drawn on its axis, 0 to 1; `NONE_AT` for a parameter left out."""
    if value is None:
        return NONE_AT
    if axis.kind == "choice":
        place = list(axis.choices).index(value) if value in axis.choices else 0
        return place / max(1, len(axis.choices) - 1)
    low, high, x = axis.low, axis.high, float(value)
    if axis.log:
        low, high, x = math.log(low), math.log(high), math.log(x)
    return (x - low) / (high - low) if high > low else 0.5


def draw_parallel(info: SearchInfo) -> tuple[Panel, ...]:
    """Lines as plain SVG: those of all others in one trace, each of the best in its own."""
    shown = some(info, *LINED)
    means = [info.mean(c) for c in info.complete()]
    low, high = min(means), max(means)
    figure = new_figure()

    def places(c: Configuration) -> list[float | None]:
        end = (info.mean(c) - low) / (high - low) if high > low else 0.5
        return [thin(position(a, c.point[a.name])) for a in info.axes] + [thin(end)]

    width = len(info.axes) + 1
    top = _num_top(info)
    others = shown[top:]
    _line(
        figure,
        [x for _ in others for x in (*range(width), None)],
        [y for c in others for y in (*places(c), None)],
        _OTHER,
        "",
    )
    for c in shown[:top][::-1]:
        key = _BEST if c is shown[0] else _TOP
        _line(figure, list(range(width)), places(c), key, f"number {c.number}: {info.mean(c):.2f}")
    ends = [*(_ends(a) for a in info.axes), (f"{low:.1f}", f"{high:.1f}")]
    _axes(figure, info, ends)
    return (Panel("Parallel coordinates", figure, f"{len(shown)} configurations"),)


def _line(figure: Any, x: list[Any], y: list[Any], key: Key, words: str) -> None:
    figure.add_scatter(
        x=x,
        y=y,
        mode="lines",
        line={"color": light(key.colour), "width": key.width},
        opacity=0.8 if key is _OTHER else 1.0,
        hovertemplate=f"{plot_text(words)}<extra></extra>" if words else None,
        hoverinfo=None if words else "skip",
    )


def _ends(axis: Axis) -> tuple[str, ...]:
    """Labels of an axis, evenly spread from its lower end to its upper one."""
    if axis.kind == "choice":
        return tuple(value_text(choice) for choice in axis.choices)
    return (value_text(_short(axis.low)), value_text(_short(axis.high)))


def _axes(figure: Any, info: SearchInfo, ends: list[tuple[str, ...]]) -> None:
    missing = [any(c.point[a.name] is None for c in info.complete()) for a in info.axes]
    notes, shapes = [], []
    for place, labels in enumerate(ends):
        line = {"color": light("grey"), "width": 1}
        shapes.append({"type": "line", "x0": place, "x1": place, "y0": 0, "y1": 1, "line": line})
        texts = [(i / max(1, len(labels) - 1), text) for i, text in enumerate(labels)]
        if place < len(missing) and missing[place]:
            texts.append((NONE_AT, "None"))
        notes += [
            {
                "x": place,
                "y": y,
                "text": plot_text(text),
                "showarrow": False,
                "xanchor": "left",
                "xshift": 4,
                "yshift": {0.0: -9, 1.0: 9}.get(y, 0),
                "font": {"size": 10},
            }
            for y, text in texts
        ]
    figure.update_layout(annotations=notes, shapes=shapes)
    names = [*info.parameters, info.labels[0]]
    figure.update_xaxes(
        tickmode="array",
        tickvals=list(range(len(names))),
        ticktext=[plot_text(name) for name in names],
        range=[-0.1, len(names) - 0.6],
        showline=False,
        ticks="",
    )
    low = NONE_AT - 0.08 if any(missing) else -0.1
    figure.update_yaxes(visible=False, range=[low, 1.1])
