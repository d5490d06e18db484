"""The cells of two crossed parameters, how far the two act apart, and the tables of both."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from lps_sweep.report.cells import (
    ACCURACIES,
    Cell,
    cell_of,
    held_point,
    in_order,
    index_of,
    is_numeric,
    same,
    select,
    without,
)
from lps_sweep.report.columns import ACCURACY, counts, means, parameter, per_metric
from lps_sweep.report.model import Column, Table
from lps_sweep.report.numbers import at_text, slug
from lps_sweep.report.reference import setting_text

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from lps_sweep.results.variance import Source
    from lps_sweep.results.view import SweepView

MOST_COMPARED = 400
"""Cells up to which they are compared with the best: more would take minutes."""

NEAR_TEXT = (
    "Like the best: the simultaneous 95 % interval of the difference to the highest mean, by seed "
    "with a pooled residual, does not lie below zero; that the highest is highest by chance is "
    "allowed for."
)
_VARIANCE_NOTES = (
    "The seed is a block. Share: of the total sum of squares; beside it what is expected without "
    "any effect, the share of the degrees of freedom. p: F test, one at a time, of a parameter "
    "against parameter \u00d7 seed and of the interaction against the residual. Partial share: of "
    "the source and the noise of the means that its test compares, with the interval of the true "
    "one (noncentral F). All hold for near-normal values of like spread, which merged classes are "
    "not."
)
Place = tuple[int, int]
"""Row and column of a cell."""


@dataclass(frozen=True)
class Spot:
    """A cell and where it lies: a row of a table."""

    grid: Grid
    row: int
    column: int

    @property
    def across(self) -> Any:
        """Its value of the parameter on the x axis."""
        return self.grid.columns[self.column]

    @property
    def down(self) -> Any:
        """Its value of the parameter on the y axis."""
        return self.grid.rows[self.row]

    @property
    def cell(self) -> Cell:
        """Its trials."""
        return self.grid.cells[self.row][self.column]

    def near(self, metric: str) -> str | None:
        """Whether it is like the best cell; None where this cannot be told."""
        near = self.grid.near[metric]
        if not near or self.cell.mean(metric) is None:
            return None
        return "yes" if (self.row, self.column) in near else "no"


@dataclass(frozen=True)
class Grid:
    """The cells of two parameters, the others held.

    Attributes:
        across: Name of the parameter on the x axis; `down`: on the y axis.
        columns: Levels of `across`, ascending; `rows`: of `down`.
        cells: ``cells[row][column]``.
        default: Row and column of the default cell, or None where it is not in the grid.
        held: Values of the other swept parameters.
        seeds: The planned seeds.
        setting: What all of it was run with, in words.
    """

    across: str
    down: str
    columns: tuple[Any, ...]
    rows: tuple[Any, ...]
    cells: tuple[tuple[Cell, ...], ...]
    default: Place | None
    held: dict[str, Any]
    seeds: tuple[int, ...]
    setting: str

    @property
    def name(self) -> str:
        """For slugs."""
        return f"{slug(self.across)}_{slug(self.down)}"

    @property
    def flat(self) -> dict[Place, Cell]:
        """The cells by their place, row after row."""
        return {(i, j): cell for i, row in enumerate(self.cells) for j, cell in enumerate(row)}

    @property
    def spots(self) -> list[Spot]:
        """The cells, column after column."""
        rows = range(len(self.rows))
        return [Spot(self, i, j) for j in range(len(self.columns)) for i in rows]

    def means(self, metric: str) -> list[list[float | None]]:
        """The mean of each cell."""
        return [[cell.mean(metric) for cell in row] for row in self.cells]

    @cached_property
    def near(self) -> dict[str, frozenset[Place]]:
        """Per accuracy the best cell and all that are not distinguishable from it.

        Empty where the seeds do not allow to tell, and for more than `MOST_COMPARED` cells.
        """
        from lps_sweep.results.contrasts import near_best

        few = len(self.flat) <= MOST_COMPARED
        values = {m: {p: c.values[m] for p, c in self.flat.items()} for m in ACCURACIES}
        found = {m: near_best(values[m]) if few else None for m in ACCURACIES}
        return {m: frozenset(pair[1]) if pair else frozenset() for m, pair in found.items()}

    @property
    def lacks(self) -> str:
        """What it lacks to be complete and balanced; empty when nothing."""
        cells = self.flat.values()
        short = sum(any(set(c.values[m]) != set(self.seeds) for m in ACCURACIES) for c in cells)
        if short:
            return f"{short} of {len(cells)} cells lack seeds"
        return "there is one seed" if len(self.seeds) < 2 else ""

    def values(self, metric: str) -> NDArray[Any]:
        """The value of each row, column and seed of a complete grid."""
        import numpy as np

        return np.array(
            [[[c.values[metric][s] for s in self.seeds] for c in row] for row in self.cells]
        )

    def residuals(self, metric: str) -> list[list[float]]:
        """Each cell's mean less what the means of its row and column add up to, in points."""
        means = self.values(metric).mean(2)
        added = means.mean(1, keepdims=True) + means.mean(0, keepdims=True) - means.mean()
        return [list(map(float, row)) for row in means - added]

    def variance(self, metric: str) -> tuple[Source, ...]:
        """The analysis of variance of a complete grid."""
        from lps_sweep.results.variance import grid_variance

        values = self.values(metric).transpose(1, 0, 2).tolist()
        return grid_variance(values, self.across, self.down)


