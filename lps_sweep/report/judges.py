"""The judges of sentences of the paper, by what a sentence says: a handful, with parameters.

Each gives None where the sweep does not vary what the sentence is about. Metrics are columns of
the trials, or with `read`, which names one of `evidence.READS`, of the epochs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from lps_sweep.report.cells import ACCURACIES, FREEZING, FROZEN, TUNED, depth, same
from lps_sweep.report.differences import level_differences, unpaired_differences
from lps_sweep.report.evidence import (
    KL,
    WORDS,
    Evidence,
    Judgement,
    Want,
    figure_of,
    judge_differences,
    judge_equivalence,
    judge_sign,
    less,
)
from lps_sweep.report.numbers import value_text

Ends = tuple[float, float]
"""From one level of a parameter to another."""
DIGITS = {KL: 3}
"""Decimals of numbers, in nats, that the figures of the pace draw by level; of others it is one."""
TABLES = {**dict.fromkeys(ACCURACIES, "table-main"), "nmi_novel": "table-main_nmi"}
"""Where methods stand beside each other in a metric."""


def curve(
    evidence: Evidence,
    metric: str,
    read: str,
    want: Want,
    what: str,
    arms: Sequence[str] = ("",),
) -> Judgement | None:
    """A number of the curves of the default cell, or of one arm less another, has a sign."""
    if not set(arms) <= evidence.points.keys():
        return None
    each = [evidence.values(evidence.points[arm], metric, read) for arm in arms]
    values = each[0] if len(each) == 1 else less(*each)
    link = "pace_default_figure" if len(each) == 1 else "pace_arm_figure"
    return judge_sign(values, want, what, link, DIGITS.get(metric, 1)) if values else None


def along(
    evidence: Evidence,
    parameter: str,
    metric: str,
    want: Want,
    step: float,
    what: str,
    read: str = "",
) -> Judgement | None:
    """A number rises or falls along a parameter, by the slope of each seed per `step`."""
    from lps_sweep.results.statistics import slopes

    levels = evidence.levels(parameter)
    if levels is None:
        return None
    points = {float(v): {**levels.held, parameter: v} for v in levels.values}
    by_level = {v: evidence.values(point, metric, read) for v, point in points.items()}
    values = {seed: step * slope for seed, slope in slopes(by_level).items()}
    link = f"pace_{parameter}_figure" if metric in DIGITS else figure_of(parameter)
    return judge_sign(values, want, what, link, DIGITS.get(metric, 1))


def without(
    evidence: Evidence, arms: Sequence[str], metric: str, *, large: bool = False
) -> Judgement | None:
    """Without each of the terms the accuracy falls, by more than the margin if it is `large`."""
    found = [r for arm in arms if (r := evidence.removal(arm, metric)) is not None]
    if not found:
        return None
    parts = [(f"{WORDS[metric]}, {name}", part) for name, part, _ in found]
    beyond = evidence.margin if large else 0.0
    whole = len(found) == len(arms)
    return judge_differences(parts, "lower", found[0][2], whole=whole, beyond=beyond)


def levels(
    evidence: Evidence,
    parameter: str,
    metric: str,
    want: Want,
    at: float | None = None,
    others: Sequence[float] = (),
) -> Judgement | None:
    """The levels of a parameter, or `others`, against the level `at`, or the default."""
    known = evidence.levels(parameter)
    values = () if known is None else known.values
    base = None if known is None else known.default
    if at is not None:
        base = next((i for i, value in enumerate(values) if same(value, at)), None)
    chosen = [i for i, v in enumerate(values) if i != base and (not others or v in others)]
    if known is None or base is None or not chosen:
        return None
    found = known.differences[metric]
    if base != known.default:
        cells = [cell.values[metric] for cell in known.cells]
        found = level_differences(cells, base, known.margin, pooled=known.pooled)
    less_base = "" if at is None else f" less {known.texts[base]}"
    parts = [(f"{WORDS[metric]}, {known.texts[i]}{less_base}:", found[i]) for i in chosen]
    if want == "flat":
        return judge_equivalence(parts, known.margin, figure_of(parameter))
    whole = not others or len(chosen) == len(others)
    return judge_differences(parts, want, figure_of(parameter), whole=whole)


def order(
    evidence: Evidence,
    pairs: Sequence[tuple[str, str]],
    metrics: Sequence[str],
    want: Want,
    at_each: str = "",
) -> Judgement | None:
    """The first of each pair of methods is above or below the second, `at_each` level."""
    points, levels = evidence.points, evidence.view.record.axes.get(at_each, ())
    known = [(ours, other) for ours, other in pairs if {ours, other} <= points.keys()]
    if not known or (at_each and len(levels) < 2):
        return None
    parts = []
    for place in [{at_each: level} for level in levels] if at_each else [{}]:
        where = "".join(f" at {value_text(level)}" for level in place.values())
        for ours, other in known:
            both = {**points[ours], **place}, {**points[other], **place}
            for metric in metrics:
                words = f"{WORDS[metric]}{where}, {ours} less {other}:"
                parts.append((words, evidence.difference(*both, metric)))
    link = f"counts_{at_each}_figure" if at_each else TABLES.get(metrics[0])
    return judge_differences(parts, want, link, whole=len(known) == len(pairs))


def tuned(
    evidence: Evidence,
    metrics: Sequence[str],
    want: Want,
    method: str = "",
    *,
    large: bool = False,
) -> Judgement | None:
    """A method, or the default cell of LPS, with nothing frozen against the paper's freezing."""
    point, levels = evidence.points.get(method), evidence.view.record.axes.get(FREEZING, [])
    if point is None or len(levels) < 2 or TUNED not in levels:
        return None
    frozen = FROZEN if FROZEN in levels else max(levels, key=depth)
    both = {**point, FREEZING: TUNED}, {**point, FREEZING: frozen}
    whose = f" of {method}" if method else ""
    parts = [
        (f"{WORDS[m]}{whose}, fine-tuned less {frozen}:", evidence.difference(*both, m))
        for m in metrics
    ]
    link = "table-freezing" if method else "freezing_figure"
    return judge_differences(parts, want, link, beyond=evidence.margin if large else 0.0)


