"""Methods against each other, the paper's beside them: their cells, and who is like the best."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from lps_sweep.report.arms import GAP, is_confirmation, with_gap
from lps_sweep.report.cells import (
    ACCURACIES,
    Cell,
    cell_of,
    held_point,
    like_best,
    select,
    without,
)
from lps_sweep.report.differences import level_differences
from lps_sweep.report.levels import ARM, Levels
from lps_sweep.report.numbers import value_text
from lps_sweep.report.reference import PAPER_NAMES, Reference, method_label, where_text
from lps_sweep.report.setting import Setting, paper_methods

if TYPE_CHECKING:
    from pandas import DataFrame

    from lps_sweep.results.view import SweepView

NMI = "nmi_novel"
RANKED = (*ACCURACIES, NMI)
MATCHINGS = {
    "acc_seen_subset": "Seen, own matching",
    "acc_seen_v2": "Seen, one matching",
    "acc_novel_v2": "Novel, one matching",
    "acc_seen_strict": "Seen, strict",
    "acc_novel_strict": "Novel, strict",
    "acc_all_strict": "All, strict",
}
"""The accuracies by other protocols than ORCA's."""
GAIN = "gain"
"""What a matching of its own adds to Seen, in points."""
COST = ("seconds", "trained_weights")
_COMPARED = frozenset({ARM, "dataset", "labeled_ratio", "recipe"})
"""Swept parameters over which the comparison runs; all others are held."""


@dataclass(frozen=True)
class Method:
    """A method that was run, or is the paper's.

    Attributes:
        name: In the configuration, or in the paper.
        label: For readers, with the arm where that has another name.
        cells: By setting, its trials; none of the paper's.
        comparable: The settings in which it is run as in the paper, so that a difference to the
            paper means something.
    """

    name: str
    label: str
    cells: Mapping[Setting, Cell]
    comparable: frozenset[Setting] = frozenset()

    def value(self, setting: Setting, metric: str) -> tuple[float | None, float | None]:
        """Mean and standard deviation of a metric, or the paper's number."""
        if self.cells:
            return self.cells[setting].mean_sd(metric)
        if metric == GAP:
            return setting.paper_gap(self.name), None
        return setting.paper(self.name).get(metric), None

    def count(self, setting: Setting, metrics: Iterable[str]) -> int | str | None:
        """Seeds with a value of any of `metrics`: ``2/3`` where some lack; None of the paper's."""
        if not self.cells:
            return None
        cell = self.cells[setting]
        n = max(len(cell.numbers(metric)) for metric in metrics)
        return n if n == cell.planned else f"{n}/{cell.planned}"


@dataclass(frozen=True)
class Comparison:
    """The methods of a sweep and the paper's beside them.

    Attributes:
        settings: The groups of columns.
        methods: One per method that was planned; in a setting the first of several arms of it, or
            the selected one of a confirmation.
        left_out: The other arms.
        where: What all of it was run with, in words.
        margin: The declared practical margin in points, or None.
    """

    settings: tuple[Setting, ...]
    methods: tuple[Method, ...]
    left_out: tuple[str, ...] = ()
    where: str = ""
    margin: float | None = None

    def papers(self, metrics: Iterable[str] = RANKED) -> tuple[Method, ...]:
        """The paper's methods with a number of `metrics` in one of the settings, in its order."""
        known = set(metrics)
        return tuple(
            Method(name, f"{name}, paper", {})
            for name in paper_methods()
            if any(known & {*s.paper(name)} for s in self.settings)
        )

    @property
    def whole(self) -> bool:
        """Whether there are several methods, and no arm that is not shown."""
        return len(self.methods) > 1 and not self.left_out

    def near(self, setting: Setting, metric: str) -> frozenset[int]:
        """The indices of `methods` that are the best or like it; empty where none can be told."""
        return like_best([method.cells[setting] for method in self.methods], metric)

    def levels(self, setting: Setting) -> Levels:
        """The methods as levels, all against LPS, or the first where there is no LPS."""
        cells = tuple(method.cells[setting] for method in self.methods)
        names = [method.name for method in self.methods]
        base = names.index("lps") if "lps" in names else 0
        metrics = (*ACCURACIES, "acc_novel_strict")
        differences = {
            m: level_differences([c.values[m] for c in cells], base, self.margin, pooled=False)
            for m in metrics
        }
        papers = [setting.paper(PAPER_NAMES.get(name, "")) for name in names]
        numbers = {(i, m): own[m] for i, own in enumerate(papers) for m in metrics if m in own}
        comparable = all(setting in method.comparable for method in self.methods)
        return Levels(
            "method",
            tuple(method.label for method in self.methods),
            base,
            {},
            (),
            cells,
            differences,
            Reference(numbers, setting.label, None, comparable),
            self.margin,
            pooled=False,
            label=setting.label,
            base=self.methods[base].label,
        )


def read_methods(view: SweepView) -> Comparison | None:
    """The methods of `view`; None for a search, and where neither it nor the paper has a rival."""
    if view.record.search or not view.configs:
        return None
    trials = select(view.trials, without(held_point(view), *_COMPARED))
    configs = [view.configs[trial] for trial in trials["trial_id"].tolist()]
    names = [str(config.get("method", "lps")) for config in configs]
    arms = list(map(value_text, trials[ARM])) if ARM in trials.columns else names
    rows: dict[str, dict[Setting, dict[str, list[int]]]] = {}
    for row, (name, config, arm) in enumerate(zip(names, configs, arms, strict=True)):
        of_method = rows.setdefault(name, {})
        of_method.setdefault(Setting.of(config), {}).setdefault(arm, []).append(row)
    settings = tuple(dict.fromkeys(s for of_method in rows.values() for s in of_method))
    confirmed = is_confirmation(list(dict.fromkeys(arms)))
    chosen = {
        name: {s: list(of_arm)[-1 if confirmed else 0] for s, of_arm in of_method.items()}
        for name, of_method in rows.items()
    }
    shown = {name: {*of_method.values()} for name, of_method in chosen.items()}
    methods = tuple(
        _method(
            view,
            name,
            method_label(name, "" if confirmed or len(shown[name]) > 1 else min(shown[name])),
            {
                s: trials.iloc[of_method[s][chosen[name][s]] if s in of_method else []]
                for s in settings
            },
        )
        for name, of_method in rows.items()
    )
    used = set().union(*shown.values())
    left_out = tuple(arm for arm in dict.fromkeys(arms) if arm not in used)
    where = where_text(view.record.settings, *_COMPARED)
    where += "; each method as its search selected it" if confirmed else ""
    found = Comparison(settings, methods, left_out, where, view.record.margin)
    return found if len(methods) > 1 or found.papers() else None


def _method(view: SweepView, name: str, label: str, trials: Mapping[Setting, DataFrame]) -> Method:
    from lps_sweep.results.paper import same_setting

    configs = {s: [view.configs[t] for t in rows["trial_id"]] for s, rows in trials.items()}
    return Method(
        name,
        label,
        {s: _cell(view, rows) for s, rows in trials.items()},
        frozenset(s for s, some in configs.items() if some and same_setting(some[0])[0]),
    )


def _cell(view: SweepView, trials: DataFrame) -> Cell:
    """The cell of `trials`, with what is derived of its accuracies."""
    cell = with_gap(view, trials, cell_of(trials, (*RANKED, *MATCHINGS, *COST)))
    own, matched = (cell.values[m] for m in ("acc_seen", "acc_seen_subset"))
    gain = {seed: matched[seed] - own[seed] for seed in own.keys() & matched.keys()}
    return replace(cell, values={**cell.values, GAIN: gain})
