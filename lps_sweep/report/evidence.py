"""What a sweep can say about a sentence: values, differences, and the verdicts on them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

from lps_sweep.report.arms import Arms, read_arms
from lps_sweep.report.cells import ACCURACIES, cell_of, held_point, same, select
from lps_sweep.report.curves import Line, average, ends, lines_of
from lps_sweep.report.differences import LevelDifference, level_differences
from lps_sweep.report.escape import MINUS
from lps_sweep.report.levels import ARM, Levels, read_levels
from lps_sweep.report.numbers import number_text, slug, value_text

if TYPE_CHECKING:
    from lps_sweep.results.view import SweepView

Verdict = Literal["supported", "contradicted", "inconclusive", "not tested"]
Want = Literal["higher", "lower", "kept", "flat"]
"""What a sentence says of a number against another; `kept` is not lower, `flat` the same."""
Part = tuple[str, LevelDifference | None]
"""What was compared, in words, and the difference; None without a seed in common."""
Values = Mapping[int, float]
Point = Mapping[str, Any]

WORDS = {
    **{metric: name.lower() for metric, name in ACCURACIES.items()},
    "nmi_novel": "NMI of novel",
    "novel_to_seen_share": "novel given to seen, %",
}
SUPPORTS = {"higher": {"better"}, "lower": {"worse"}, "kept": {"better", "equivalent"}}
"""Words of a difference that are what is wanted; all others but `inconclusive` contradict it."""
TINY = 1e-9
"""What is closer to zero than this is rounding, and has no sign."""
EARLY = 0.1
"""Share of the epochs after which the pace of learning is read."""
NOTHING = "no seed is done at all that is compared"
KL, OTHER_KL = "kl_estimate_to_prior", "kl_prior_to_estimate"
"""The divergence that Figure 4 draws, and the one read where that was not recorded."""


@dataclass(frozen=True)
class Judgement:
    """A verdict on a sentence, what it rests on, and the id of the figure that shows it."""

    verdict: Verdict
    evidence: str
    link: str | None = None


def early(line: Line) -> float:
    """The value after `EARLY` of the epochs."""
    epoch = max(min(line), round(EARLY * max(line)))
    return next(value for at, value in line.items() if at >= epoch)


READS: dict[str, Callable[[Line], float]] = {
    "early": early,
    "average": average,
    "change": lambda line: ends(line)[1] - ends(line)[0],
}
"""What is read of a curve."""


class Evidence:
    """What the judges look up in a sweep, each thing computed once."""

    def __init__(self, view: SweepView) -> None:
        self.view = view
        self.margin = view.record.margin
        self.default = held_point(view)
        self._lps = view.record.settings.get("method", "lps") == "lps"
        self._levels: dict[str, Levels] = {}

    @cached_property
    def arms(self) -> Arms | None:
        """The arms of LPS, where there are any."""
        return read_arms(self.view) if self._lps else None

    @cached_property
    def points(self) -> Mapping[str, Point]:
        """Where each method and each arm of Table 4 lies; the default cell of LPS is ``""``.

        Of a method that several arms have it is the first of them.
        """
        view, found = self.view, {"": self.default} if self._lps else {}
        for arm in (None, *view.record.axes.get(ARM, ())):
            point = self.default if arm is None else {**self.default, ARM: arm}
            for trial in select(view.trials, point)["trial_id"].tolist()[:1]:
                found.setdefault(str(view.configs.get(trial, {}).get("method", "lps")), point)
        for i, name in enumerate(self.arms.paper_names if self.arms else ()):
            if self.arms and name:
                found.setdefault(name, {**self.default, ARM: self.arms.levels.values[i]})
        return found

    def levels(self, parameter: str) -> Levels | None:
        """The levels of a parameter of LPS; None where it is not swept."""
        if not self._lps or len(self.view.record.axes.get(parameter, ())) < 2:
            return None
        if parameter not in self._levels:
            self._levels[parameter] = read_levels(self.view, parameter)
        return self._levels[parameter]

    def values(self, point: Point, metric: str, read: str = "") -> Values:
        """A number of each done trial at `point`, by seed: its final one, or one of its curve."""
        rows = select(self.view.trials, point)
        if not read:
            return cell_of(rows, (metric,)).values[metric]
        if metric == KL and KL not in self.view.epochs.columns:
            metric = OTHER_KL
        done = set(rows[rows["status"] == "done"]["seed"].tolist())
        shortest = 2 if read == "change" else 1
        lines = lines_of(self.view, dict(point), metric).items()
        known = {s: x for s, x in lines if s in done and len(x) >= shortest}
        return {seed: READS[read](line) for seed, line in known.items()}

    def difference(self, ours: Point, other: Point, metric: str) -> LevelDifference | None:
        """Ours less the other, by seed, with a spread of its own."""
        both = [self.values(point, metric) for point in (other, ours)]
        return level_differences(both, 0, self.margin, pooled=False)[1]

    def removal(self, arm: str, metric: str) -> tuple[str, LevelDifference | None, str] | None:
        """The sweep without a term, `arm` of Table 4: its name here, difference, and figure.

        Found among the arms by what they change, or as the zero of a swept weight; None where it
        was not planned.
        """
        from lps_sweep.results.paper import ABLATION_ARMS

        if self.arms is not None and arm in self.arms.paper_names:
            levels, place = self.arms.levels, self.arms.paper_names.index(arm)
            return levels.texts[place], levels.differences[metric][place], "ablation_figure"
        parameter, zero = ABLATION_ARMS[arm]
        found = self.levels(parameter)
        for i in found.others if found and found.default is not None else ():
            if found and same(found.values[i], zero):
                return f"{parameter} = 0", found.differences[metric][i], figure_of(parameter)
        return None


def figure_of(parameter: str) -> str:
    """The id of the figure of a numeric parameter."""
    return f"sensitivity_{slug(parameter)}_figure"


def less(ours: Values, other: Values) -> Values:
    """Ours less the other, at each seed that both have."""
    return {seed: ours[seed] - other[seed] for seed in sorted(ours.keys() & other.keys())}


def judge_differences(
    parts: Sequence[Part],
    want: Want,
    link: str | None,
    *,
    whole: bool = True,
    beyond: float | None = 0.0,
) -> Judgement:
    """Supported if all `parts` are as wanted, contradicted if one is the opposite or equivalent.

    Without the `whole` of what the sentence names there is no support, nor for a sentence on a
    large difference where an interval is not wholly `beyond` so many points (None: not declared).
    """
    words = {found.word if found else None for _, found in parts}
    verdict: Verdict = "inconclusive"
    if ({"better", "worse", "equivalent"} - SUPPORTS[want]) & words:
        verdict = "contradicted"
    elif whole and words <= SUPPORTS[want]:
        large = not beyond or all(min(map(abs, ends)) > beyond for ends in _intervals(parts))
        verdict = "supported" if large else "inconclusive"
    note = "" if beyond is not None else "; direction only: without a declared margin none is large"
    if beyond:
        note = f"; large: wholly beyond the margin of {value_text(beyond)}"
    return _judgement(verdict, parts, link, after=note)


def judge_equivalence(parts: Sequence[Part], margin: float | None, link: str) -> Judgement:
    """Supported if all are equivalent, contradicted if an interval lies beyond the margin."""
    verdict: Verdict = "inconclusive"
    if margin is None:
        text = "no practical margin was declared, and without one nothing is called robust: "
        return _judgement(verdict, parts, link, before=text)
    if any(low > margin or high < -margin for low, high in _intervals(parts)):
        verdict = "contradicted"
    elif all(found is not None and found.word == "equivalent" for _, found in parts):
        verdict = "supported"
    return _judgement(verdict, parts, link, before=f"margin {value_text(margin)}: ")


def _intervals(parts: Sequence[Part]) -> list[tuple[float, float]]:
    return [found.interval for _, found in parts if found and found.interval]


def _judgement(
    verdict: Verdict, parts: Sequence[Part], link: str | None, before: str = "", after: str = ""
) -> Judgement:
    if all(found is None for _, found in parts):
        return Judgement("not tested", "no seeds in common yet")
    return Judgement(verdict, f"{before}{parts_text(parts)}{after}", link)


def judge_sign(values: Values, want: Want, what: str, link: str, digits: int = 1) -> Judgement:
    """Supported if the 95 % t interval of `values` and all of them have the wanted sign."""
    from lps_sweep.results.statistics import describe

    if not values:
        return Judgement("not tested", NOTHING)
    found, sign = describe(list(values.values())), -1 if want == "lower" else 1
    agree = sum(sign * value > TINY for value in values.values())
    opposite = sum(sign * value < -TINY for value in values.values())
    low, high = sorted(sign * end for end in found.interval or (0.0, 0.0))
    verdict: Verdict = "inconclusive"
    if low > TINY and agree == found.n:
        verdict = "supported"
    elif high < -TINY and opposite == found.n:
        verdict = "contradicted"
    estimate = difference_text(found.mean, found.interval, digits)
    return Judgement(verdict, f"{what} {estimate}, {agree} of {found.n} seeds so", link)


def parts_text(parts: Sequence[Part]) -> str:
    """``novel at 20 -3.1 [-9.0, 2.8], 1 of 5 seeds above``, for each part."""
    texts = []
    for words, found in parts:
        if found is None or found.difference is None:
            texts.append(f"{words}: no seeds in common")
            continue
        estimate = difference_text(found.difference, found.interval)
        seeds = f", {found.higher} of {found.n} seeds above" if found.n else ""
        texts.append(f"{words} {estimate}{seeds}")
    return "; ".join(texts)


def difference_text(mean: float, interval: tuple[float, float] | None, digits: int = 1) -> str:
    """``-3.1 [-9.0, 2.8]``."""
    text = number_text(mean, digits, signed=True)
    if interval is not None:
        text += f" [{number_text(interval[0], digits)}, {number_text(interval[1], digits)}]"
    return text.replace("-", MINUS)