def gain(evidence: Evidence, pair: tuple[str, str], metric: str, what: str) -> Judgement | None:
    """One method gains more by fine-tuning than another."""
    levels = evidence.view.record.axes.get(FREEZING, ())
    if not set(pair) <= evidence.points.keys() or not {FROZEN, TUNED} <= set(map(str, levels)):
        return None
    gains = []
    for point in (evidence.points[name] for name in pair):
        ends = ({**point, FREEZING: level} for level in (TUNED, FROZEN))
        gains.append(less(*(evidence.values(end, metric) for end in ends)))
    return judge_sign(less(*gains), "higher", what, "table-freezing")


def unpaired(
    evidence: Evidence, parameter: str, metric: str, rises: Mapping[str, Ends]
) -> Judgement | None:
    """Methods rise, each from one level of the data to another, which no seed pairs (Welch)."""
    points, levels = evidence.points, evidence.view.record.axes.get(parameter, ())
    named = {end for ends in rises.values() for end in ends}
    if not rises.keys() <= points.keys() or not named <= set(levels):
        return None
    parts = []
    for method, ends in rises.items():
        places = ({**points[method], parameter: end} for end in ends)
        both = [tuple(evidence.values(place, metric).values()) for place in places]
        words = f"{WORDS[metric]} of {method}, {ends[1]} less {ends[0]} (Welch):"
        parts.append((words, unpaired_differences(both, 0, None)[1]))
    return judge_differences(parts, "higher", f"counts_{parameter}_figure")


JUDGES: dict[str, Callable[..., Judgement | None]] = {
    judge.__name__: judge for judge in (curve, along, levels, without, order, tuned, gain, unpaired)
}
