"""What rules of selection are worth, measured so that no seed has a say in its own test.

Seeds fall into two halves, by turns. A rule chooses on the one and is measured on the other, and
the other way round; so does the oracle. An interval is over the seeds of the measuring half, for
the choice that was made: it does not say how much other choosing seeds would choose otherwise.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from lps_sweep.results.selection import (
    FIXED,
    ORACLE,
    Candidates,
    Numbers,
    Rule,
    best_seed,
    choose,
    refusal,
)
from lps_sweep.results.statistics import Description, describe

MIN_SEEDS = 6
"""Fewest seeds for an interval: three on each half."""

METRIC = "acc_all"
"""The hidden accuracy by which a choice is measured, percent."""

CEILING = "held-out maximum"


@dataclass(frozen=True)
class Measured:
    """What a rule chose on one half of the seeds, on the other half.

    Attributes:
        rule: Its name.
        chosen_on: The seeds that it chose on.
        measured_on: Those that it is measured on.
        place: The configuration among the candidates.
        accuracy: Hidden accuracy of the choice, percent.
        regret: What the oracle chose on the same half less this, in points; paired by seed.
        gain: This less the default; None where that is no candidate.
        refusal: Why it cannot tell its choice from others; empty where it can.
    """

    rule: str
    chosen_on: tuple[int, ...]
    measured_on: tuple[int, ...]
    place: int
    accuracy: Description
    regret: Description
    gain: Description | None
    refusal: str = ""


def halves(num_seeds: int) -> list[tuple[list[int], list[int]]]:
    """Places of the seeds to choose and to measure on, both ways; none of a single seed."""
    first, second = list(range(0, num_seeds, 2)), list(range(1, num_seeds, 2))
    return [(first, second), (second, first)] if second else []


def measured(rule: Rule, candidates: Candidates) -> list[Measured]:
    """Both halves of a rule; a half without a choice is left out."""
    oracle = FIXED[f"{ORACLE}{METRIC}"]
    found = []
    for on, at in halves(len(candidates.seeds)):
        place, best = (choose(one, candidates, on) for one in (rule, oracle))
        if place is not None:
            why = refusal(rule, candidates, on)
            found.append(_measured(rule.name, candidates, (on, at), place, best, why))
    return found


def ceiling(candidates: Candidates) -> list[Measured]:
    """The configuration that is best on the measuring half itself: what no choice can surpass."""
    oracle = FIXED[f"{ORACLE}{METRIC}"]
    found = []
    for on, at in halves(len(candidates.seeds)):
        place, best = choose(oracle, candidates, at), choose(oracle, candidates, on)
        if place is not None:
            found.append(_measured(CEILING, candidates, (on, at), place, best))
    return found


def _measured(
    name: str,
    candidates: Candidates,
    half: tuple[Sequence[int], Sequence[int]],
    place: int,
    best: int | None,
    why: str = "",
) -> Measured:
    on, at = half
    accuracy = candidates.hidden(METRIC)[:, list(at)]
    own, default = accuracy[place], candidates.default
    enough = len(candidates.seeds) >= MIN_SEEDS
    return Measured(
        rule=name,
        chosen_on=tuple(candidates.seeds[i] for i in on),
        measured_on=tuple(candidates.seeds[i] for i in at),
        place=place,
        accuracy=_described(own, enough),
        regret=_described((own if best is None else accuracy[best]) - own, enough),
        gain=None if default is None else _described(own - accuracy[default], enough),
        refusal=why,
    )


def _described(values: Numbers, enough: bool) -> Description:
    found = describe(values.tolist())
    if enough:
        return found
    return Description(found.n, found.mean, None, None, found.span)


def rank_correlations(rule: Rule, candidates: Candidates) -> Numbers:
    """Kendall's tau-b of the rule and the hidden accuracy over configurations, of each seed.

    A seed where either does not vary over three configurations or more is left out.
    """
    from scipy.stats import kendalltau

    every, hidden = range(len(candidates.seeds)), candidates.hidden(METRIC)
    found = []
    for j in every:
        scores = rule.score(lambda one, j=j: candidates.values(one, every)[:, j])  # type: ignore[misc]
        there = np.isfinite(scores) & np.isfinite(hidden[:, j])
        if there.sum() > 2 and np.ptp(scores[there]) and np.ptp(hidden[there, j]):
            found.append(float(kendalltau(scores[there], hidden[there, j]).statistic))
    return np.array(found)


@dataclass(frozen=True)
class SeedChoice:
    """What taking a rule's best seed of one configuration brings, in points of accuracy.

    Attributes:
        gain: Of the taken seed over the mean of the seeds, averaged over configurations.
        best: The same of the best seed: what no rule can surpass.
        default: The gain for the default alone; None where it is no candidate or not told.
        num_configurations: Configurations whose seeds the rule tells apart.
    """

    gain: float
    best: float
    default: float | None
    num_configurations: int


def seed_choice(rule: Rule, candidates: Candidates) -> SeedChoice | None:
    """Over all configurations; None where the rule tells apart the seeds of none."""
    hidden = candidates.hidden(METRIC)
    taken = {i: best_seed(rule, candidates, i) for i in range(len(hidden))}
    gains = {i: hidden[i, j] - hidden[i].mean() for i, j in taken.items() if j is not None}
    if not gains:
        return None
    best = [hidden[i].max() - hidden[i].mean() for i in gains]
    own = gains.get(candidates.default) if candidates.default is not None else None
    return SeedChoice(
        float(np.mean(list(gains.values()))),
        float(np.mean(best)),
        None if own is None else float(own),
        len(gains),
    )
