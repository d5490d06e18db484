"""The slice of a sweep along one parameter: its numbers, its tables, its finding."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lps_sweep.report.cells import (
    ACCURACIES,
    Cell,
    cell_of,
    held_point,
    in_order,
    point_text,
    same,
    select,
    without,
)
from lps_sweep.report.comparison import LevelDifference, level_differences
from lps_sweep.report.escape import MINUS
from lps_sweep.report.reference import Reference, level_reference
from lps_sweep.report.section import slug
from lps_sweep.report.tables import Cell as TableCell
from lps_sweep.report.tables import Column, Table, number_text, scalar, value_text

if TYPE_CHECKING:
    from lps_sweep.results.view import SweepView


@dataclass(frozen=True)
class SliceInfo:
    """A parameter's levels, all other swept parameters held.

    Attributes:
        parameter: Its name.
        levels: Its planned values; numbers ascend.
        default: Index of the default level, or None where it was not planned.
        held: Value of each other swept parameter.
        off_default: Those of `held` that are not at their default, because it was not planned.
        cells: One per level.
        differences: Per accuracy, each level against the default; None for the default itself,
            and where there are too few common seeds.
        reference: The paper's numbers for the levels.
    """

    parameter: str
    levels: tuple[Any, ...]
    default: int | None
    held: dict[str, Any]
    off_default: tuple[str, ...]
    cells: tuple[Cell, ...]
    differences: Mapping[str, tuple[LevelDifference | None, ...]]
    reference: Reference

    @property
    def seeds(self) -> tuple[int, ...]:
        """Seeds with a value at any level."""
        return tuple(sorted({s for c in self.cells for m in ACCURACIES for s in c.values[m]}))


def slice_info(view: SweepView, parameter: str) -> SliceInfo:
    """The slice of `parameter` through the held point."""
    record = view.record
    held = without(held_point(record), parameter)
    trials = select(view.trials, held)
    levels = in_order(record.axes[parameter])
    cells = tuple(cell_of(select(trials, {parameter: v}), tuple(ACCURACIES)) for v in levels)
    found = [i for i, v in enumerate(levels) if same(v, record.defaults.get(parameter))]
    default = found[0] if found else None
    differences = {m: level_differences([c.values[m] for c in cells], default) for m in ACCURACIES}
    off = tuple(name for name, value in held.items() if not same(value, record.defaults.get(name)))
    reference = level_reference(record.settings, parameter, levels)
    return SliceInfo(parameter, levels, default, held, off, cells, differences, reference)


def held_text(info: SliceInfo) -> str:
    """Where the other parameters are held, as a clause; empty when there are none."""
    if not info.held:
        return ""
    if not info.off_default:
        return f", at the default of every other swept parameter ({point_text(info.held)})"
    return (
        f", at {point_text(info.held)} (the default of {', '.join(info.off_default)} was not "
        "planned, so the nearest planned value is used)"
    )


def level_table(info: SliceInfo) -> Table:
    """Per level: mean and sd of each accuracy, n, what is missing, the paper's numbers."""
    columns = [
        Column(info.parameter, info.parameter, "value"),
        *(Column(m, f"{title} ± sd", "mean_sd") for m, title in ACCURACIES.items()),
        Column("n", "n", "value"),
        Column("planned", "Planned", "value"),
        Column("missing", "Missing"),
    ]
    columns += [
        Column(f"{m}_interval95", f"{t}, 95 % t interval", "interval")
        for m, t in ACCURACIES.items()
    ]
    paper = bool(info.reference.numbers)
    if paper:
        columns += [Column(f"{m}_paper", f"{t}, paper", "number") for m, t in ACCURACIES.items()]
    if paper and info.reference.comparable:
        columns += [
            Column(f"{m}_difference", f"{t}, difference to paper", "signed")
            for m, t in ACCURACIES.items()
        ]
    hidden = {"planned", *(f"{m}_interval95" for m in ACCURACIES)}
    if not any(c.cause_text for c in info.cells):
        hidden.add("missing")
    rows = tuple(_level_row(info, i, paper) for i in range(len(info.levels)))
    caption = (
        f"Sensitivity to {info.parameter}{held_text(info)}: mean ± sample standard deviation over "
        f"n seeds, in percent, after the last epoch. {_marked_text(info)}"
    )
    if paper:
        caption += f" {info.reference.caption}"
    name = f"sensitivity_{slug(info.parameter)}"
    return Table(name, caption.strip(), tuple(columns), rows, _marked(info), frozenset(hidden))


