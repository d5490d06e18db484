"""The paper's numbers beside ours: which ones, and whether a difference to them means anything."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lps_sweep.report.cells import ACCURACIES, FREEZING, FROZEN, TUNED, Cell, same
from lps_sweep.report.numbers import value_text

if TYPE_CHECKING:
    from lps_sweep.results import Json

NAMES = {"cifar10": "CIFAR-10", "cifar100": "CIFAR-100", "imagenet100": "ImageNet-100"}
PAPER_NAMES = {
    "fixmatch": "FixMatch",
    "ds3l": "DS3L",
    "dtc": "DTC",
    "rankstats": "RankStats",
    "simclr_kmeans": "SimCLR",
    "orca": "ORCA",
    "gcd": "GCD",
    "openncd": "OpenNCD",
    "nach": "NACH",
    "lps": "LPS",
}
"""The name in the paper of each method of its Table 1, in its order."""
_LABELS = {"simclr_kmeans": "SimCLR + k-means", "simgcd": "SimGCD", "owmatch": "OwMatch"}
"""What a method is called here, where that is not its name in the paper."""
LOCATIONS = frozenset({"data_root"})
"""Settings that say where something lies on one machine; they change no result."""
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


def _nearest(
    settings: Mapping[str, Json], has: Callable[[str, float], object]
) -> tuple[str, float, bool]:
    """The data set and ratio nearest to `settings` that the paper `has`; whether it is theirs."""
    dataset, ratio = str(settings.get("dataset")), settings.get("labeled_ratio")
    if isinstance(ratio, int | float) and has(dataset, float(ratio)):
        return dataset, float(ratio), True
    return (dataset, NEAREST[1], False) if has(dataset, NEAREST[1]) else (*NEAREST, False)


def default_reference(settings: Mapping[str, Json]) -> Reference:
    """The paper's LPS at its defaults."""
    from lps_sweep.results.paper import paper_value, same_method, same_setting

    dataset, ratio, own = _nearest(settings, paper_value)
    frozen = settings.get(FREEZING) != TUNED
    found = paper_value(dataset, ratio, frozen=frozen)
    numbers = {(0, metric): number for metric, number in found.items()}
    comparable = own and same_setting(settings)[0] and same_method(settings)
    return Reference(numbers, _source(dataset, ratio, frozen), None, comparable)


def level_reference(
    settings: Mapping[str, Json], parameter: str, levels: Sequence[Any]
) -> Reference:
    """The paper's accuracies for `levels` of `parameter`, of the table that varies it.

    LPS frozen and fine-tuned are of Tables 1 and 3, or 9 with 10 % labeled; by labeled ratio it is
    the method of `settings` in Table 1.
    """
    from lps_sweep.results.paper import paper_levels, paper_table, same_method, same_setting

    if parameter == "labeled_ratio":
        return _by_ratio(settings, levels)

    def tried(dataset: str, ratio: float) -> Mapping[Any, Mapping[str, float]]:
        if parameter == FREEZING:
            return _by_freezing(dataset, ratio)
        return paper_levels(dataset, ratio, parameter)

    dataset, ratio, own = _nearest(settings, tried)
    comparable = (
        own
        and (parameter == FREEZING or settings.get(FREEZING) != TUNED)
        and same_setting(settings, varied=parameter)[0]
        and same_method(settings, varied=parameter)
    )
    table = (9 if ratio == 0.1 else 3) if parameter == FREEZING else paper_table(parameter)
    numbers = _placed(levels, tried(dataset, ratio))
    return Reference(numbers, _source(dataset, ratio, True), table, comparable)


def _placed(
    levels: Sequence[Any], tried: Mapping[Any, Mapping[str, float]]
) -> dict[tuple[int, str], float]:
    return {
        (i, metric): numbers[metric]
        for i, level in enumerate(levels)
        for value, numbers in tried.items()
        if same(level, value)
        for metric in ACCURACIES
        if metric in numbers
    }


def _by_freezing(dataset: str, ratio: float) -> dict[str, dict[str, float]]:
    from lps_sweep.results.paper import paper_value

    found = {how: paper_value(dataset, ratio, frozen=how == FROZEN) for how in (FROZEN, TUNED)}
    return found if found[FROZEN] else {}


