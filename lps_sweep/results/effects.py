"""How far levels lie apart, and which are like the best."""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Generic, TypeVar

import numpy as np

from lps_sweep.results.statistics import MIN_SEEDS, Interval, compare, t_quantile

L = TypeVar("L", bound=Hashable)


@cache
def _studentised_range(levels: int, df: int) -> float:
    """95 % quantile of the range of `levels` means over the standard error of one."""
    from scipy.stats import studentized_range

    return float(studentized_range.ppf(0.95, levels, df))


@dataclass(frozen=True)
class EffectRange(Generic[L]):
    """The largest difference between two levels of a parameter.

    Attributes:
        lowest: The level with the lowest mean.
        highest: The level with the highest mean.
        range: Highest less lowest mean.
        interval: Where the largest difference of the true means lies, by Tukey's simultaneous 95 %
            intervals of all pairs (never below zero); None below three seeds.
        chance: The range that five in a hundred tables without any effect exceed; None likewise.
        n: Seeds that all levels have; the others are left out.
        levels: Number of levels with these seeds.
    """

    lowest: L
    highest: L
    range: float
    interval: Interval | None
    chance: float | None
    n: int
    levels: int


def effect_range(values: Mapping[L, Mapping[int, float]]) -> EffectRange[L] | None:
    """The range of the means of `values` (level -> seed -> value) over the seeds that all have.

    Block model of level and seed: Tukey's studentised range with the pooled residual. For
    near-normal values of like spread. None with fewer than two levels that share a seed.
    """
    known = {level: by_seed for level, by_seed in values.items() if by_seed}
    seeds = sorted(set.intersection(*(set(v) for v in known.values()))) if known else []
    if len(known) < 2 or not seeds:
        return None
    levels = list(known)
    y = np.array([[known[level][seed] for seed in seeds] for level in levels])
    means = y.mean(axis=1)
    low, high = int(means.argmin()), int(means.argmax())
    span = float(means[high] - means[low])
    interval = chance = None
    if len(seeds) >= MIN_SEEDS:
        residual = y - means[:, None] - y.mean(axis=0) + y.mean()
        df = (len(levels) - 1) * (len(seeds) - 1)
        error = math.sqrt(float((residual**2).sum()) / df / len(seeds))
        chance = _studentised_range(len(levels), df) * error
        interval = (max(0.0, span - chance), span + chance)
    return EffectRange(levels[low], levels[high], span, interval, chance, len(seeds), len(levels))


def near_best_paired(values: Mapping[L, Mapping[int, float]]) -> tuple[L, set[L]] | None:
    """The level with the highest mean, and all that are not distinguishable from it.

    For levels whose spreads differ in kind, such as methods: each pair is judged by the spread of
    its own differences by seed. A level is distinguishable if the one-sided t test finds it below
    the best one at 5 % over (levels - 1). Whichever level is the best by chance, the one that is
    truly best is tested against the others at most, so that it is among those returned in 95 of
    100 tables at least, for near-normal differences. A level with fewer than three seeds in common
    with the best one is not told apart from it.

    Args:
        values: Level -> seed -> value; levels without a value are left out.

    Returns:
        None where no level has three seeds in common with the best one.
    """
    known = {level: by_seed for level, by_seed in values.items() if by_seed}
    if len(known) < 2:
        return None
    best = max(known, key=lambda level: math.fsum(known[level].values()) / len(known[level]))
    near, told = {best}, False
    for level in known.keys() - {best}:
        pair = compare(known[level], known[best])
        if pair is None or pair.described.sd is None:
            near.add(level)
            continue
        told = True
        error = pair.described.sd / math.sqrt(pair.described.n)
        critical = t_quantile(1 - 0.05 / (len(known) - 1), pair.described.n - 1)
        if pair.described.mean + critical * error >= 0:
            near.add(level)
    return (best, near) if told else None
