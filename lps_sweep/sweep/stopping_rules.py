"""The rules that end trials early, as functions of what was measured; greater is better.

A trial goes on where it is level with the last one that does: equal values are told apart by no
rule, so that no decision depends on an order.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Verdict:
    """A trial that is to end.

    Attributes:
        trial_id: The trial.
        rank: Its place, from 1, the best.
        compared: Trials that were compared, this one among them.
        value: What was compared of it.
        bar: What it would have needed.
    """

    trial_id: str
    rank: int
    compared: int
    value: float
    bar: float


def asha(values: Mapping[str, float], judged: Iterable[str], *, reduction: int) -> list[Verdict]:
    """Asynchronous successive halving in its form without pauses.

    Of the trials that have come to a rung so far the best ``1 / reduction``, rounded down, go on;
    while there are fewer than `reduction`, all do (Li et al., "A System for Massively Parallel
    Hyperparameter Tuning", MLSys 2020; Klein et al., 2020, for the form that stops).

    Args:
        values: The metric at the rung of all trials that have come to it, by trial.
        judged: Those of them that have just come.
        reduction: From 2.
    """
    return _beaten(values, judged, len(values) // reduction)


def halving(
    values: Mapping[str, float], judged: Iterable[str], *, reduction: int, rung: int, planned: int
) -> list[Verdict]:
    """Successive halving: ``planned / reduction ** rung``, rounded down, go on, and always one.

    What failed before it came to the rung counts as worse than all others (Jamieson and
    Talwalkar, "Non-stochastic Best Arm Identification", AISTATS 2016).

    Args:
        values: The metric at the rung of all trials that came to it, by trial.
        judged: Those of them that can still be ended.
        reduction: From 2.
        rung: Number of the rung, from 1.
        planned: All trials of the group, whatever became of them.
    """
    return _beaten(values, judged, max(1, planned // reduction**rung))


def median(
    curves: Mapping[str, Sequence[float]], judged: Iterable[str], *, min_trials: int
) -> list[Verdict]:
    """The median stopping rule of Golovin et al., "Google Vizier" (KDD 2017), section 3.2.1.

    A trial ends where its best value so far is below the median of the other trials' means so
    far. Unlike there the others need not have come to their end, only as far as this one: trials
    of a pack come to their ends together.

    Args:
        curves: The metric of each epoch up to the one in question, of the trials that came there.
        judged: Those of them that have just come there.
        min_trials: Others that there must be.
    """
    means = {trial: statistics.fmean(curve) for trial, curve in curves.items()}
    found = []
    for trial in judged:
        others = [mean for other, mean in means.items() if other != trial]
        if len(others) < min_trials:
            continue
        best, bar = max(curves[trial]), statistics.median(others)
        if best < bar:
            rank = 1 + sum(mean > best for mean in others)
            found.append(Verdict(trial, rank, len(curves), best, bar))
    return found


def _beaten(values: Mapping[str, float], judged: Iterable[str], kept: int) -> list[Verdict]:
    """Those of `judged` that are worse than the `kept` best, of which there must be some."""
    if not 0 < kept < len(values):
        return []
    ordered = sorted(values.values(), reverse=True)
    bar = ordered[kept - 1]
    return [
        Verdict(trial, 1 + ordered.index(values[trial]), len(values), values[trial], bar)
        for trial in judged
        if values[trial] < bar
    ]
