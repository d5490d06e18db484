"""Heatmap of two swept numeric parameters: the mean and n of each cell, as they are."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lps_sweep.report.cells import (
    ACCURACIES,
    Cell,
    cell_of,
    held_point,
    in_order,
    is_numeric,
    point_text,
    same,
    select,
    without,
)
from lps_sweep.report.escape import plot_text
from lps_sweep.report.figures.style import light, new_figure, thin
from lps_sweep.report.section import Figure, Fold, Key, Panel, Section, slug
from lps_sweep.report.tables import Cell as TableCell
from lps_sweep.report.tables import Column, Table, value_text

if TYPE_CHECKING:
    from lps_sweep.results.view import SweepView

ORDER = 30
WIDEST = 12
"""Levels of one parameter up to which the numbers are printed in the cells."""
NARROWEST = 5.0
"""Points that a colour scale spans at the least, so that noise does not look like a pattern."""


@dataclass(frozen=True)
class GridInfo:
    """The cells of two parameters, the others held.

    Attributes:
        across: Name of the parameter on the x axis; `down`: on the y axis.
        columns: Levels of `across`, ascending; `rows`: of `down`.
        cells: ``cells[row][column]``.
        default: Row and column of the default cell, or None where it is not in the grid.
        held: Values of the other swept parameters.
    """

    across: str
    down: str
    columns: tuple[Any, ...]
    rows: tuple[Any, ...]
    cells: tuple[tuple[Cell, ...], ...]
    default: tuple[int, int] | None
    held: dict[str, Any]


def grid_info(view: SweepView, across: str, down: str) -> GridInfo:
    """The cells of `across` and `down`."""
    record = view.record
    held = without(held_point(record), across, down)
    trials = select(view.trials, held)
    columns, rows = in_order(record.axes[across]), in_order(record.axes[down])
    cells = tuple(
        tuple(cell_of(select(trials, {across: x, down: y}), tuple(ACCURACIES)) for x in columns)
        for y in rows
    )
    places = [
        (i, j)
        for i, y in enumerate(rows)
        for j, x in enumerate(columns)
        if same(y, record.defaults.get(down)) and same(x, record.defaults.get(across))
    ]
    return GridInfo(across, down, columns, rows, cells, places[0] if places else None, held)


def numeric_pairs(view: SweepView) -> list[tuple[str, str]]:
    """Pairs of swept numeric parameters that were crossed, not only varied one at a time."""
    record, held = view.record, held_point(view.record)
    names = [n for n, v in record.axes.items() if is_numeric(v) and len(v) > 1]
    pairs = []
    for across, down in itertools.combinations(names, 2):
        trials = select(view.trials, without(held, across, down))
        both = zip(trials[across].tolist(), trials[down].tolist(), strict=True)
        if any(not same(x, held[across]) and not same(y, held[down]) for x, y in both):
            pairs.append((across, down))
    return pairs


def cell_label(cell: Cell, metric: str) -> tuple[str, str]:
    """What is printed in a cell: the mean or a dash, and below it n, ``(2/3)``, or the cause."""
    mean, n = cell.mean(metric), len(cell.numbers(metric))
    if mean is None:
        return "—", cell.cause_text or "no value"
    return f"{mean:.1f}", f"n {n}" if n == cell.planned else f"({n}/{cell.planned})"


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
        colorscale="Cividis",
        customdata=[
            [f"{_point(info, i, j)}<br>{a}, {plot_text(b)}" for j, (a, b) in enumerate(row)]
            for i, row in enumerate(labels)
        ],
        hovertemplate="%{customdata}<extra></extra>",
        xgap=2,
        ygap=2,
        colorbar={"thickness": 8, "outlinewidth": 0, "ticklen": 3, "tickfont": {"size": 10}},
    )
    if max(len(info.columns), len(info.rows)) <= WIDEST:
        _write_cells(figure, info, metric, labels)
    if info.default is not None:
        _outline(figure, *info.default)
    _axes(figure, info)
    return Panel(title, figure, _spoken(info, metric))


def _write_cells(
    figure: Any, info: GridInfo, metric: str, labels: list[list[tuple[str, str]]]
) -> None:
    low, high = colour_range(info, metric)
    for i, row in enumerate(labels):
        for j, (first, second) in enumerate(row):
            mean = info.cells[i][j].mean(metric)
            font: dict[str, Any] = {"size": 11}
            if mean is None:
                font, second = {"size": 9}, _short(second)
            else:
                font["color"] = "#000001" if (mean - low) / (high - low) > 0.45 else "#ffffff"
            text = f"{first}<br>{plot_text(second).replace(', ', '<br>')}"
            figure.add_annotation(x=j, y=i, text=text, showarrow=False, font=font)


def _short(cause: str) -> str:
    words = cause.split(", ")
    if len(words) == 1:
        return words[0].lstrip("0123456789 ")
    return ", ".join(words) if len(words) == 2 else "several causes"


def _point(info: GridInfo, row: int, column: int) -> str:
    return plot_text(point_text({info.across: info.columns[column], info.down: info.rows[row]}))


def _outline(figure: Any, row: int, column: int) -> None:
    figure.add_shape(
        type="rect",
        x0=column - 0.5,
        x1=column + 0.5,
        y0=row - 0.5,
        y1=row + 0.5,
        line={"color": light("vermillion"), "width": 3},
    )


def _axes(figure: Any, info: GridInfo) -> None:
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
    return f"cell means from {min(means):.1f} to {max(means):.1f} over {len(means)} cells"


def grid_table(info: GridInfo) -> Table:
    """One row per cell: mean and sd of the accuracies, n, and why seeds are missing."""
    columns = (
        Column(info.across, info.across, "value"),
        Column(info.down, info.down, "value"),
        *(Column(metric, f"{title} ± sd", "mean_sd") for metric, title in ACCURACIES.items()),
        Column("n", "n", "value"),
        Column("planned", "Planned", "value"),
        Column("missing", "Missing"),
    )
    rows: list[tuple[TableCell, ...]] = []
    marked = set()
    for j, x in enumerate(info.columns):
        for i, y in enumerate(info.rows):
            cell = info.cells[i][j]
            if (i, j) == info.default:
                marked.add(len(rows))
            pairs = [cell.mean_sd(metric) for metric in ACCURACIES]
            rows.append((x, y, *pairs, cell.num_done, cell.planned, cell.cause_text))
    caption = (
        f"{info.across} and {info.down}: mean and sample standard deviation "
        "over n seeds, in percent"
        + (f"; held: {point_text(info.held)}" if info.held else "")
        + ". The default cell is marked."
    )
    name = f"grid_{slug(info.across)}_{slug(info.down)}"
    return Table(name, caption, columns, tuple(rows), frozenset(marked), frozenset({"planned"}))


def sections(view: SweepView) -> list[Section]:
    """One section per pair of crossed numeric parameters."""
    return [_section(grid_info(view, *pair)) for pair in numeric_pairs(view)]


def _section(info: GridInfo) -> Section:
    cells = [cell for row in info.cells for cell in row]
    full = sum(1 for c in cells if c.planned and len(c.numbers("acc_all")) == c.planned)
    title = f"{full} of {len(cells)} cells have all their seeds"
    caption = (
        "Mean final accuracy in percent, and n, of each cell; nothing is interpolated. A count in "
        "brackets marks a cell that lacks seeds, a dash a cell without any, with the cause. "
        "The default cell is outlined. Each panel has a colour scale of its own, at least "
        f"{NARROWEST:.0f} points wide."
    )
    name = f"grid_{slug(info.across)}_{slug(info.down)}"
    figure = Figure(
        f"{name}_figure",
        title,
        caption,
        (Key("default cell", "vermillion", "none", "square-open"),),
        lambda: draw_grid(info),
        90 + 46 * max(4, min(len(info.rows), 14)),
        name,
    )
    held = f", at {point_text(info.held)}" if info.held else ""
    note = (
        "Trials that are not done do not enter the means. With few seeds a cell, the highest of "
        f"{len(cells)} means is highest partly by chance: the map shows where to look, and ranks "
        "nothing."
    )
    return Section(
        name,
        f"{info.across} \u00d7 {info.down}{held}",
        (note, figure, Fold("The numbers", grid_table(info))),
    )
