"""Heatmap of two swept numeric parameters: the mean and n of each cell, as they are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from lps_sweep.report.cells import ACCURACIES, point_text
from lps_sweep.report.escape import plot_text
from lps_sweep.report.figures.grid_cells import (
    NEAR_TEXT,
    GridInfo,
    cell_label,
    grid_info,
    grid_table,
    near_text,
    numeric_pairs,
)
from lps_sweep.report.figures.style import (
    SEQUENTIAL,
    colour_scale,
    light,
    new_figure,
    switch,
    text_on,
    thin,
)
from lps_sweep.report.figures.where import seeds_text, where_text
from lps_sweep.report.section import Figure, Fold, Key, Panel, Section, slug
from lps_sweep.report.tables import value_text

if TYPE_CHECKING:
    from lps_sweep.results.view import SweepView

ORDER = 30
WIDEST = 12
"""Levels of one parameter up to which the numbers are printed in the cells."""
NARROWEST = 5.0
"""Points that a colour scale spans at the least, so that noise does not look like a pattern."""


def draw_grid(info: GridInfo) -> tuple[Panel, ...]:
    """One heatmap per accuracy, each with a colour scale of its own means."""
    return tuple(_heatmap(info, metric, title) for metric, title in ACCURACIES.items())


def colour_range(info: GridInfo, metric: str) -> tuple[float, float]:
    """Ends of the colour scale: all means, and at least `NARROWEST` points."""
    found = [cell.mean(metric) for row in info.cells for cell in row]
    means = [mean for mean in found if mean is not None] or [0.0]
    middle = (min(means) + max(means)) / 2
    half = max(max(means) - min(means), NARROWEST) / 2
    low = max(0.0, min(middle - half, 100.0 - 2 * half))
    return low, low + 2 * half


def _heatmap(info: GridInfo, metric: str, title: str) -> Panel:
    labels = [[cell_label(cell, metric) for cell in row] for row in info.cells]
    low, high = colour_range(info, metric)
    figure = new_figure()
    figure.add_heatmap(
        z=[[thin(cell.mean(metric)) for cell in row] for row in info.cells],
        x=list(range(len(info.columns))),
        y=list(range(len(info.rows))),
        zmin=thin(low),
        zmax=thin(high),
        colorscale=colour_scale(SEQUENTIAL),
        customdata=[
            [f"{_point(info, i, j)}<br>{_told(info, metric, i, j)}" for j in range(len(row))]
            for i, row in enumerate(labels)
        ],
        hovertemplate="%{customdata}<extra></extra>",
        xgap=5,
        ygap=5,
        colorbar={"thickness": 8, "outlinewidth": 0, "ticklen": 3, "tickfont": {"size": 10}},
    )
    views = _views(info, metric, labels)
    figure.update_layout(annotations=views[0]["args"][1].get("annotations", []))  # all at once
    figure.update_layout(updatemenus=[switch(views)], margin={"t": 40})
    _outline_region(figure, info.near[metric])
    if info.default is not None:
        _mark_default(figure, *info.default)
    grid_axes(figure, info)
    return Panel(title, figure, _spoken(info, metric))


def _views(
    info: GridInfo, metric: str, labels: list[list[tuple[str, str]]]
) -> list[dict[str, Any]]:
    """Buttons that show the mean, the sd or n of the cells, in colour and in numbers."""
    stats = [[cell.stats(metric) for cell in row] for row in info.cells]
    sds = [[None if s is None else s.sd for s in row] for row in stats]
    counts = [[0.0 if s is None else float(s.n) for s in row] for row in stats]
    widest = max((sd for row in sds for sd in row if sd is not None), default=0.0)
    planned = max((float(cell.planned) for row in info.cells for cell in row), default=1.0)
    of_n = [[label[1] for label in row] for row in labels]
    means = [[cell.mean(metric) for cell in row] for row in info.cells]
    first = [[label[0] for label in row] for row in labels]
    sd_texts = [["—" if sd is None else f"{sd:.1f}" for sd in row] for row in sds]
    n_texts = [[f"{n:.0f}" for n in row] for row in counts]
    rests = [
        [
            _short(text) if n == 0 else f"of {cell.planned}"
            for text, n, cell in zip(*row, strict=True)
        ]
        for row in zip(of_n, counts, info.cells, strict=True)
    ]
    return [
        _view(info, "mean", means, colour_range(info, metric), first, of_n),
        _view(info, "sd", sds, (0.0, max(widest, NARROWEST / 2)), sd_texts, of_n),
        _view(info, "n", counts, (0.0, max(planned, 1.0)), n_texts, rests),
    ]


def _view(
    info: GridInfo,
    label: str,
    values: Sequence[Sequence[float | None]],
    ends: tuple[float, float],
    texts: Sequence[Sequence[str]],
    below: Sequence[Sequence[str]],
) -> dict[str, Any]:
    low, high = ends
    colours = {
        "z": [[[thin(value) for value in row] for row in values]],
        "zmin": [thin(low)],
        "zmax": [thin(high)],
    }
    written = []
    for i, row in enumerate(values):
        for j, value in enumerate(row):
            font: dict[str, Any] = {"size": 11}
            second = below[i][j]
            if value is None:
                font, second = {"size": 9}, _short(second)
            else:
                font["color"] = text_on(SEQUENTIAL, (value - low) / (high - low))
            text = f"{texts[i][j]}<br>{plot_text(second).replace(', ', '<br>')}"
            written.append({"x": j, "y": i, "text": text, "showarrow": False, "font": font})
    fits = max(len(info.columns), len(info.rows)) <= WIDEST
    notes: dict[str, Any] = {"annotations": written} if fits else {}
    return {"label": label, "method": "update", "args": [colours, notes]}


def _short(cause: str) -> str:
    words = cause.split(", ")
    if len(words) == 1:
        return words[0].lstrip("0123456789 ")
    return ", ".join(words) if len(words) == 2 else "several causes"


def _told(info: GridInfo, metric: str, row: int, column: int) -> str:
    cell = info.cells[row][column]
    found = cell.stats(metric)
    spread = "" if found is None or found.sd is None else f" ± {found.sd:.1f}"
    first, second = cell_label(cell, metric)
    return f"{first}{spread}, {plot_text(second)}"


def _point(info: GridInfo, row: int, column: int) -> str:
    return plot_text(point_text({info.across: info.columns[column], info.down: info.rows[row]}))


def _mark_default(figure: Any, row: int, column: int) -> None:
    """A frame within the cell; the white line under it sets it off on every colour."""
    for colour, width in (("#ffffff", 5), (light("vermillion"), 2.5)):
        figure.add_shape(
            type="rect",
            x0=column - 0.41,
            x1=column + 0.41,
            y0=row - 0.41,
            y1=row + 0.41,
            line={"color": colour, "width": width},
        )


def _outline_region(figure: Any, region: frozenset[tuple[int, int]]) -> None:
    """A line around `region`, in the gaps between its cells and the others."""
    sides = ((1, 0), (-1, 0), (0, 1), (0, -1))
    edges = [
        (i + di / 2, j + dj / 2, abs(di) / 2, abs(dj) / 2)
        for i, j in sorted(region)
        for di, dj in sides
        if (i + di, j + dj) not in region
    ]
    path = " ".join(f"M{x - along},{y - up}L{x + along},{y + up}" for y, x, along, up in edges)
    if path:
        figure.add_shape(type="path", path=path, line={"color": light("ink"), "width": 2.5})


def grid_setting_text(view: SweepView, info: GridInfo) -> str:
    """What the cells were run with and how many of their trials count."""
    settings = {**view.record.settings, **info.held}
    cells = [cell for row in info.cells for cell in row]
    return f"{where_text(settings, info.across, info.down)}; {seeds_text(cells)}."


def grid_axes(figure: Any, info: GridInfo) -> None:
    """Axes of a heatmap whose cells stand at whole numbers."""
    for update, name, levels in (
        (figure.update_xaxes, info.across, info.columns),
        (figure.update_yaxes, info.down, info.rows),
    ):
        update(
            title_text=plot_text(name),
            tickmode="array",
            tickvals=list(range(len(levels))),
            ticktext=[plot_text(value_text(level)) for level in levels],
            range=[-0.5, len(levels) - 0.5],
            showline=False,
            showgrid=False,
            ticks="",
        )


def _spoken(info: GridInfo, metric: str) -> str:
    found = [cell.mean(metric) for row in info.cells for cell in row]
    means = [mean for mean in found if mean is not None]
    if not means:
        return "no cell has a value"
    text = f"cell means from {min(means):.1f} to {max(means):.1f} over {len(means)} cells"
    return f"{text}; {near_text(info, metric)}"


def sections(view: SweepView) -> list[Section]:
    """One section per pair of crossed numeric parameters."""
    return [_section(view, grid_info(view, *pair)) for pair in numeric_pairs(view)]


def _lead_text(info: GridInfo) -> str:
    """What choosing the highest cell adds to its mean by itself; empty where it cannot be told."""
    from lps_sweep.results.ranking import chance_lead

    if not info.near.get("acc_novel"):
        return ""
    cells = [cell for row in info.cells for cell in row]
    lead = chance_lead({i: cell.values["acc_novel"] for i, cell in enumerate(cells)})
    if lead is None:
        return ""
    return (
        f" Were all cells alike, the highest novel mean would still be expected {lead:.1f} points "
        "above the mean of all (by permutation): a value chosen here is too high by up to that."
    )


def _section(view: SweepView, info: GridInfo) -> Section:
    cells = [cell for row in info.cells for cell in row]
    full = sum(1 for c in cells if c.planned and len(c.numbers("acc_all")) == c.planned)
    title = (
        f"Novel: {near_text(info, 'acc_novel')} ({full} of {len(cells)} cells have all their seeds)"
    )
    caption = (
        "Mean final accuracy in percent, and n, of each cell; nothing is interpolated. The buttons "
        "show the sample standard deviation and n in its place. A count in "
        "brackets marks a cell that lacks seeds, a dash a cell without any, with the cause. "
        "The default cell has a frame. A line goes around the cells that are not distinguishable "
        f"from the best. Each panel has a colour scale of its own, at least {NARROWEST:.0f} points "
        f"wide. {NEAR_TEXT} {grid_setting_text(view, info)}"
    )
    name = f"grid_{slug(info.across)}_{slug(info.down)}"
    figure = Figure(
        f"{name}_figure",
        title,
        caption,
        (
            Key("default cell", "vermillion", "none", "square-open"),
            Key("around the cells not distinguishable from the best", "ink", "solid", "", 2.5),
        ),
        lambda: draw_grid(info),
        110 + 46 * max(4, min(len(info.rows), 14)),
        name,
    )
    held = f", at {point_text(info.held)}" if info.held else ""
    note = (
        "Trials that are not done do not enter the means. With few seeds a cell, the highest of "
        f"{len(cells)} means is highest partly by chance: the map shows where to look, and ranks "
        f"nothing.{_lead_text(info)}"
    )
    return Section(
        name,
        f"{info.across} \u00d7 {info.down}{held}",
        (note, figure, Fold("The numbers", grid_table(info))),
    )
