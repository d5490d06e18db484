"""The one comparison model: levels x seeds x metrics, against one reference, beside the paper."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from lps_sweep.report.cells import (
    ACCURACIES,
    FREEZING,
    HEADLINE,
    Cell,
    cell_of,
    held_point,
    in_order,
    is_numeric,
    moving_with,
    plain,
    same,
    select,
    without,
)
from lps_sweep.report.differences import (
    NO_DIFFERENCE,
    LevelDifference,
    level_differences,
    unpaired_differences,
)
from lps_sweep.report.numbers import at_text, scalar, value_text
from lps_sweep.report.reference import (
    Reference,
    level_reference,
    method_label,
    setting_text,
    zero_placed,
)

if TYPE_CHECKING:
    from pandas import DataFrame

    from lps_sweep.results.view import SweepView

ARM = "arm"
"""The swept parameter whose values are names of settings."""
IMAGES = (
    *("novel_classes", "labeled_ratio"),
    *("seen_classes", "labeled_holdout", "split_seed", "dataset"),
)
"""Swept parameters that change which images there are, or which are labeled."""


@dataclass(frozen=True)
class Levels:
    """A parameter's levels, all other swept parameters held.

    Attributes:
        parameter: Its name.
        values: Its planned values; numbers ascend.
        default: Index of the reference, the default level, or None where it was not planned.
        held: Value of each other swept parameter.
        off_default: Those of `held` that are not at their default, because it was not planned.
        cells: One per level.
        differences: Per metric, each level against the reference; None for the reference itself,
            and where there are too few common seeds.
        reference: The paper's numbers for the levels.
        margin: The declared practical margin in points, or None.
        pooled: Whether the differences are judged by one residual spread, or each by its own.
        moving: The value at each level of each parameter that moves with this one.
        label: What the trials have in common, where there are several such comparisons.
        names: By index, the name of a level that has another one than its value.
        at: Where each level is drawn, where that is not at its value.
        averaged: What the value of a seed is a mean over, where it is not that of one trial.
        base: What the reference is called, where that is not the default.
    """

    parameter: str
    values: tuple[Any, ...]
    default: int | None
    held: dict[str, Any]
    off_default: tuple[str, ...]
    cells: tuple[Cell, ...]
    differences: Mapping[str, tuple[LevelDifference | None, ...]]
    reference: Reference
    margin: float | None = None
    pooled: bool = True
    moving: Mapping[str, tuple[Any, ...]] = field(default_factory=dict)
    label: str = ""
    names: Mapping[int, str] = field(default_factory=dict)
    at: tuple[float, ...] = ()
    averaged: str = ""
    base: str = ""

    @property
    def reference_text(self) -> str:
        """What the others are compared with, in a sentence."""
        return self.base or "the default"

    @property
    def rows(self) -> tuple[Level, ...]:
        """The levels, one by one."""
        return tuple(Level(self, i) for i in range(len(self.values)))

    @property
    def others(self) -> tuple[int, ...]:
        """The indices of all levels but the reference."""
        return tuple(i for i in range(len(self.values)) if i != self.default)

    def compared(self, metrics: Iterable[str]) -> list[Compared]:
        """All levels but the reference against it, metric by metric."""
        return [Compared(self, i, m) for m in metrics for i in self.others]

    @property
    def seeds(self) -> tuple[int, ...]:
        """Seeds with a value at any level."""
        return tuple(sorted({s for c in self.cells for m in ACCURACIES for s in c.values[m]}))

    @property
    def texts(self) -> tuple[str, ...]:
        """The levels in words."""
        return tuple(self.names.get(i, value_text(v)) for i, v in enumerate(self.values))

    @property
    def places(self) -> tuple[float, ...]:
        """Where each level is drawn: numbers at their value, anything else side by side."""
        if is_numeric(self.values):
            return self.at or tuple(float(v) for v in self.values)
        return tuple(float(i) for i in range(len(self.values)))

    def difference(self, metric: str, i: int) -> LevelDifference:
        """Level `i` against the reference, also where there is no seed in common."""
        return self.differences[metric][i] or NO_DIFFERENCE

    def paper(self, metric: str, i: int) -> float | None:
        """The paper's number at level `i`."""
        return self.reference.numbers.get((i, metric))

    def paper_difference(self, metric: str, i: int) -> float | None:
        """The paper's number at level `i` less that at the reference; None where it lacks one."""
        base = None if self.default is None else self.paper(metric, self.default)
        own = self.paper(metric, i)
        return None if base is None or own is None else own - base

    @property
    def held_text(self) -> str:
        """Where the other parameters are held, as a clause; empty when there are none."""
        if self.averaged:
            return f", averaged over {self.averaged}{at_text(self.held)}"
        texts = {name: ", ".join(map(value_text, values)) for name, values in self.moving.items()}
        moving = "".join(f", with which {name} moves ({text})" for name, text in texts.items())
        if not self.off_default:
            return moving + at_text(self.held)
        names = ", ".join(self.off_default)
        return f"{moving}{at_text(self.held)} (nearest to the default of {names}, not planned)"

    def setting_text(self, settings: Mapping[str, Any]) -> str:
        """What the levels were run with and how many of their trials count."""
        return setting_text({**settings, **self.held}, self.cells, self.parameter)


