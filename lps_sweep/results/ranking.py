"""Which configurations are like the best, each pair with a spread of its own."""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping
from typing import TypeVar

from lps_sweep.results.statistics import MIN_SEEDS, compare, t_quantile

_K = TypeVar("_K", bound=Hashable)


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