def read_grid(view: SweepView, across: str, down: str) -> Grid:
    """The cells of `across` and `down`."""
    record = view.record
    held = without(held_point(view), across, down)
    trials = select(view.trials, held)
    columns, rows = in_order(record.axes[across]), in_order(record.axes[down])
    cells = tuple(
        tuple(cell_of(select(trials, {across: x, down: y}), tuple(ACCURACIES)) for x in columns)
        for y in rows
    )
    i, j = (
        index_of(levels, record.defaults.get(name))
        for name, levels in ((down, rows), (across, columns))
    )
    default = None if i is None or j is None else (i, j)
    flat = itertools.chain.from_iterable(cells)
    setting = setting_text({**record.settings, **held}, flat, across, down)
    return Grid(across, down, columns, rows, cells, default, held, tuple(record.seeds), setting)


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


def grid_table(grid: Grid) -> Table:
    """One row per cell: mean and sd of the accuracies, n, and why seeds are missing."""
    spots = grid.spots
    columns = (
        parameter(grid.across, "across"),
        parameter(grid.down, "down"),
        *means(ACCURACIES),
        *counts(spots),
        *per_metric(ACCURACIES, "{}_near_best", "{}, like the best", "text", Spot.near),
    )
    caption = (
        f"{grid.across} and {grid.down}{at_text(grid.held)}: mean ± sample standard deviation over "
        "n seeds, in percent. The default cell is marked."
    )
    marked = frozenset(i for i, s in enumerate(spots) if (s.row, s.column) == grid.default)
    name = f"grid_{grid.name}"
    return Table.of(name, caption, columns, spots, marked=marked, notes=NEAR_TEXT)


def variance_table(grid: Grid) -> Table:
    """One row per accuracy and source of variation, of a complete grid."""

    def percent(ends: tuple[float, float] | None) -> tuple[float, float] | None:
        return None if ends is None else (100 * ends[0], 100 * ends[1])

    rows = tuple(
        (title, s.name, s.squares, s.df, 100 * s.share, 100 * s.chance, s.p, percent(s.partial))
        for metric, title in ACCURACIES.items()
        for s in grid.variance(metric)
    )
    columns = (
        ACCURACY,
        Column("source", "Source"),
        Column("squares", "Sum of squares", "number"),
        Column("df", "df", "value"),
        Column("share", "Share, %", "number"),
        Column("chance", "Share without any effect, %", "number"),
        Column("p", "p", "number", 3),
        Column("partial", "Partial share, 95 % interval, %", "interval"),
    )
    caption = (
        f"{grid.across} and {grid.down}{at_text(grid.held)}: exact analysis of variance of the "
        "complete, balanced grid."
    )
    return Table(f"variance_{grid.name}", caption, columns, rows, notes=_VARIANCE_NOTES)
