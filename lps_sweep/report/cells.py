"""Which trials belong together: the default cell, slices of the grid, and their numbers."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from lps_sweep.report.model import Facets
from lps_sweep.report.numbers import point_text

if TYPE_CHECKING:
    from pandas import DataFrame

    from lps_sweep.results import SweepView
    from lps_sweep.results.statistics import Description

ACCURACIES = {"acc_seen": "Seen", "acc_novel": "Novel", "acc_all": "All"}
"""The three accuracies that are reported everywhere, in the order of the paper's tables."""

HEADLINE = {**ACCURACIES, "acc_novel_strict": "Novel, strict", "nmi_novel": "NMI of novel"}
"""The metrics of the first screen."""


def metric_facets(metric: str) -> Facets:
    """What the page narrows something about `metric` by."""
    return {"metric": metric.removeprefix("acc_")}


def parameter_says(name: str) -> str:
    """The facet that values of the parameter `name` tell; empty for most."""
    return {"dataset": "dataset", "labeled_ratio": "ratio"}.get(name, "")


FREEZING = "frozen_through"
FROZEN, TUNED = "stage3", "none"
"""What is frozen in the paper: Table 1, and nothing in Tables 3 and 9."""
STATUS_WORDS = {
    "done": "done",
    "stopped": "stopped by a rule",
    "failed": "failed",
    "diverged": "diverged",
    "running": "running",
    "not_run": "not run",
}
"""The states of a trial, in words."""


def plain(value: Any) -> Any:
    """`value` as Python's own type instead of numpy's."""
    return value.item() if hasattr(value, "item") else value


def same(left: Any, right: Any) -> bool:
    """Whether two values of a parameter are the same setting; 10 and 10.0 are, 1 and true not.

    NaN is what a table of trials has for None, the value of a parameter that has no part in one.
    """
    left, right = (None if x != x else x for x in (plain(left), plain(right)))
    if isinstance(left, bool) or isinstance(right, bool):
        return left is right
    if isinstance(left, list | tuple) and isinstance(right, list | tuple):
        return list(left) == list(right)
    return bool(left == right)


def index_of(levels: Sequence[Any], value: Any) -> int | None:
    """The index of the first of `levels` that is the same setting as `value`."""
    return next((i for i, level in enumerate(levels) if same(level, value)), None)


def is_numeric(levels: Sequence[Any]) -> bool:
    """Whether all `levels` are numbers, so that they have an order and distances."""
    return all(isinstance(v, int | float) and not isinstance(v, bool) for v in levels)


def in_order(levels: Sequence[Any], parameter: str = "") -> tuple[Any, ...]:
    """Numbers ascending, no novel class last, which stands for all; what is frozen, most first.

    Anything else is in the order planned.
    """
    if parameter == FREEZING:
        return tuple(sorted(levels, key=lambda level: -depth(level)))
    ordered = sorted(levels) if is_numeric(levels) else levels
    if parameter == "novel_classes":
        ordered = sorted(ordered, key=lambda level: same(level, 0))
    return tuple(ordered)


def depth(level: Any) -> int:
    """How much is frozen: nothing 0, the stem 1, stage k and all before it k + 1."""
    if level in (TUNED, None):
        return 0
    number = re.fullmatch(r"stage(\d+)", str(level))
    return int(number[1]) + 1 if number else 1


def held_point(view: SweepView) -> dict[str, Any]:
    """The value at which each swept parameter is held while another varies.

    Its default where that was planned; else the nearest planned number, or the first value. Where
    these were not planned together, as with values that move together, it is the first planned
    point that has most of them.
    """
    record = view.record
    wanted = {n: _held(levels, record.defaults.get(n)) for n, levels in record.axes.items()}
    rows = list(zip(*(view.trials[name].tolist() for name in wanted), strict=True))
    if not wanted or not rows or record.search:
        return wanted
    hits = [sum(map(same, row, wanted.values())) for row in rows]
    return dict(zip(wanted, map(plain, rows[hits.index(max(hits))]), strict=True))


def _held(levels: Sequence[Any], default: Any) -> Any:
    planned = [level for level in levels if same(level, default)]
    if planned or not levels:
        return planned[0] if planned else default
    if is_numeric(levels) and is_numeric([default]):
        return _nearest(levels, default)
    return levels[0]


