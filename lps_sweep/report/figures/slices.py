"""The slice of a sweep along one parameter: its numbers and its finding."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from lps_sweep.report.cells import (
    ACCURACIES,
    Cell,
    cell_of,
    held_point,
    in_order,
    moving_with,
    plain,
    point_text,
    same,
    select,
    without,
)
from lps_sweep.report.comparison import LevelDifference, level_differences
from lps_sweep.report.escape import MINUS
from lps_sweep.report.reference import Reference, level_reference
from lps_sweep.report.tables import number_text, value_text

if TYPE_CHECKING:
    from pandas import DataFrame

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
        margin: The declared practical margin in points, or None.
        pooled: Whether the differences are judged by one residual spread, or each by its own.
        moving: The value at each level of each parameter that moves with this one.
    """

    parameter: str
    levels: tuple[Any, ...]
    default: int | None
    held: dict[str, Any]
    off_default: tuple[str, ...]
    cells: tuple[Cell, ...]
    differences: Mapping[str, tuple[LevelDifference | None, ...]]
    reference: Reference
    margin: float | None = None
    pooled: bool = True
    moving: Mapping[str, tuple[Any, ...]] = field(default_factory=dict)

    @property
    def seeds(self) -> tuple[int, ...]:
        """Seeds with a value at any level."""
        return tuple(sorted({s for c in self.cells for m in ACCURACIES for s in c.values[m]}))


def slice_info(
    view: SweepView,
    parameter: str,
    metrics: Collection[str] = ACCURACIES,
    *,
    pooled: bool = True,
    levels: Sequence[Any] | None = None,
) -> SliceInfo:
    """The slice of `parameter` through the held point, with cells and differences of `metrics`.

    `levels` are the planned ones in another order than that of `in_order`; for `pooled` see
    `level_differences`.
    """
    record = view.record
    names = moving_with(view, parameter)
    held = without(held_point(view), parameter, *names)
    trials = select(view.trials, held)
    levels = in_order(record.axes[parameter]) if levels is None else tuple(levels)
    moving = {name: _values_at(trials, parameter, levels, name) for name in names}
    cells = tuple(cell_of(select(trials, {parameter: v}), tuple(metrics)) for v in levels)
    together = {parameter: levels, **moving}
    found = [
        i
        for i in range(len(levels))
        if all(same(v[i], record.defaults.get(name)) for name, v in together.items())
    ]
    default = found[0] if found else None
    differences = {
        m: level_differences([c.values[m] for c in cells], default, record.margin, pooled=pooled)
        for m in metrics
    }
    off = tuple(name for name, value in held.items() if not same(value, record.defaults.get(name)))
    reference = level_reference(record.settings, parameter, levels)
    return SliceInfo(
        parameter,
        levels,
        default,
        held,
        off,
        cells,
        differences,
        replace(reference, comparable=reference.comparable and not off and not moving),
        record.margin,
        pooled,
        moving,
    )


def _values_at(
    trials: DataFrame, parameter: str, levels: Sequence[Any], name: str
) -> tuple[Any, ...]:
    """The value of `name` at each level of `parameter`, with which it moves."""
    found = [select(trials, {parameter: level})[name].tolist() for level in levels]
    return tuple(plain(values[0]) if values else None for values in found)


def held_text(info: SliceInfo) -> str:
    """Where the other parameters are held, as a clause; empty when there are none."""
    moving = "".join(
        f", with which {name} moves ({', '.join(map(value_text, values))})"
        for name, values in info.moving.items()
    )
    if not info.held:
        return moving
    if not info.off_default:
        return f"{moving}, at the default of every other swept parameter ({point_text(info.held)})"
    return (
        f"{moving}, at {point_text(info.held)} (the default of {', '.join(info.off_default)} was "
        "not planned, so the nearest planned value is used)"
    )


def finding(info: SliceInfo, subject: str = "") -> str:
    """The sentence that the data allow about this parameter, which it calls `subject`."""
    name = subject or info.parameter
    if info.default is None:
        return f"{name}: its default was not planned, so no level is compared with it."
    known = [
        (metric, info.levels[i], found)
        for metric in ACCURACIES
        for i, found in enumerate(info.differences[metric])
        if found is not None and found.interval is not None
    ]
    if not known:
        return f"{name}: too few finished seeds to compare its levels with the default."
    resolved = [(m, v, found) for m, v, found in known if found.word in {"better", "worse"}]
    equal = sum(1 for *_, found in known if found.word == "equivalent")
    level = value_text(info.levels[info.default])
    default = f"the default ({level})" if subject else f"the default {name} = {level}"
    within = f"within {value_text(info.margin)} points of the default"
    verb = "is" if equal == 1 else "are"
    lacking = _lacking(info)
    if equal == len(known):
        if lacking:
            return (
                f"{name}: equivalent at every level that can be judged, {within} in every "
                f"accuracy.{lacking}"
            )
        return (
            f"{name}: equivalent. Every level is within {value_text(info.margin)} points of "
            f"{default} in every accuracy."
        )
    if not resolved:
        some = f" {equal} of {len(known)} comparisons {verb} equivalent, {within}." if equal else ""
        return (
            f"{name}: inconclusive. No level differs from {default} in seen, novel or "
            f"all accuracy by more than the seeds allow to tell ({_spread(info)}).{some}{lacking}"
        )
    words = [
        f"{ACCURACIES[m].lower()} is {found.word} at {value_text(v)} "
        f"({number_text(found.difference, 1, signed=True).replace('-', MINUS)} points)"
        for m, v, found in resolved
    ]
    open_ = len(known) - len(resolved) - equal
    rest = f"; {equal} of the other comparisons {verb} equivalent, {within}" if equal else ""
    rest += "; all other comparisons are inconclusive" if open_ else ""
    return f"{name}: against {default}, {', '.join(words)}{rest}.{lacking}"


def _lacking(info: SliceInfo) -> str:
    """The levels that cannot be judged in every accuracy, as a sentence; empty when none."""
    levels = [
        value_text(level)
        for i, level in enumerate(info.levels)
        if i != info.default and not all(_is_judged(info.differences[m][i]) for m in ACCURACIES)
    ]
    return f" Too few seeds in common with it to judge {', '.join(levels)}." if levels else ""


def _is_judged(found: LevelDifference | None) -> bool:
    return found is not None and found.interval is not None


def _spread(info: SliceInfo) -> str:
    stats = [found for c in info.cells if (found := c.stats("acc_novel")) is not None]
    if not stats:
        return "no novel accuracy"
    means = [found.mean for found in stats]
    largest = max((found.sd for found in stats if found.sd is not None), default=None)
    text = f"novel means from {min(means):.1f} to {max(means):.1f}"
    return text if largest is None else f"{text}, sd within a level up to {largest:.1f}"
