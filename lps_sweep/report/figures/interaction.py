"""Do two parameters act apart? Interaction plot, residuals of the sum, analysis of variance."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from lps_sweep.report.cells import ACCURACIES, point_text
from lps_sweep.report.escape import plot_text
from lps_sweep.report.figures.grid import grid_axes, grid_setting_text
from lps_sweep.report.figures.grid_cells import GridInfo, grid_info, numeric_pairs
from lps_sweep.report.figures.style import (
    DIVERGING,
    colour_scale,
    level_keys,
    light,
    new_figure,
    text_on,
    thin,
)
from lps_sweep.report.section import Block, Figure, Key, Panel, Section, slug
from lps_sweep.report.tables import Column, Table, number_text, value_text

if TYPE_CHECKING:
    from lps_sweep.results.variance import Source
    from lps_sweep.results.view import SweepView

ORDER = 31
NARROWEST = 5.0
"""Points that axes and colours span at the least, so that noise does not look like a pattern."""


@dataclass(frozen=True)
class InteractionInfo:
    """Two crossed parameters and how far they act apart.

    Attributes:
        grid: The cells.
        missing: What the grid lacks to be complete and balanced; empty when nothing.
        residuals: Per accuracy, ``[row][column]``: the cell's mean less what the means of its row
            and column add up to, in points. Empty when something is missing.
        sources: Per accuracy, the analysis of variance. Empty when something is missing.
    """

    grid: GridInfo
    missing: str
    residuals: Mapping[str, tuple[tuple[float, ...], ...]]
    sources: Mapping[str, tuple[Source, ...]]


def interaction_info(view: SweepView, across: str, down: str) -> InteractionInfo:
    """Interaction of `across` and `down`, the others held."""
    from lps_sweep.results.variance import grid_variance

    grid = grid_info(view, across, down, near=False)
    seeds = view.record.seeds
    cells = [cell for row in grid.cells for cell in row]
    short = sum(1 for c in cells if any(set(c.values[m]) != set(seeds) for m in ACCURACIES))
    if short or len(seeds) < 2:
        missing = f"{short} of {len(cells)} cells lack seeds" if short else "there is one seed"
        return InteractionInfo(grid, missing, {}, {})
    residuals, sources = {}, {}
    for metric in ACCURACIES:
        y = np.array([[[c.values[metric][s] for s in seeds] for c in row] for row in grid.cells])
        means = y.mean(2)
        added = means.mean(1, keepdims=True) + means.mean(0, keepdims=True) - means.mean()
        residuals[metric] = tuple(map(tuple, (means - added).tolist()))
        sources[metric] = grid_variance(y.transpose(1, 0, 2).tolist(), across, down)
    return InteractionInfo(grid, "", residuals, sources)


def variance_table(info: InteractionInfo) -> Table:
    """One row per accuracy and source of variation."""
    columns = (
        Column("accuracy", "Accuracy"),
        Column("source", "Source"),
        Column("squares", "Sum of squares", "number"),
        Column("df", "df", "value"),
        Column("share", "Share, %", "number"),
        Column("chance", "Share without any effect, %", "number"),
        Column("p", "p", "number", 3),
        Column("partial", "Partial share, 95 % interval, %", "interval"),
    )
    rows = tuple(
        (title, s.name, s.squares, s.df, 100 * s.share, 100 * s.chance, s.p, _percent(s.partial))
        for metric, title in ACCURACIES.items()
        for s in info.sources[metric]
    )
    grid = info.grid
    caption = (
        f"{grid.across} and {grid.down}{_held(grid)}: exact analysis of variance of the complete, "
        "balanced grid, the seed as a block. The share of a source is that of the total sum of "
        "squares; beside it the share that it would be expected to have if nothing mattered, which "
        "is its share of the degrees of freedom. p: F test against the residual, one test at a "
        "time. The partial share is that of a source in itself and the noise, without the other "
        "sources; its interval is of the true one (noncentral F). All for near-normal values of "
        "like spread only, which merged classes are not."
    )
    return Table(f"variance_{_name(grid)}", caption, columns, rows)


def _percent(ends: tuple[float, float] | None) -> tuple[float, float] | None:
    return None if ends is None else (100 * ends[0], 100 * ends[1])


def draw_lines(info: InteractionInfo) -> tuple[Panel, ...]:
    """One panel per accuracy: the means along one parameter, a line per level of the other."""
    return tuple(_lines(info.grid, metric, title) for metric, title in ACCURACIES.items())


def line_keys(grid: GridInfo) -> tuple[Key, ...]:
    """Colour and dash of each line."""
    keys = level_keys(grid.rows, None if grid.default is None else grid.default[0])
    return tuple(
        Key(f"{grid.down} = {key.label}", key.colour, key.dash, "circle", key.width) for key in keys
    )


def _lines(grid: GridInfo, metric: str, title: str) -> Panel:
    figure = new_figure()
    for row, key in zip(grid.cells, line_keys(grid), strict=True):
        colour = light(key.colour)
        points = [
            (x, value, cell.trials.get(seed, ""))
            for x, cell in zip(grid.columns, row, strict=True)
            for seed, value in sorted(cell.values[metric].items())
        ]
        figure.add_scatter(
            x=[x for x, *_ in points],
            y=[thin(y) for _, y, _ in points],
            ids=[trial for *_, trial in points],
            mode="markers",
            marker={"color": colour, "size": 4},
            hovertemplate="%{x}: %{y:.1f}<extra></extra>",
        )
        figure.add_scatter(
            x=list(grid.columns),
            y=[thin(cell.mean(metric)) for cell in row],
            mode="lines+markers",
            line={"color": colour, "dash": key.dash, "width": key.width},
            marker={"color": colour, "size": 6},
            name=plot_text(key.label),
            hovertemplate=f"{plot_text(grid.across)} = %{{x}}, %{{fullData.name}}: %{{y:.1f}}"
            "<extra></extra>",
        )
    figure.update_xaxes(
        title_text=plot_text(grid.across),
        tickmode="array",
        tickvals=list(grid.columns),
        ticktext=[plot_text(value_text(level)) for level in grid.columns],
    )
    values = [v for row in grid.cells for cell in row for v in cell.numbers(metric)] or [0.0]
    aside = max(0.0, NARROWEST - max(values) + min(values)) / 2 + 0.5
    figure.update_yaxes(
        title_text="%", range=[thin(min(values) - aside), thin(min(max(values) + aside, 100.5))]
    )
    return Panel(title, figure, f"means by {grid.across}, a line for each {grid.down}")


def draw_residuals(info: InteractionInfo) -> tuple[Panel, ...]:
    """One heatmap per accuracy, with the same colours for all, centred at zero."""
    largest = max(abs(v) for rows in info.residuals.values() for row in rows for v in row)
    return tuple(
        _residuals(info, metric, title, max(largest, NARROWEST / 2))
        for metric, title in ACCURACIES.items()
    )


def _residuals(info: InteractionInfo, metric: str, title: str, limit: float) -> Panel:
    grid, rows = info.grid, info.residuals[metric]
    figure = new_figure()
    figure.add_heatmap(
        z=[[thin(value) for value in row] for row in rows],
        x=list(range(len(grid.columns))),
        y=list(range(len(grid.rows))),
        zmin=thin(-limit),
        zmax=thin(limit),
        colorscale=colour_scale(DIVERGING),
        xgap=2,
        ygap=2,
        hovertemplate="%{z:+.1f} points<extra></extra>",
        colorbar={"thickness": 8, "outlinewidth": 0, "ticklen": 3, "tickfont": {"size": 10}},
    )
    written = []
    for i, row in enumerate(rows):
        for j, value in enumerate(row):
            place = (value / limit + 1) / 2
            font = {"size": 11, "color": text_on(DIVERGING, place)}
            text = number_text(value, 1, signed=True).replace("-", "\u2212")
            written.append({"x": j, "y": i, "text": text, "showarrow": False, "font": font})
    figure.update_layout(annotations=written)
    grid_axes(figure, grid)
    largest = max(abs(value) for row in rows for value in row)
    return Panel(title, figure, f"residuals of the sum up to {largest:.1f} points")


def sections(view: SweepView) -> list[Section]:
    """One section per pair of crossed numeric parameters."""
    return [_section(view, interaction_info(view, *pair)) for pair in numeric_pairs(view)]


def _section(view: SweepView, info: InteractionInfo) -> Section:
    grid = info.grid
    blocks: list[Block] = []
    if any(cell.num_done for row in grid.cells for cell in row):
        blocks.append(_line_figure(view, info))
    if info.missing:
        blocks.append(
            f"Residuals and analysis of variance are missing: they need a complete grid with every "
            f"seed in every cell, and {info.missing}."
        )
    else:
        blocks += [_residual_figure(view, info), variance_table(info)]
    title = f"Interaction of {grid.across} and {grid.down}"
    return Section(f"interaction_{_name(grid)}", title, tuple(blocks))


def _line_figure(view: SweepView, info: InteractionInfo) -> Figure:
    grid = info.grid
    caption = (
        f"Means by {grid.across}, a line for each {grid.down}{_held(grid)}; dots are the seeds. "
        "Lines that run in parallel speak for effects that add up; a few seeds with a merged class "
        f"are enough to cross them. {grid_setting_text(view, grid)}"
    )
    return Figure(
        f"interaction_{_name(grid)}_figure",
        _finding(info),
        caption,
        line_keys(grid),
        lambda: draw_lines(info),
        300,
        f"grid_{_name(grid)}",
    )


def _finding(info: InteractionInfo) -> str:
    grid = info.grid
    if info.missing:
        return f"Means along {grid.across}, by {grid.down}"
    sources = {source.name: source for source in info.sources["acc_novel"]}
    rest = 100 * (sources.pop("seed").share + sources.pop("residual").share)
    parts = [
        f"{name} {100 * source.share:.0f} % ({100 * source.chance:.0f} % by chance)"
        for name, source in sources.items()
    ]
    return f"Novel: seeds and what remains carry {rest:.0f} % of the variation, {', '.join(parts)}"


def _residual_figure(view: SweepView, info: InteractionInfo) -> Figure:
    grid = info.grid
    caption = (
        "Mean of each cell less what the means of its row and column add up to, in points"
        f"{_held(grid)}. Zero everywhere: the two parameters act apart. "
        f"{grid_setting_text(view, grid)}"
    )
    return Figure(
        f"residuals_{_name(grid)}_figure",
        f"What {grid.across} and {grid.down} do together and not by themselves",
        caption,
        (),
        lambda: draw_residuals(info),
        90 + 40 * max(4, min(len(grid.rows), 14)),
        f"variance_{_name(grid)}",
    )


def _held(grid: GridInfo) -> str:
    return f", at {point_text(grid.held)}" if grid.held else ""


def _name(grid: GridInfo) -> str:
    return f"{slug(grid.across)}_{slug(grid.down)}"