@dataclass(frozen=True)
class Level:
    """One of the levels: a row of a table."""

    levels: Levels
    index: int

    @property
    def value(self) -> str | int | float | bool | None:
        """Its value, for a table."""
        return self.levels.names.get(self.index, scalar(self.levels.values[self.index]))

    @property
    def text(self) -> str:
        """Its value in words."""
        return self.levels.texts[self.index]

    @property
    def cell(self) -> Cell:
        """Its trials."""
        return self.levels.cells[self.index]

    def paper(self, metric: str) -> float | None:
        """The paper's number."""
        return self.levels.paper(metric, self.index)


@dataclass(frozen=True)
class Compared(Level):
    """A level against the reference in one metric: a row of a table, and of a figure."""

    metric: str

    @property
    def found(self) -> LevelDifference:
        """The difference."""
        return self.levels.difference(self.metric, self.index)

    @property
    def label(self) -> str:
        """``C = 5``."""
        return f"{self.levels.parameter} = {self.text}"

    @property
    def accuracy(self) -> str:
        """The metric in words."""
        return HEADLINE[self.metric]

    @property
    def paper_difference(self) -> float | None:
        """The same in the paper."""
        return self.levels.paper_difference(self.metric, self.index)


def read_levels(
    view: SweepView,
    parameter: str,
    metrics: Sequence[str] = tuple(ACCURACIES),
    *,
    arm: Any = None,
) -> Levels:
    """The levels of `parameter` at the held point, with cells and differences of `metrics`.

    All levels share one residual spread; each arm, and each level of what is frozen, has its own.
    Levels with other images are compared without pairs, and are those of `arm` where there are any.
    """
    record, settings = view.record, dict(view.record.settings)
    images, ordered = parameter in IMAGES, in_order(record.axes[parameter], parameter)
    values, at, names_of = zero_placed(settings, parameter, ordered)
    names = moving_with(view, parameter)
    held = without(held_point(view), parameter, *names, *((ARM,) if images else ()))
    trials = select(view.trials, held if arm is None else {**held, ARM: arm})
    if images:
        ids = trials["trial_id"].tolist()
        settings |= next((view.configs[trial] for trial in ids if trial in view.configs), {})
    moving = {name: _values_at(trials, parameter, values, name) for name in names}
    cells = tuple(cell_of(select(trials, {parameter: v}), metrics) for v in values)
    default = default_of(record.defaults, {parameter: values, **moving})
    pooled = not images and parameter not in (ARM, FREEZING)
    differences = {
        m: unpaired_differences([c.numbers(m) for c in cells], default, record.margin)
        if images
        else level_differences([c.values[m] for c in cells], default, record.margin, pooled=pooled)
        for m in metrics
    }
    off = tuple(name for name, value in held.items() if not same(value, record.defaults.get(name)))
    paper = level_reference(settings, parameter, values)
    return Levels(
        parameter,
        values,
        default,
        held,
        off,
        cells,
        differences,
        replace(paper, comparable=paper.comparable and not off and not moving),
        record.margin,
        pooled,
        moving,
        method_label(str(settings.get("method", "lps")), "" if arm is None else value_text(arm)),
        names_of,
        at,
    )


def default_of(defaults: Mapping[str, Any], together: Mapping[str, Sequence[Any]]) -> int | None:
    """The first level at which all that moves `together` is at its default."""
    rows = zip(*together.values(), strict=True)
    wanted = [defaults.get(name) for name in together]
    return next((i for i, row in enumerate(rows) if all(map(same, row, wanted))), None)


def _values_at(
    trials: DataFrame, parameter: str, values: Sequence[Any], name: str
) -> tuple[Any, ...]:
    """The value of `name` at each level of `parameter`, with which it moves."""
    found = [select(trials, {parameter: value})[name].tolist() for value in values]
    return tuple(plain(some[0]) if some else None for some in found)
