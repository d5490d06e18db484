"""Two groups of runs that no seed pairs: Welch's interval of the difference of their means."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from lps_sweep.results.statistics import MIN_SEEDS, Interval, t_quantile


def welch_interval(
    first: Sequence[float], second: Sequence[float], level: float = 0.95
) -> Interval | None:
    """Where the mean of `first` less that of `second` lies; None below three values of either.

    Welch's t interval with the degrees of freedom of Welch and Satterthwaite; a point where
    neither has a spread.
    """
    a, b = np.asarray(first, dtype=np.float64), np.asarray(second, dtype=np.float64)
    if min(a.size, b.size) < MIN_SEEDS:
        return None
    difference = float(a.mean() - b.mean())
    parts = [float(x.var(ddof=1)) / x.size for x in (a, b)]
    variance = math.fsum(parts)
    if variance == 0:
        return difference, difference
    df = variance**2 / sum(p**2 / (x.size - 1) for p, x in zip(parts, (a, b), strict=True))
    half = t_quantile(0.5 + level / 2, df) * math.sqrt(variance)
    return difference - half, difference + half
