"""Novel classes, labeled ratio and the like: what depends on the images that there are."""

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
from lps_sweep.report.figures.methods import PAPER_NAMES, method_label
from lps_sweep.report.tables import Cell as TableCell
from lps_sweep.report.tables import scalar, value_text

if TYPE_CHECKING:
    from lps_sweep.results.view import SweepView

PARAMETERS = (
    *("novel_classes", "labeled_ratio"),
    *("seen_classes", "labeled_holdout", "split_seed", "dataset"),
)
"""Swept parameters that change which images there are, or which are labeled."""


@dataclass(frozen=True)
class CountGroup:
    """A method, or an arm, along the parameter.

    Attributes:
        label: Its name.
        cells: One per level.
        paper: The paper's numbers by index of the level and metric, where it tabulates any.
        near: Per accuracy, the indices of the levels at which it is the best method or like it.
    """

    label: str
    cells: tuple[Cell, ...]
    paper: Mapping[tuple[int, str], float]
    near: Mapping[str, frozenset[int]]


@dataclass(frozen=True)
class CountInfo:
    """A parameter that changes the data, with all others held.

    Attributes:
        parameter: Its name.
        levels: Its planned values, ascending, the zero that stands for "all" last.
        positions: Where each level is drawn: the number of classes, or the ratio.
        default: Index of the default level; None where it was not planned.
        groups: One per method or arm.
        held: Values of the other swept parameters but the arm.
        comparable: Whether the paper\u2019s numbers are of the same setting.
        margin: The declared practical margin in points, or None.
    """

    parameter: str
    levels: tuple[Any, ...]
    positions: tuple[float, ...]
    default: int | None
    groups: tuple[CountGroup, ...]
    held: Mapping[str, Any]
    comparable: bool
    margin: float | None

    def level_text(self, i: int) -> str:
        """``all (5)`` for a zero that stands for all novel classes."""
        if self.parameter == "novel_classes" and same(self.levels[i], 0):
            known = self.positions[i]
            return f"all ({known:g})" if known > 1 and known == round(known) else "all"
        return value_text(self.levels[i])

    def level_cell(self, i: int) -> TableCell:
        """The level for a table: itself, or ``all (5)``."""
        text = self.level_text(i)
        return text if text.startswith("all") else scalar(self.levels[i])

    @property
    def held_text(self) -> str:
        """``, at C = 10``; empty where nothing else is swept."""
        return f", at {point_text(self.held)}" if self.held else ""


def count_info(view: SweepView, parameter: str) -> CountInfo:
    """The levels of `parameter`, for each arm where there are any."""
    record = view.record
    held = without(held_point(view), parameter, "arm")
    trials = select(view.trials, held)
    levels = in_order(record.axes[parameter])
    if parameter == "novel_classes":
        levels = (*(v for v in levels if not same(v, 0)), *(v for v in levels if same(v, 0)))
    arms = list(record.axes.get("arm", ())) or [None]
    cells, labels, papers, comparable = [], [], [], []
    for arm in arms:
        own = trials if arm is None else select(trials, {"arm": arm})
        cells.append(tuple(cell_of(select(own, {parameter: v}), tuple(ACCURACIES)) for v in levels))
        config = next((view.configs[t] for t in own["trial_id"].tolist() if t in view.configs), {})
        method = str(config.get("method", "lps"))
        labels.append(method_label(method, "" if arm is None else value_text(arm)))
        papers.append(_paper(view, parameter, levels, method))
        comparable.append(_comparable({**record.settings, **config}, parameter))
    near = [_near([row[i] for row in cells]) for i in range(len(levels))]
    groups = tuple(
        CountGroup(
            labels[g],
            cells[g],
            papers[g],
            {m: frozenset(i for i in range(len(levels)) if g in near[i][m]) for m in ACCURACIES},
        )
        for g in range(len(arms))
    )
    default = next(
        (i for i, v in enumerate(levels) if same(v, record.defaults.get(parameter))), None
    )
    return CountInfo(
        parameter,
        levels,
        _positions(view, parameter, levels),
        default,
        groups,
        held,
        all(comparable),
        record.margin,
    )


def _near(cells: list[Cell]) -> dict[str, set[int]]:
    from lps_sweep.results.ranking import near_best_paired

    found = {m: near_best_paired({g: c.values[m] for g, c in enumerate(cells)}) for m in ACCURACIES}
    return {m: pair[1] if pair else set() for m, pair in found.items()}


def _positions(view: SweepView, parameter: str, levels: tuple[Any, ...]) -> tuple[float, ...]:
    if not all(isinstance(v, int | float) for v in levels):
        return tuple(float(i) for i in range(len(levels)))
    numbers = [float(v) for v in levels]
    if parameter == "novel_classes" and numbers and numbers[-1] == 0:
        shares = max(numbers) < 1
        numbers[-1] = 1.0 if shares else _all_novel(view) or 1.15 * max(numbers) + 0.5
    return tuple(numbers)


def _all_novel(view: SweepView) -> float | None:
    """Number of all novel classes of the data set; None where that is not known."""
    from lps_sweep.results.paper import num_classes

    total = num_classes(str(view.record.settings.get("dataset")))
    seen = view.record.settings.get("seen_classes", 0)
    if not total:
        return None
    if isinstance(seen, list | tuple):
        return float(total - len(seen))
    return float(total - (seen if isinstance(seen, int) and seen else total // 2))


def _paper(
    view: SweepView, parameter: str, levels: tuple[Any, ...], method: str
) -> dict[tuple[int, str], float]:
    from lps_sweep.results.paper import paper_value

    if parameter != "labeled_ratio":
        return {}
    settings = view.record.settings
    dataset, frozen = str(settings.get("dataset")), settings.get("frozen_through") != "none"
    name = PAPER_NAMES.get(method, "")
    return {
        (i, metric): number
        for i, level in enumerate(levels)
        if isinstance(level, int | float)
        for metric, number in paper_value(dataset, float(level), method=name, frozen=frozen).items()
        if metric in ACCURACIES
    }


def _comparable(settings: Mapping[str, Any], parameter: str) -> bool:
    from lps_sweep.results.paper import same_setting

    known = {**settings, "labeled_ratio": 0.5} if parameter == "labeled_ratio" else settings
    return same_setting(known)[0]
