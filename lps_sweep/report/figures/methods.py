"""Methods against each other and the paper's beside them: their cells, and who is like the best."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lps_sweep.report.cells import ACCURACIES, Cell, cell_of, held_point, same, select, without
from lps_sweep.report.figures.arms import assignment_gap
from lps_sweep.report.figures.where import where_text
from lps_sweep.report.reference import NAMES
from lps_sweep.report.tables import value_text

if TYPE_CHECKING:
    from pandas import DataFrame

    from lps_sweep.results import Json
    from lps_sweep.results.view import SweepView

NMI = "nmi_novel"
METRICS = (*ACCURACIES, NMI)
PAPER_NAMES = {"lps": "LPS", "orca": "ORCA", "simclr_kmeans": "SimCLR"}
"""The name in the paper of each method that can be run."""
_COMPARED = frozenset({"arm", "dataset", "labeled_ratio"})
"""Swept parameters over which the comparison runs; all others are held."""


@dataclass(frozen=True)
class Setting:
    """A group of columns: a data set, its labeled share, and whether anything is frozen.

    Attributes:
        dataset: Name of the data set.
        ratio: Labeled ratio.
        frozen: Whether a part of the network is frozen.
    """

    dataset: str
    ratio: float
    frozen: bool = True

    @property
    def label(self) -> str:
        """``CIFAR-10, 50 % labeled``."""
        return f"{NAMES.get(self.dataset, self.dataset)}, {100 * self.ratio:.0f}\u00a0% labeled"

    @property
    def facets(self) -> dict[str, str]:
        """What the page narrows its columns by."""
        return {"dataset": self.dataset, "ratio": value_text(self.ratio)}

    @property
    def key(self) -> str:
        """``cifar10_50``: for names of columns."""
        return f"{self.dataset}_{100 * self.ratio:g}"


@dataclass(frozen=True)
class MethodRow:
    """A method that was run.

    Attributes:
        method: Its name in the configuration.
        label: Its name for readers, with that of the arm where it is another.
        cells: By setting, its trials.
        gaps: By setting and seed, the assignment gap in points.
        comparable: The settings in which it is run as in the paper, so that a difference to the
            paper means something.
    """

    method: str
    label: str
    cells: Mapping[Setting, Cell]
    gaps: Mapping[Setting, Mapping[int, float]]
    comparable: frozenset[Setting] = frozenset()


@dataclass(frozen=True)
class MainInfo:
    """The comparison.

    Attributes:
        settings: The columns.
        rows: One per method that was planned; of several arms of a method the first.
        near: By setting and metric, the indices of `rows` that are the best or like it; empty
            where the seeds do not allow to tell.
        left_out: Arms beyond the first of their method.
        where: What all of it was run with, as a sentence without its full stop.
    """

    settings: tuple[Setting, ...]
    rows: tuple[MethodRow, ...]
    near: Mapping[tuple[Setting, str], frozenset[int]]
    left_out: tuple[str, ...] = ()
    where: str = ""

    def paper(self, setting: Setting, method: str) -> dict[str, float]:
        """The paper's numbers of `method`, by metric; empty where it has none."""
        from lps_sweep.results.paper import paper_value

        return paper_value(setting.dataset, setting.ratio, method=method, frozen=setting.frozen)

    @property
    def paper_methods(self) -> tuple[str, ...]:
        """The paper's methods with a number in one of the settings, in its order."""
        return tuple(
            name for name in paper_methods() if any(self.paper(s, name) for s in self.settings)
        )


def paper_methods() -> tuple[str, ...]:
    """The methods of the paper's Table 1, from top to bottom."""
    from lps_sweep.results.paper import paper_numbers

    return tuple(dict.fromkeys(n.method for n in paper_numbers() if n.table == 1))


def main_info(view: SweepView) -> MainInfo | None:
    """The methods of `view`; None for a search, and where neither it nor the paper has a rival."""
    if view.record.search or not view.configs:
        return None
    held = without(held_point(view), *_COMPARED)
    trials = select(view.trials, held)
    configs = [view.configs[trial] for trial in trials["trial_id"].tolist()]
    settings = tuple(dict.fromkeys(_setting(config) for config in configs))
    rows, left_out = _rows(view, trials, configs, settings)
    near = {(s, m): _near(rows, s, m) for s in settings for m in METRICS}
    info = MainInfo(settings, rows, near, left_out, where_text(view.record.settings, *_COMPARED))
    return info if len(rows) > 1 or info.paper_methods else None


def _setting(config: Mapping[str, Json]) -> Setting:
    ratio = config.get("labeled_ratio")
    return Setting(
        str(config.get("dataset")),
        float(ratio) if isinstance(ratio, int | float) else 0.0,
        config.get("frozen_through") != "none",
    )


def _rows(
    view: SweepView,
    trials: DataFrame,
    configs: list[dict[str, Json]],
    settings: tuple[Setting, ...],
) -> tuple[tuple[MethodRow, ...], tuple[str, ...]]:
    from lps_sweep.results.paper import same_setting

    methods = [str(config.get("method", "lps")) for config in configs]
    arms = trials["arm"].tolist() if "arm" in trials.columns else methods
    first: dict[str, Any] = {}
    for method, arm in zip(methods, arms, strict=True):
        first.setdefault(method, arm)
    rows = []
    for method, arm in first.items():
        mine = [same(a, arm) and m == method for a, m in zip(arms, methods, strict=True)]
        own = [c for c, is_mine in zip(configs, mine, strict=True) if is_mine]
        frame = trials.loc[mine]
        where = {s: frame.loc[[_setting(c) == s for c in own]] for s in settings}
        rows.append(
            MethodRow(
                method,
                method_label(method, value_text(arm)),
                {s: cell_of(part, METRICS) for s, part in where.items()},
                {s: _gaps(view, part) for s, part in where.items()},
                frozenset(_setting(c) for c in _distinct(own) if same_setting(c)[0]),
            )
        )
    others = dict.fromkeys(
        value_text(a) for m, a in zip(methods, arms, strict=True) if not same(a, first[m])
    )
    return tuple(rows), tuple(others)


def _distinct(configs: list[dict[str, Json]]) -> list[dict[str, Json]]:
    """Each configuration once: the seeds of a point share one object."""
    return list({id(config): config for config in configs}.values())


def method_label(method: str, arm: str = "") -> str:
    """``LPS``, or ``LPS (full)`` for an arm with a name of its own."""
    name = "SimCLR, k-means" if method == "simclr_kmeans" else PAPER_NAMES.get(method, method)
    return name if arm in ("", method, name) else f"{name} ({arm})"


def _gaps(view: SweepView, frame: DataFrame) -> dict[int, float]:
    done = [row for row in frame.to_dict("records") if row["status"] == "done"]
    found = {
        int(row["seed"]): assignment_gap(row, view.configs[str(row["trial_id"])]) for row in done
    }
    return {seed: gap for seed, gap in found.items() if gap is not None}


def _near(rows: tuple[MethodRow, ...], setting: Setting, metric: str) -> frozenset[int]:
    from lps_sweep.results.ranking import near_best_paired

    found = near_best_paired({i: row.cells[setting].values[metric] for i, row in enumerate(rows)})
    return frozenset(found[1]) if found else frozenset()