def _level_row(info: SliceInfo, i: int, paper: bool) -> tuple[TableCell, ...]:
    cell = info.cells[i]
    row: list[TableCell] = [scalar(info.levels[i]), *(cell.mean_sd(m) for m in ACCURACIES)]
    row += [cell.num_done, cell.planned, cell.cause_text]
    stats = [cell.stats(m) for m in ACCURACIES]
    row += [None if found is None else found.interval for found in stats]
    if paper:
        numbers = {m: info.reference.numbers.get((i, m)) for m in ACCURACIES}
        row += numbers.values()
        if info.reference.comparable:
            row += [_minus(cell.mean(m), number) for m, number in numbers.items()]
    return tuple(row)


def _minus(ours: float | None, paper: float | None) -> float | None:
    return None if ours is None or paper is None else ours - paper


def _marked(info: SliceInfo) -> frozenset[int]:
    return frozenset() if info.default is None else frozenset({info.default})


def _marked_text(info: SliceInfo) -> str:
    if info.default is None:
        return "The default was not planned."
    return "The default is marked."


def difference_table(info: SliceInfo) -> Table:
    """Per accuracy and level: the paired difference to the default and what it allows to say."""
    columns = (
        Column("accuracy", "Accuracy"),
        Column(info.parameter, info.parameter, "value"),
        Column("difference", "Difference to default", "signed"),
        Column("interval95", "Simultaneous 95 % interval", "interval"),
        Column("n", "Seeds in common", "value"),
        Column("higher", "Of these above default", "value"),
        Column("detectable", "Detectable difference", "number"),
        Column("verdict", "Verdict"),
    )
    rows: list[tuple[TableCell, ...]] = []
    for metric, title in ACCURACIES.items():
        for i, found in enumerate(info.differences[metric]):
            if i == info.default:
                continue
            level = scalar(info.levels[i])
            if found is None:
                rows.append((title, level, None, None, 0, None, None, "too few seeds"))
                continue
            numbers = (found.difference, found.interval, found.n, found.higher, found.detectable)
            rows.append((title, level, *numbers, found.word))
    caption = (
        f"{info.parameter}: differences to the default in points, paired by seed. The "
        "intervals hold together for all levels of one accuracy (block model of level and seed, "
        "pooled residual, max-|t|). Better or worse needs an interval without zero and all "
        "common seeds on that side. The detectable difference is what these seeds, paired, find in "
        "80 % of cases."
    )
    return Table(f"differences_{slug(info.parameter)}", caption, columns, tuple(rows))


def finding(info: SliceInfo) -> str:
    """The sentence that the data allow about this parameter."""
    name = info.parameter
    if info.default is None:
        return f"{name}: its default was not planned, so no level is compared with it."
    known = [
        (metric, info.levels[i], found)
        for metric, row in info.differences.items()
        for i, found in enumerate(row)
        if found is not None and found.interval is not None
    ]
    if not known:
        return f"{name}: too few finished seeds to compare its levels with the default."
    resolved = [(m, v, found) for m, v, found in known if found.word in {"better", "worse"}]
    default = f"{name} = {value_text(info.levels[info.default])}"
    if not resolved:
        return (
            f"{name}: inconclusive. No level differs from the default {default} in seen, novel or "
            f"all accuracy by more than the seeds allow to tell ({_spread(info)})."
        )
    words = [
        f"{ACCURACIES[m].lower()} is {found.word} at {value_text(v)} "
        f"({number_text(found.difference, 1, signed=True).replace('-', MINUS)} points)"
        for m, v, found in resolved
    ]
    rest = "" if len(resolved) == len(known) else "; all other comparisons are inconclusive"
    return f"{name}: against the default {default}, {', '.join(words)}{rest}."


def _spread(info: SliceInfo) -> str:
    stats = [found for c in info.cells if (found := c.stats("acc_novel")) is not None]
    if not stats:
        return "no novel accuracy"
    means = [found.mean for found in stats]
    largest = max((found.sd for found in stats if found.sd is not None), default=None)
    text = f"novel means from {min(means):.1f} to {max(means):.1f}"
    return text if largest is None else f"{text}, sd within a level up to {largest:.1f}"
