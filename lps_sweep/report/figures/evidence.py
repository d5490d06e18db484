"""What a sweep can say about a sentence: differences, signs and trends, each with a verdict."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

from lps_sweep.report.cells import held_point, same, select, without
from lps_sweep.report.comparison import LevelDifference, level_differences
from lps_sweep.report.escape import MINUS
from lps_sweep.report.figures.arms import AblationInfo, ablation_info
from lps_sweep.report.figures.lines import Line, lines_of
from lps_sweep.report.figures.slices import SliceInfo, slice_info
from lps_sweep.report.section import slug
from lps_sweep.report.tables import number_text, value_text

if TYPE_CHECKING:
    from lps_sweep.results.view import SweepView

Verdict = Literal["supported", "contradicted", "inconclusive", "not tested"]
Part = tuple[str, LevelDifference | None]
"""What was compared, in words, and the difference; None without a seed in common."""


@dataclass(frozen=True)
class Judgement:
    """A verdict on a sentence, what it rests on, and the id of the figure that shows it."""

    verdict: Verdict
    evidence: str
    link: str | None = None


@dataclass(frozen=True)
class Claim:
    """A sentence of the paper.

    Attributes:
        text: What it says, in its words as far as they fit.
        where: Its table or figure.
        needs: What a sweep must vary to test it.
        judge: Gives the verdict; None where the sweep does not vary that.
        lps_only: Whether it is about the default cell, which must then be of LPS.
    """

    text: str
    where: str
    needs: str
    judge: Callable[[Evidence], Judgement | None]
    lps_only: bool = True


class Evidence:
    """What the claims look up in a sweep, each thing computed once."""

    def __init__(self, view: SweepView) -> None:
        self.view = view
        self._slices: dict[str, SliceInfo] = {}

    @cached_property
    def ablation(self) -> AblationInfo | None:
        """The arms, where there are any."""
        return ablation_info(self.view)

    @cached_property
    def default_point(self) -> dict[str, Any]:
        """Where the default cell lies."""
        return held_point(self.view)

    @cached_property
    def method_points(self) -> dict[str, dict[str, Any]]:
        """Where each method lies: the default cell, and of the other methods their first arm."""
        view = self.view
        points: dict[str, dict[str, Any]] = {}
        for arm in (None, *view.record.axes.get("arm", ())):
            changed = {} if arm is None else {"arm": arm}
            rows = select(view.trials, {**self.default_point, **changed})
            for trial in rows["trial_id"].tolist()[:1]:
                method = str(view.configs.get(trial, {}).get("method", "lps"))
                points.setdefault(method, {**self.default_point, **changed})
        return points

    def slice(self, parameter: str) -> SliceInfo | None:
        """The slice of `parameter`; None where it is not swept."""
        if len(self.view.record.axes.get(parameter, ())) < 2:
            return None
        if parameter not in self._slices:
            self._slices[parameter] = slice_info(self.view, parameter)
        return self._slices[parameter]

    def lines(self, point: Mapping[str, Any], metric: str) -> dict[int, Line]:
        """The curve of each seed of the done trials at `point`."""
        rows = select(self.view.trials, point)
        done = {int(seed) for seed in rows[rows["status"] == "done"]["seed"].tolist()}
        lines = lines_of(self.view, dict(point), metric)
        return {seed: line for seed, line in lines.items() if seed in done}

    def level_lines(self, parameter: str, metric: str) -> dict[Any, dict[int, Line]]:
        """The curves at each level of `parameter`, the others held."""
        held = without(self.default_point, parameter)
        levels = self.view.record.axes[parameter]
        return {level: self.lines({**held, parameter: level}, metric) for level in levels}

    def removal(self, arm: str, metric: str) -> tuple[str, LevelDifference | None, str] | None:
        """The sweep without a term, `arm` of Table 4: its name here, difference, and figure.

        Found among the arms by what they change, or as the zero of a swept weight; None where it
        was not planned.
        """
        from lps_sweep.results.paper import ABLATION_ARMS

        info = self.ablation
        if info is not None and arm in info.paper_names:
            place = info.paper_names.index(arm)
            name = value_text(info.arms.levels[place])
            return name, info.arms.differences[metric][place], "ablation_figure"
        parameter, zero = ABLATION_ARMS[arm]
        found = self.slice(parameter)
        for i, level in enumerate(found.levels if found else ()):
            if found and same(level, zero) and found.default not in (None, i):
                return f"{parameter} = 0", found.differences[metric][i], figure_of(parameter)
        return None


TINY = 1e-9
"""What is closer to zero than this is rounding, and has no sign."""
EARLY = 0.1
"""Share of the epochs after which the pace of learning is read."""


def early(line: Line) -> float:
    """The value after `EARLY` of the epochs."""
    epoch = max(line.epochs[0], round(EARLY * line.epochs[-1]))
    return next(v for e, v in zip(line.epochs, line.values, strict=True) if e >= epoch)


def figure_of(parameter: str) -> str:
    """The id of the figure of a numeric parameter."""
    return f"sensitivity_{slug(parameter)}_figure"


def against(info: SliceInfo, base: float, metric: str) -> dict[Any, LevelDifference | None] | None:
    """Each level against the level `base`, which need not be the default; None without it."""
    places = [i for i, level in enumerate(info.levels) if same(level, base)]
    if not places:
        return None
    found: Sequence[LevelDifference | None] = info.differences[metric]
    if places[0] != info.default:
        values = [cell.values[metric] for cell in info.cells]
        found = level_differences(values, places[0], info.margin, pooled=info.pooled)
    return {v: found[i] for i, v in enumerate(info.levels) if i != places[0]}


def judge_differences(
    parts: Sequence[Part],
    want: Literal["better", "worse"],
    link: str | None,
    *,
    whole: bool = True,
    beyond: float | None = 0.0,
) -> Judgement:
    """Supported if all `parts` are as wanted, contradicted if one is the opposite or equivalent.

    Without the `whole` of what the sentence names there is no support, nor for a sentence on a
    large difference where an interval is not wholly `beyond` so many points (None: not declared).
    """
    words = [found.word if found else None for _, found in parts]
    if all(found is None for _, found in parts):
        return Judgement("not tested", "no seeds in common yet")
    verdict: Verdict = "inconclusive"
    if ({"better", "worse", "equivalent"} - {want}) & set(words):
        verdict = "contradicted"
    elif whole and set(words) == {want}:
        large = all(
            min(map(abs, found.interval)) > (beyond or 0.0)
            for _, found in parts
            if found is not None and found.interval is not None
        )
        verdict = "supported" if large else "inconclusive"
    note = "" if beyond is not None else "; direction only: without a declared margin none is large"
    if beyond:
        note = f"; large: wholly beyond the margin of {value_text(beyond)}"
    return Judgement(verdict, parts_text(parts) + note, link)


def judge_equivalence(parts: Sequence[Part], margin: float | None, link: str) -> Judgement:
    """Supported if all are equivalent, contradicted if an interval lies beyond the margin."""
    if all(found is None for _, found in parts):
        return Judgement("not tested", "no seeds in common yet")
    if margin is None:
        text = "no practical margin was declared, and without one nothing is called robust: "
        return Judgement("inconclusive", text + parts_text(parts), link)
    verdict: Verdict = "inconclusive"
    if any(
        found and found.interval and (found.interval[0] > margin or found.interval[1] < -margin)
        for _, found in parts
    ):
        verdict = "contradicted"
    elif all(found is not None and found.word == "equivalent" for _, found in parts):
        verdict = "supported"
    return Judgement(verdict, f"margin {value_text(margin)}: {parts_text(parts)}", link)


def judge_sign(
    values: Mapping[int, float], want: Literal[1, -1], what: str, link: str, digits: int = 1
) -> Judgement:
    """Supported if the 95 % t interval of `values` and all of them have the wanted sign."""
    from lps_sweep.results.statistics import describe

    if not values:
        return Judgement("not tested", "no seed is done at all that is compared")
    found = describe(list(values.values()))
    agree = sum(1 for value in values.values() if want * value > TINY)
    opposite = sum(1 for value in values.values() if want * value < -TINY)
    verdict: Verdict = "inconclusive"
    if found.interval is not None:
        low, high = sorted(want * end for end in found.interval)
        if low > TINY and agree == found.n:
            verdict = "supported"
        elif high < -TINY and opposite == found.n:
            verdict = "contradicted"
    estimate = difference_text(found.mean, found.interval, digits)
    text = f"{what} {estimate}, {agree} of {found.n} seeds so"
    return Judgement(verdict, text, link)


def parts_text(parts: Sequence[Part]) -> str:
    """``novel at 20 -3.1 [-9.0, 2.8], 1 of 5 seeds above``, for each part."""
    texts = []
    for words, found in parts:
        if found is None or found.difference is None:
            texts.append(f"{words}: no seeds in common")
            continue
        estimate = difference_text(found.difference, found.interval)
        texts.append(f"{words} {estimate}, {found.higher} of {found.n} seeds above")
    return "; ".join(texts)


def difference_text(mean: float, interval: tuple[float, float] | None, digits: int = 1) -> str:
    """``-3.1 [-9.0, 2.8]``."""
    text = number_text(mean, digits, signed=True)
    if interval is not None:
        text += f" [{number_text(interval[0], digits)}, {number_text(interval[1], digits)}]"
    return text.replace("-", MINUS)
