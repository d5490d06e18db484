"""Two crossed numeric parameters: the map of their cells, and whether the two act apart."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from lps_sweep.report import draw, marks
from lps_sweep.report.cells import ACCURACIES, Cell
from lps_sweep.report.escape import plot_text
from lps_sweep.report.grid import (
    NEAR_TEXT,
    Grid,
    Place,
    grid_table,
    numeric_pairs,
    read_grid,
    variance_table,
)
from lps_sweep.report.model import Block, Figure, Fold, Key, Panel, Section
from lps_sweep.report.numbers import at_text, typeset
from lps_sweep.report.plot import Plot
from lps_sweep.report.style import DIVERGING, SEQUENTIAL, level_keys, light, switch, thin

if TYPE_CHECKING:
    from lps_sweep.results.view import SweepView

ORDER = 30
WIDEST = 12
"""Levels of one parameter up to which the numbers are printed in the cells."""
NARROWEST = 5.0
"""Points that axes and colours span at the least, so that noise does not look like a pattern."""
_MAP_NOTES = (
    "The buttons show the sample standard deviation and n in place of the mean. A count in "
    "brackets marks a cell that lacks seeds, a dash a cell without any. Each panel has a colour "
    f"scale of its own, at least {NARROWEST:.0f} points wide. {NEAR_TEXT}"
)


def colour_range(grid: Grid, metric: str) -> tuple[float, float]:
    """Ends of the colour scale: all means, and at least `NARROWEST` points."""
    known = [mean for row in grid.means(metric) for mean in row if mean is not None] or [0.0]
    middle, half = (min(known) + max(known)) / 2, max(max(known) - min(known), NARROWEST) / 2
    low = max(0.0, min(middle - half, 100.0 - 2 * half))
    return low, low + 2 * half


def count_label(cell: Cell, metric: str) -> str:
    """What is printed below the number of a cell: ``n 3``, ``(2/3)``, or why it has none."""
    n = len(cell.numbers(metric))
    if n:
        return f"n {n}" if n == cell.planned else f"({n}/{cell.planned})"
    causes = cell.cause_text.split(", ")
    only = causes[0].lstrip("0123456789 ") if len(causes) == 1 else "several causes"
    return only or "no value"


def draw_map(grid: Grid) -> tuple[Panel, ...]:
    """One heatmap per accuracy, each with a colour scale of its own means."""

    def draw_one(figure: Plot, metric: str) -> str:
        told = [[_told(cell, metric) for cell in row] for row in grid.cells]
        more = {"text": told, "hovertemplate": "%{x}, %{y}<br>%{text}<extra></extra>"}
        marks.heatmap(figure, grid.means(metric), colour_range(grid, metric), SEQUENTIAL, **more)
        views = _views(grid, metric)
        figure.update_layout(annotations=views[0]["args"][1].get("annotations", []))
        figure.update_layout(updatemenus=[switch(views)], margin={"t": 40})
        _outline(figure, grid.near[metric])
        if grid.default is not None:
            _frame(figure, grid.default)
        marks.grid_axes(figure, grid)
        means = [mean for row in grid.means(metric) for mean in row if mean is not None]
        words = [f"means from {min(means):.1f} to {max(means):.1f}"] if means else []
        return marks.spoken([*words, near_text(grid, metric)])

    return draw.panels(draw_one)


def _told(cell: Cell, metric: str) -> str:
    found = cell.stats(metric)
    return (cell.cause_text or "no value") if found is None else marks.described_text(found)


def _views(grid: Grid, metric: str) -> list[dict[str, Any]]:
    """Buttons that show the mean, the sd or n of the cells, in colour and in numbers."""
    sds = [[cell.mean_sd(metric)[1] for cell in row] for row in grid.cells]
    numbers = [[float(len(cell.numbers(metric))) or None for cell in row] for row in grid.cells]
    widest = max((sd for row in sds for sd in row if sd is not None), default=0.0)
    planned = max((float(cell.planned) for cell in grid.flat.values()), default=1.0)
    return [
        _view(grid, metric, "mean", grid.means(metric), colour_range(grid, metric)),
        _view(grid, metric, "sd", sds, (0.0, max(widest, NARROWEST / 2))),
        _view(grid, metric, "n", numbers, (0.0, max(planned, 1.0))),
    ]


def _view(
    grid: Grid,
    metric: str,
    label: str,
    values: Sequence[Sequence[float | None]],
    ends: tuple[float, float],
) -> dict[str, Any]:
    z = [[thin(value) for value in row] for row in values]
    colours = {"z": [z], "zmin": [thin(ends[0])], "zmax": [thin(ends[1])]}
    digits = 0 if label == "n" else 1
    texts = [
        [
            f"{'—' if value is None else f'{value:.{digits}f}'}<br>{count_label(cell, metric)}"
            for cell, value in zip(cells, row, strict=True)
        ]
        for cells, row in zip(grid.cells, values, strict=True)
    ]
    fits = max(len(grid.columns), len(grid.rows)) <= WIDEST
    notes = {"annotations": marks.written(values, texts, ends, SEQUENTIAL)} if fits else {}
    return {"label": label, "method": "update", "args": [colours, notes]}


def _frame(figure: Any, place: Place) -> None:
    """A frame within the default cell; the white line under it sets it off on every colour."""
    row, column = place
    for colour, width in (("#ffffff", 5), (light("vermillion"), 2.5)):
        ends = {"x0": column - 0.41, "x1": column + 0.41, "y0": row - 0.41, "y1": row + 0.41}
        figure.add_shape(type="rect", **ends, line={"color": colour, "width": width})


def _outline(figure: Any, region: frozenset[Place]) -> None:
    """A line around `region`, in the gaps between its cells and the others."""
    edges = [
        (i + di / 2, j + dj / 2, abs(di) / 2, abs(dj) / 2)
        for i, j in sorted(region)
        for di, dj in ((1, 0), (-1, 0), (0, 1), (0, -1))
        if (i + di, j + dj) not in region
    ]
    path = " ".join(f"M{x - along},{y - up}L{x + along},{y + up}" for y, x, along, up in edges)
    if path:
        figure.add_shape(type="path", path=path, line={"color": light("ink"), "width": 2.5})


def near_text(grid: Grid, metric: str) -> str:
    """How many cells are not distinguishable from the best one."""
    valued = sum(1 for row in grid.means(metric) for mean in row if mean is not None)
    if not grid.near[metric]:
        return (
            "cells are not compared with the best one, for want of seeds or because of their number"
        )
    return f"{len(grid.near[metric])} of {valued} cells are not distinguishable from the best"


def line_keys(grid: Grid) -> tuple[Key, ...]:
    """Colour and dash of each line."""
    keys = level_keys(grid.rows, None if grid.default is None else grid.default[0])
    return tuple(
        Key(f"{grid.down} = {key.label}", key.colour, key.dash, "circle", key.width) for key in keys
    )


def draw_lines(grid: Grid) -> tuple[Panel, ...]:
    """One panel per accuracy: the means along one parameter, a line per level of the other."""

    def draw_one(figure: Plot, metric: str) -> str:
        for key, row in zip(line_keys(grid), grid.cells, strict=True):
            seeds = draw.seed_points(grid.columns, row, metric)
            marks.dots(figure, seeds, key, size=4, hover="%{x}: %{y:.1f}")
            lined: list[marks.Point] = [
                (x, cell.mean(metric), "") for x, cell in zip(grid.columns, row, strict=True)
            ]
            name = plot_text(key.label)
            marks.dots(figure, lined, key, line=True, name=name, hover=f"{name}: %{{y:.1f}}")
        marks.ticks(figure, "x", grid.columns, grid.columns, title_text=plot_text(grid.across))
        values = [v for cell in grid.flat.values() for v in cell.numbers(metric)] or [0.0]
        aside = max(0.0, NARROWEST - max(values) + min(values)) / 2 + 0.5
        ends = [thin(min(values) - aside), thin(min(max(values) + aside, 100.5))]
        figure.update_yaxes(title_text="%", range=ends)
        return f"means by {grid.across}, a line for each {grid.down}"

    return draw.panels(draw_one)


def draw_residuals(grid: Grid) -> tuple[Panel, ...]:
    """One heatmap per accuracy, with the same colours for all, centred at zero."""
    found = {metric: grid.residuals(metric) for metric in ACCURACIES}
    largest = {m: max(abs(v) for row in rows for v in row) for m, rows in found.items()}
    limit = max(*largest.values(), NARROWEST / 2)

    def draw_one(figure: Plot, metric: str) -> str:
        rows = found[metric]
        told = "%{z:+.1f} points<extra></extra>"
        marks.heatmap(figure, rows, (-limit, limit), DIVERGING, hovertemplate=told)
        texts = [[typeset(value, signed=True) for value in row] for row in rows]
        notes = marks.written(rows, texts, (-limit, limit), DIVERGING)
        figure.update_layout(annotations=notes)
        marks.grid_axes(figure, grid)
        return f"residuals of the sum up to {largest[metric]:.1f} points"

    return draw.panels(draw_one)


def sections(view: SweepView) -> list[Section]:
    """Two sections per pair of crossed numeric parameters: their cells, their interaction."""
    grids = [read_grid(view, *pair) for pair in numeric_pairs(view)]
    return [section for grid in grids for section in (_cells(grid), _interaction(grid))]


def _cells(grid: Grid) -> Section:
    title = f"{grid.across} \u00d7 {grid.down}{at_text(grid.held)}"
    blocks = (_map(grid), Fold("The numbers", grid_table(grid)))
    return Section(f"grid_{grid.name}", title, blocks)


def _map(grid: Grid) -> Figure:
    full = sum(1 for c in grid.flat.values() if c.planned and c.num_done == c.planned)
    novel = near_text(grid, "acc_novel")
    return Figure(
        f"grid_{grid.name}_figure",
        f"Novel: {novel} ({full} of {len(grid.flat)} cells have all their seeds)",
        "Mean final accuracy of the done trials of each cell, in percent, and n.",
        (
            Key("default cell", "vermillion", "none", "square-open"),
            Key("around the cells not distinguishable from the best", "ink", "solid", "", 2.5),
        ),
        lambda: draw_map(grid),
        110 + 46 * max(4, min(len(grid.rows), 14)),
        f"grid_{grid.name}",
        f"{_MAP_NOTES} {grid.setting}",
    )


def _interaction(grid: Grid) -> Section:
    blocks: list[Block] = []
    if any(cell.num_done for cell in grid.flat.values()):
        blocks.append(_lines(grid))
    if grid.lacks:
        blocks.append(
            "Residuals and analysis of variance are missing: they need a complete grid with every "
            f"seed in every cell, and {grid.lacks}."
        )
    else:
        blocks += [_residuals(grid), variance_table(grid)]
    title = f"Interaction of {grid.across} and {grid.down}"
    return Section(f"interaction_{grid.name}", title, tuple(blocks), folded=True)


def _lines(grid: Grid) -> Figure:
    return Figure(
        f"interaction_{grid.name}_figure",
        _finding(grid),
        f"Means by {grid.across}, a line for each {grid.down}{at_text(grid.held)}; dots are the "
        "seeds. Lines that run in parallel speak for effects that add up.",
        line_keys(grid),
        lambda: draw_lines(grid),
        300,
        f"grid_{grid.name}",
        f"A few seeds with a merged class are enough to cross the lines. {grid.setting}",
    )


def _finding(grid: Grid) -> str:
    if grid.lacks:
        return f"Means along {grid.across}, by {grid.down}"
    sources = {source.name: source for source in grid.variance("acc_novel")}
    own = (grid.across, grid.down, f"{grid.across} \u00d7 {grid.down}")
    rest = 100 * sum(source.share for name, source in sources.items() if name not in own)
    parts = [
        f"{name} {100 * sources[name].share:.0f} % ({100 * sources[name].chance:.0f} % by chance)"
        for name in own
    ]
    return f"Novel: seeds and what remains carry {rest:.0f} % of the variation, {', '.join(parts)}"


def _residuals(grid: Grid) -> Figure:
    return Figure(
        f"residuals_{grid.name}_figure",
        f"What {grid.across} and {grid.down} do together and not by themselves",
        "Mean of each cell less what the means of its row and column add up to, in points"
        f"{at_text(grid.held)}. Zero everywhere: the two parameters act apart.",
        (),
        lambda: draw_residuals(grid),
        90 + 40 * max(4, min(len(grid.rows), 14)),
        f"variance_{grid.name}",
        grid.setting,
    )