def _by_ratio(settings: Mapping[str, Json], levels: Sequence[Any]) -> Reference:
    from lps_sweep.results.paper import paper_value, same_setting

    dataset, frozen = str(settings.get("dataset")), settings.get(FREEZING) != TUNED
    name = PAPER_NAMES.get(str(settings.get("method", "lps")), "")
    known = [float(level) for level in levels if isinstance(level, int | float)]
    tried = {x: paper_value(dataset, x, method=name, frozen=frozen) for x in known}
    comparable = same_setting({**settings, "labeled_ratio": NEAREST[1]})[0]
    return Reference(_placed(levels, tried), NAMES.get(dataset, dataset), 1, comparable)


def _source(dataset: str, ratio: float, frozen: bool) -> str:
    tuned = "" if frozen else ", fine-tuned"
    return f"{NAMES.get(dataset, dataset)}, {100 * ratio:.0f}\u00a0% labeled{tuned}"


def num_seen(config: Mapping[str, Json], num_classes: int) -> int:
    """Seen classes of a configuration; `num_classes` are those of a data set that is not known."""
    from lps_sweep.results import paper

    seen = config.get("seen_classes", 0)
    if isinstance(seen, list | tuple):
        return len(seen)
    if isinstance(seen, int) and seen > 0:
        return seen
    return (paper.num_classes(str(config.get("dataset"))) or num_classes) // 2


ASSUMED = "assumed_classes"
"""The swept parameter of which 0 stands for the true number; of `novel_classes` it is all."""


def zero_placed(
    settings: Mapping[str, Any], parameter: str, values: Sequence[Any]
) -> tuple[tuple[Any, ...], tuple[float, ...], dict[int, str]]:
    """Levels in order; where each is drawn, and the name of 0, if it stands for a number."""
    from lps_sweep.results.paper import num_classes

    if parameter not in ("novel_classes", ASSUMED) or not any(same(v, 0) for v in values):
        return tuple(values), (), {}
    total, largest = num_classes(str(settings.get("dataset"))), max(values)
    seen = num_seen(settings, total)
    place: float = total - seen
    if parameter == ASSUMED:
        place = seen + int(settings.get("novel_classes") or place)
    word = "true" if parameter == ASSUMED else "all"
    name = f"{word} ({place})" if total and largest >= 1 else word
    if not total or largest < 1:
        place = 1.0 if largest < 1 else 1.15 * largest + 0.5
    at = {value: float(place if same(value, 0) else value) for value in values}
    ordered = sorted(values, key=at.__getitem__)
    zero = next(i for i, value in enumerate(ordered) if same(value, 0))
    return tuple(ordered), tuple(at[value] for value in ordered), {zero: name}


def method_label(method: str, arm: str = "") -> str:
    """``LPS``, or ``LPS (full)`` for an arm with a name of its own."""
    name = _LABELS.get(method) or PAPER_NAMES.get(method, method)
    return name if arm in ("", method, name) else f"{name} ({arm})"


def where_text(settings: Mapping[str, Json], *left_out: str) -> str:
    """``Setting: digits, 50 % labeled, small_cnn frozen through stage3; ...``; no full stop.

    Names in `left_out` are those that the figure itself varies.
    """
    known = {name: value for name, value in settings.items() if name not in left_out}
    dataset, ratio = str(known.get("dataset", "")), known.get("labeled_ratio")
    frozen = known.get(FREEZING)
    parts = [NAMES.get(dataset, dataset)] if dataset else []
    parts += [f"{100 * ratio:g}\u00a0% labeled"] if isinstance(ratio, int | float) else []
    parts += [f"{value_text(known['network'])}{_frozen(frozen)}"] if "network" in known else []
    parts += [f"{value_text(known['epochs'])} epochs"] if "epochs" in known else []
    return f"Setting: {', '.join(parts)}" if parts else "Setting not recorded"


def seeds_text(cells: Iterable[Cell]) -> str:
    """``n 3 each``, or ``n 0 to 3; 4 of 15 planned trials are not done and left out``."""
    shown = list(cells)
    counts = sorted({cell.num_done for cell in shown}) or [0]
    n = f"n {counts[0]} each" if len(counts) == 1 else f"n {counts[0]} to {counts[-1]}"
    planned = sum(cell.planned for cell in shown)
    missing = sum(sum(cell.causes.values()) for cell in shown)
    return n + (
        f"; {missing} of {planned} planned trials are not done and left out" if missing else ""
    )


def setting_text(settings: Mapping[str, Json], cells: Iterable[Cell], *left_out: str) -> str:
    """What `cells` were run with and how many of their trials count, for notes."""
    return f"{where_text(settings, *left_out)}; {seeds_text(cells)}."


def _frozen(frozen: Json) -> str:
    if frozen in (None, TUNED):
        return ", nothing frozen" if frozen else ""
    return f" frozen through {value_text(frozen)}"
