"""The cells of two crossed parameters: their numbers, and which of them are like the best."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
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
from lps_sweep.report.section import slug
from lps_sweep.report.tables import Cell as TableCell
from lps_sweep.report.tables import Column, Table

if TYPE_CHECKING:
    from lps_sweep.results.view import SweepView

NEAR_TEXT = (
    "Like the best: the simultaneous 95 % interval of the difference to the highest mean, by seed "
    "with a pooled residual, does not lie below zero; which mean is highest by chance is allowed "
    "for."
)


MOST_COMPARED = 400
"""Cells up to which they are compared with the best: more would take minutes."""


@dataclass(frozen=True)
class GridInfo:
    """The cells of two parameters, the others held.

    Attributes:
        across: Name of the parameter on the x axis; `down`: on the y axis.
        columns: Levels of `across`, ascending; `rows`: of `down`.
        cells: ``cells[row][column]``.
        default: Row and column of the default cell, or None where it is not in the grid.
        held: Values of the other swept parameters.
        near: Per accuracy, row and column of the best cell and of all that are not distinguishable
            from it; empty where the seeds do not allow to tell.
    """

    across: str
    down: str
    columns: tuple[Any, ...]
    rows: tuple[Any, ...]
    cells: tuple[tuple[Cell, ...], ...]
    default: tuple[int, int] | None
    held: dict[str, Any]
    near: Mapping[str, frozenset[tuple[int, int]]]


def grid_info(view: SweepView, across: str, down: str, *, near: bool = True) -> GridInfo:
    """The cells of `across` and `down`; without `near`, which takes the longest, on request."""
    record = view.record
    held = without(held_point(view), across, down)
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
    like = {metric: _near_best(cells, metric) for metric in ACCURACIES} if near else {}
    default = places[0] if places else None
    return GridInfo(across, down, columns, rows, cells, default, held, like)


def _near_best(cells: tuple[tuple[Cell, ...], ...], metric: str) -> frozenset[tuple[int, int]]:
    from lps_sweep.results.contrasts import near_best

    if len(cells) * len(cells[0]) > MOST_COMPARED:
        return frozenset()
    values = {(i, j): c.values[metric] for i, row in enumerate(cells) for j, c in enumerate(row)}
    found = near_best(values)
    return frozenset(found[1]) if found else frozenset()


def numeric_pairs(view: SweepView) -> list[tuple[str, str]]:
    """Pairs of listed numeric parameters that were crossed, not only varied one at a time."""
    if view.record.search:
        return []
    record, held = view.record, held_point(view)
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


def grid_table(info: GridInfo) -> Table:
    """One row per cell: mean and sd of the accuracies, n, and why seeds are missing."""
    columns = (
        Column(info.across, info.across, "value"),
        Column(info.down, info.down, "value"),
        *(Column(metric, f"{title} ± sd", "mean_sd") for metric, title in ACCURACIES.items()),
        Column("n", "n", "value"),
        Column("planned", "Planned", "value"),
        Column("missing", "Missing"),
        *(Column(f"{m}_near_best", f"{t}, like the best") for m, t in ACCURACIES.items()),
    )
    rows: list[tuple[TableCell, ...]] = []
    marked = set()
    for j, x in enumerate(info.columns):
        for i, y in enumerate(info.rows):
            cell = info.cells[i][j]
            if (i, j) == info.default:
                marked.add(len(rows))
            pairs = [cell.mean_sd(metric) for metric in ACCURACIES]
            near = [_near_word(info, metric, (i, j)) for metric in ACCURACIES]
            rows.append((x, y, *pairs, cell.num_done, cell.planned, cell.cause_text, *near))
    caption = (
        f"{info.across} and {info.down}: mean and sample standard deviation "
        "over n seeds, in percent"
        + (f"; held: {point_text(info.held)}" if info.held else "")
        + f". The default cell is marked. {NEAR_TEXT}"
    )
    name = f"grid_{slug(info.across)}_{slug(info.down)}"
    return Table(name, caption, columns, tuple(rows), frozenset(marked), frozenset({"planned"}))


def _near_word(info: GridInfo, metric: str, place: tuple[int, int]) -> str | None:
    """Whether a cell is like the best one; None where this cannot be told."""
    mean = info.cells[place[0]][place[1]].mean(metric)
    if mean is None or not info.near[metric]:
        return None
    return "yes" if place in info.near[metric] else "no"


def near_text(info: GridInfo, metric: str) -> str:
    """How many cells are not distinguishable from the best one."""
    valued = sum(1 for row in info.cells for cell in row if cell.mean(metric) is not None)
    if not info.near[metric]:
        return (
            "cells are not compared with the best one, for want of seeds or because of their number"
        )
    return f"{len(info.near[metric])} of {valued} cells are not distinguishable from the best"
