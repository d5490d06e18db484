"""The paper's numbers beside ours: which ones, and whether a difference to them means anything."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lps_sweep.report.cells import ACCURACIES, same

if TYPE_CHECKING:
    from lps_sweep.results import Json

NAMES = {"cifar10": "CIFAR-10", "cifar100": "CIFAR-100", "imagenet100": "ImageNet-100"}
NEAREST = ("cifar10", 0.5)
"""Data set and labeled ratio shown where the paper has not ours: ten classes, half labeled."""


@dataclass(frozen=True)
class Reference:
    """Numbers of the paper.

    Attributes:
        numbers: By index of the level (0 without a parameter) and metric.
        source: Where they are from: ``CIFAR-10, 50 % labeled``; empty without numbers.
        table: Number of the paper's table, or None.
        comparable: Whether our setting is the paper's, so that a difference means something.
    """

    numbers: Mapping[tuple[int, str], float]
    source: str
    table: int | None
    comparable: bool

    @property
    def label(self) -> str:
        """For a legend."""
        return f"paper, {self.source}"

    @property
    def caption(self) -> str:
        """For a caption; empty without numbers."""
        if not self.numbers:
            return ""
        table = f", Table {self.table}" if self.table else ""
        note = (
            f"; {self._consistency}" if self.comparable else "; another setting, for reference only"
        )
        return f"Paper: {self.source}{table}, means without a published spread{note}."

    @property
    def _consistency(self) -> str:
        from lps_sweep.results.paper import PAPER_RUNS, STATED_RUNS

        unstated = self.table is not None and self.table not in STATED_RUNS
        runs = "its number of runs is not stated, three are assumed" if unstated else "three runs"
        return (
            f"{runs}. Consistent: the paper's mean lies where our seeds lead to expect a mean of "
            f"{PAPER_RUNS} new runs (95 % prediction interval, widened by its rounding)"
        )


def paper_interval(values: Sequence[float], metric: str) -> tuple[float, float] | None:
    """Where the paper's mean is expected if ours are runs of the same; None below three seeds."""
    from lps_sweep.results.paper import PAPER_RUNS
    from lps_sweep.results.statistics import prediction_interval

    if not values:
        return None
    rounding = 0.005 if metric.startswith("nmi") else 0.05
    return prediction_interval(values, PAPER_RUNS, widened=rounding)


def paper_word(values: Sequence[float], metric: str, number: float | None) -> str:
    """`consistent`, `different` or `too few seeds`; empty where the paper has no number."""
    if number is None:
        return ""
    expected = paper_interval(values, metric)
    if expected is None:
        return "too few seeds"
    return "consistent" if expected[0] <= number <= expected[1] else "different"


def setting_source(settings: Mapping[str, Json]) -> tuple[str, float, bool]:
    """The paper's data set and ratio to show beside `settings`, and whether they are the same."""
    from lps_sweep.results.paper import paper_value

    dataset, ratio = str(settings.get("dataset")), settings.get("labeled_ratio")
    if isinstance(ratio, int | float) and paper_value(dataset, float(ratio)):
        return dataset, float(ratio), True
    return (dataset, NEAREST[1], False) if paper_value(dataset, NEAREST[1]) else (*NEAREST, False)


def default_reference(settings: Mapping[str, Json]) -> Reference:
    """The paper's LPS at its defaults."""
    from lps_sweep.results.paper import paper_value, same_method, same_setting

    dataset, ratio, own = setting_source(settings)
    frozen = settings.get("frozen_through") != "none"
    found = paper_value(dataset, ratio, frozen=frozen)
    numbers = {(0, metric): number for metric, number in found.items()}
    comparable = own and same_setting(settings)[0] and same_method(settings)
    return Reference(numbers, _source(dataset, ratio, frozen), None, comparable)


def level_reference(
    settings: Mapping[str, Json], parameter: str, levels: Sequence[Any]
) -> Reference:
    """The paper's accuracies for `levels` of `parameter`, of the table that varies it."""
    from lps_sweep.results.paper import paper_levels, paper_table, same_method, same_setting

    dataset, ratio, own = setting_source(settings)
    found = paper_levels(dataset, ratio, parameter)
    if not found:
        own = False
        dataset, ratio = (
            (dataset, NEAREST[1]) if paper_levels(dataset, NEAREST[1], parameter) else NEAREST
        )
        found = paper_levels(dataset, ratio, parameter)
    numbers = {
        (i, metric): tried[metric]
        for i, level in enumerate(levels)
        for value, tried in found.items()
        if same(level, value)
        for metric in ACCURACIES
        if metric in tried
    }
    frozen = settings.get("frozen_through") != "none"
    comparable = (
        own
        and frozen
        and same_setting(settings, varied=parameter)[0]
        and same_method(settings, varied=parameter)
    )
    return Reference(numbers, _source(dataset, ratio, True), paper_table(parameter), comparable)


def _source(dataset: str, ratio: float, frozen: bool) -> str:
    tuned = "" if frozen else ", fine-tuned"
    return f"{NAMES.get(dataset, dataset)}, {100 * ratio:.0f}\u00a0% labeled{tuned}"