def moving_with(view: SweepView, parameter: str) -> tuple[str, ...]:
    """The swept parameters that have one value at each level of `parameter`, and several in all."""
    if view.record.search:
        return ()
    levels = view.trials[parameter].tolist()
    found = []
    for name in view.record.axes:
        pairs = {(str(x), str(y)) for x, y in zip(levels, view.trials[name].tolist(), strict=True)}
        one_each = len({x for x, _ in pairs}) == len(pairs)
        if name != parameter and one_each and len({y for _, y in pairs}) > 1:
            found.append(name)
    return tuple(found)


def _nearest(levels: Sequence[Any], value: Any) -> Any:
    return min(levels, key=lambda level: abs(level - value))


def select(frame: DataFrame, point: Mapping[str, Any]) -> DataFrame:
    """The rows of `frame` at the values of `point`."""
    keep = [True] * len(frame)
    for name, value in point.items():
        keep = [k and same(v, value) for k, v in zip(keep, frame[name].tolist(), strict=True)]
    return frame.loc[keep]


def trials_in(view: SweepView, *states: str) -> list[Mapping[str, Any]]:
    """The trials in any of `states` in the order of the plan: rows with a `setting` in words."""
    rows = view.trials[view.trials["status"].isin(states)].to_dict("records")
    names = view.record.axes
    return [
        {**row, "setting": point_text({name: row[name] for name in names})}  # type: ignore[dict-item]
        for row in rows
    ]


def without(point: Mapping[str, Any], *names: str) -> dict[str, Any]:
    """`point` without `names`."""
    return {name: value for name, value in point.items() if name not in names}


@dataclass(frozen=True)
class Cell:
    """The trials of one configuration.

    Attributes:
        planned: Number of seeds planned.
        values: Per metric, the final value of each seed that is done and has the metric.
        causes: How many trials are in each state other than done.
        trials: Id of the trial of each seed.
    """

    planned: int
    values: Mapping[str, Mapping[int, float]]
    causes: Mapping[str, int]
    trials: Mapping[int, str] = field(default_factory=dict)

    def numbers(self, metric: str) -> tuple[float, ...]:
        """The values of `metric`, by ascending seed."""
        values = self.values.get(metric, {})
        return tuple(values[seed] for seed in sorted(values))

    def stats(self, metric: str) -> Description | None:
        """Mean, spread and interval of `metric`; None without a value."""
        from lps_sweep.results.statistics import describe

        values = self.numbers(metric)
        return describe(values) if values else None

    def mean(self, metric: str) -> float | None:
        """The mean of `metric`; None without a value."""
        stats = self.stats(metric)
        return None if stats is None else stats.mean

    def interval(self, metric: str) -> tuple[float, float] | None:
        """The 95 % t interval of the mean of `metric`; None below three seeds."""
        stats = self.stats(metric)
        return None if stats is None else stats.interval

    def mean_sd(self, metric: str) -> tuple[float | None, float | None]:
        """Mean and, from three seeds on, sample standard deviation of `metric`."""
        stats = self.stats(metric)
        return (None, None) if stats is None else (stats.mean, stats.sd)

    @property
    def num_done(self) -> int:
        """Seeds with a value of any metric."""
        return len({seed for values in self.values.values() for seed in values})

    @property
    def cause_text(self) -> str:
        """Why seeds are missing: ``1 failed, 1 not run``; empty when none is."""
        if not self.planned:
            return "not planned"
        order = [state for state in STATUS_WORDS if self.causes.get(state)]
        return ", ".join(f"{self.causes[state]} {STATUS_WORDS[state]}" for state in order)


def cell_of(rows: DataFrame, metrics: Sequence[str]) -> Cell:
    """The `Cell` of trial rows; only done trials have values."""
    done = rows[rows["status"] == "done"]
    values: dict[str, dict[int, float]] = {}
    for metric in metrics:
        found: dict[int, float] = {}
        if metric in done.columns:
            for seed, value in zip(done["seed"].tolist(), done[metric].tolist(), strict=True):
                if value is not None and math.isfinite(value):
                    found[int(seed)] = float(value)
        values[metric] = found
    causes = Counter(str(state) for state in rows["status"] if state != "done")
    ids = zip(rows["seed"].tolist(), rows["trial_id"].tolist(), strict=True)
    trials = {int(seed): str(trial) for seed, trial in ids}
    return Cell(planned=len(rows), values=values, causes=dict(causes), trials=trials)


def like_best(cells: Sequence[Cell], metric: str) -> frozenset[int]:
    """The indices of the best of `cells` and of all not distinguishable from it, paired by seed.

    Empty where none can be told apart.
    """
    from lps_sweep.results.effects import near_best_paired

    found = near_best_paired({i: cell.values[metric] for i, cell in enumerate(cells)})
    return frozenset(found[1]) if found else frozenset()
