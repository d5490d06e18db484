"""Two objectives: which configurations no other one beats in both, and how much they dominate."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from lps_sweep.report.escape import plot_text
from lps_sweep.report.figures.search_info import (
    Configuration,
    SearchInfo,
    finding,
    front,
    short_cell,
    some,
    some_text,
)
from lps_sweep.report.figures.style import light, new_figure, thin
from lps_sweep.report.section import Block, Figure, Key, Panel
from lps_sweep.report.tables import Cell, Column, Table

if TYPE_CHECKING:
    from lps_sweep.results import Json

MEAN = Key("mean over the seeds", "ink", "none", "circle")
FRONT = Key(
    "no other is higher in both, with its seeds\u2019 range", "vermillion", "none", "diamond"
)
_SHADE = "rgba(128,128,128,0.18)"
"""A hint of grey on either ground; what bounds it is drawn in full."""
REGION = Key("dominated", "grey", "solid", "", 6)
PAPER = Key("the paper\u2019s LPS", "blue", "none", "diamond-open")
MOST_DRAWN = (200, 800)
"""Configurations that are drawn: the best in the first objective, and a draw of all others."""


def front_blocks(info: SearchInfo) -> list[Block]:
    """The figure and the table of the front."""
    paper = paper_point(info, info.settings)
    caption = (
        f"{info.labels[1]} against {info.labels[0]}, means over {info.num_seeds} seeds. Bars of "
        "the front reach from the lowest to the highest seed: they are no intervals, and seeds can "
        "change who is on the front. Grey: what the front dominates, cut at the lowest means. "
        f"{some_text(info, *MOST_DRAWN)}"
        + (
            "The paper\u2019s point is its Table 1, at its own defaults. "
            if paper
            else "The paper\u2019s LPS is not drawn: another setting, or no such objective. "
        )
        + info.where
    )
    keys = (MEAN, FRONT, REGION, *((PAPER,) if paper else ()))
    figure = Figure(
        info.named("search_front"),
        finding(info),
        caption,
        keys,
        lambda: draw_front(info, paper),
        360,
        info.named("search_front"),
    )
    return [figure, front_table(info)]


def paper_point(info: SearchInfo, settings: Mapping[str, Json]) -> tuple[float, float] | None:
    """The paper\u2019s LPS in both objectives; None in another setting or without numbers."""
    from lps_sweep.results.paper import paper_value, same_setting

    ratio = settings.get("labeled_ratio")
    if not same_setting(settings)[0] or not isinstance(ratio, int | float):
        return None
    frozen = settings.get("frozen_through") != "none"
    numbers = paper_value(str(settings.get("dataset")), float(ratio), frozen=frozen)
    found = [numbers.get(metric) for metric in info.objectives[:2]]
    return None if None in found else (found[0], found[1])  # type: ignore[return-value]


def hypervolume(info: SearchInfo) -> float:
    """Share, in percent, of the square from (0, 0) to (100, 100) that the front dominates."""
    area, below = 0.0, 0.0
    points = sorted(((info.mean(c, 0), info.mean(c, 1)) for c in front(info)), reverse=True)
    for first, second in points:  # from the right: the second objective rises
        area += max(0.0, first) * max(0.0, second - below)
        below = max(below, second)
    return area / 100


def draw_front(info: SearchInfo, paper: tuple[float, float] | None = None) -> tuple[Panel, ...]:
    """The second objective against the first."""
    figure = new_figure()
    ahead = front(info)
    shown = [(info.mean(c, 0), info.mean(c, 1)) for c in some(info, *MOST_DRAWN)]
    best = [(info.mean(c, 0), info.mean(c, 1)) for c in ahead]
    low = [min((p[i] for p in shown), default=0.0) for i in (0, 1)]
    _region(figure, best, low)
    _points(figure, shown, MEAN)
    _points(figure, best, FRONT, error_x=_bars(info, ahead, 0), error_y=_bars(info, ahead, 1))
    if paper:
        _points(figure, [paper], PAPER)
    figure.update_xaxes(title_text=plot_text(info.labels[0]))
    figure.update_yaxes(title_text=plot_text(info.labels[1]))
    words = f"{len(ahead)} configurations on the front, {hypervolume(info):.1f} % dominated"
    return (Panel("Front", figure, words),)


def _points(figure: Any, points: list[tuple[float, float]], key: Key, **more: Any) -> None:
    figure.add_scatter(
        x=[thin(x) for x, _ in points],
        y=[thin(y) for _, y in points],
        mode="markers",
        marker={
            "color": light(key.colour),
            "symbol": key.symbol,
            "size": 5 if key is MEAN else 9,
            "line": {"width": 1.5 if key is PAPER else 0},
        },
        name=plot_text(key.label),
        hovertemplate="%{fullData.name}: %{x:.2f}, %{y:.2f}<extra></extra>",
        **more,
    )


def _region(figure: Any, best: list[tuple[float, float]], low: list[float]) -> None:
    """The stairs below the front, down to a little below the lowest drawn mean."""
    if not best:
        return
    left, bottom = low[0] - 1, low[1] - 1
    corners = [(left, bottom), (left, best[0][1])]
    for i, (x, y) in enumerate(best):
        corners += [(x, y), (x, best[i + 1][1] if i + 1 < len(best) else bottom)]
    figure.add_scatter(
        x=[thin(x) for x, _ in corners],
        y=[thin(y) for _, y in corners],
        mode="lines",
        fill="toself",
        fillcolor=_SHADE,
        line={"color": light("grey"), "width": 1},
        hoverinfo="skip",
    )


def _bars(info: SearchInfo, configurations: list[Configuration], objective: int) -> dict[str, Any]:
    metric = info.objectives[objective]
    ends = [(c.trials.numbers(metric), info.mean(c, objective)) for c in configurations]
    return {
        "type": "data",
        "symmetric": False,
        "thickness": 1,
        "width": 3,
        "color": light(FRONT.colour),
        "array": [thin(max(values) - mean) for values, mean in ends],
        "arrayminus": [thin(mean - min(values)) for values, mean in ends],
    }


def front_table(info: SearchInfo) -> Table:
    """The configurations on the front, from the lowest to the highest first objective."""
    columns = (
        Column("configuration", "Number", "value"),
        *(Column(name, name, "value") for name in info.parameters),
        *(
            Column(metric, f"{label} ± sd", "mean_sd")
            for metric, label in zip(info.objectives, info.labels, strict=True)
        ),
        Column("n", "n", "value"),
    )
    rows: list[tuple[Cell, ...]] = []
    for c in front(info):
        values = [None if v is None else short_cell(v) for v in c.point.values()]
        measured = [c.trials.mean_sd(metric) for metric in info.objectives]
        rows.append((c.number, *values, *measured, c.trials.num_done))
    caption = (
        f"The front: {len(rows)} of {len(info.complete())} complete configurations, by their means "
        f"of {info.labels[0]} and {info.labels[1]}. Together they dominate {hypervolume(info):.1f} "
        "% of the square from zero to 100 % (the hypervolume, from zero as reference). Being on "
        "the front is a choice by the same seeds: confirm it on fresh ones."
    )
    return Table(info.named("search_front"), caption, columns, tuple(rows))
