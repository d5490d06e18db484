"""Which configurations are like the best, and what choosing the best adds to its mean."""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping
from typing import TypeVar

import numpy as np

from lps_sweep.results.statistics import MIN_SEEDS, compare, t_quantile

_K = TypeVar("_K", bound=Hashable)
_DEALS = 1000


def chance_lead(values: Mapping[_K, Mapping[int, float]]) -> float | None:
    """How far the highest mean is expected above the mean of all if the levels are alike.

    By permutation: the values of each seed are dealt out anew to the levels that have it, which
    changes nothing if all levels are alike, and asks for no distribution. Where they do differ the
    true number is lower. Levels without a value are left out; the number is in the values' unit.

    Returns:
        None below two levels or three seeds.
    """
    known = [by_seed for by_seed in values.values() if by_seed]
    seeds = sorted({seed for by_seed in known for seed in by_seed})
    if len(known) < 2 or len(seeds) < MIN_SEEDS:
        return None
    generator = np.random.default_rng(0)
    table = np.array([[by_seed.get(seed, np.nan) for seed in seeds] for by_seed in known])
    leads = []
    for _ in range(_DEALS):
        for column in table.T:
            has = np.isfinite(column)
            column[has] = generator.permutation(column[has])
        leads.append(np.nanmean(table, axis=1).max() - np.nanmean(table))
    return float(np.mean(leads))


def near_best_paired(values: Mapping[_K, Mapping[int, float]]) -> tuple[_K, set[_K]] | None:
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
    for level, by_seed in known.items():
        pair = None if level == best else compare(by_seed, known[best])
        if level == best:
            continue
        if pair is None or pair.described.sd is None or len(pair.seeds) < MIN_SEEDS:
            near.add(level)
            continue
        told = True
        error = pair.described.sd / math.sqrt(len(pair.seeds))
        critical = t_quantile(1 - 0.05 / (len(known) - 1), len(pair.seeds) - 1)
        if pair.described.mean + critical * error >= 0:
            near.add(level)
    return (best, near) if told else None
