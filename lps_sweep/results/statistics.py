"""Numbers over seeds: spread, intervals, paired differences, verdicts. A replicate is a seed."""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy import optimize, special

Verdict = Literal["better", "equivalent", "worse", "inconclusive"]
Interval = tuple[float, float]

MIN_SEEDS = 3
"""Fewest seeds for a standard deviation or an interval."""

MERGES = (0.3, 15.0)
"""How whole classes that merge are modelled: the chance per run, and the points that it costs."""
MEAN_COVERAGE_WITH_MERGES = {3: 64, 5: 83}
"""By number of seeds: how often, in percent, a 95 % t interval of a mean covers it with `MERGES`.

Seeds have a standard deviation of one point besides. Near-normal values: 95.
"""
DIFFERENCE_COVERAGE_WITH_MERGES = {3: 70, 5: 82}
"""The same for the paired difference of a level with `MERGES` to a default without any."""


@dataclass(frozen=True)
class Description:
    """Values of one configuration over its seeds.

    Attributes:
        n: Number of values.
        mean: Their mean.
        sd: Sample standard deviation (divisor n - 1); None below three values.
        interval: 95 % t interval of the mean; None below three values.
        span: Smallest and largest value; None for a single value.
    """

    n: int
    mean: float
    sd: float | None
    interval: Interval | None
    span: Interval | None


@dataclass(frozen=True)
class Comparison:
    """A configuration against a baseline, paired by seed: value minus baseline.

    Attributes:
        seeds: The seeds that both have, ascending.
        differences: One per seed.
        described: Mean, sd and 95 % interval of the differences.
        interval90: 90 % t interval, for the test of equivalence; None below three seeds.
        agree: Seeds whose difference has the sign of the mean difference.
        correlation: Between the two over the seeds; None below three seeds or without spread.
        variance_ratio: Variance of the mean difference, paired over unpaired; below 1 where pairing
            helps; None below three seeds or without spread.
    """

    seeds: tuple[int, ...]
    differences: tuple[float, ...]
    described: Description
    interval90: Interval | None
    agree: int
    correlation: float | None
    variance_ratio: float | None


def describe(values: Sequence[float]) -> Description:
    """Mean, spread and 95 % t interval of `values`, as far as their number allows.

    Raises:
        ValueError: There is no value, or one is not finite.
    """
    x = np.asarray(values, dtype=np.float64)
    if not x.size or not np.isfinite(x).all():
        raise ValueError("a description needs finite values, and at least one")
    enough = x.size >= MIN_SEEDS
    return Description(
        n=int(x.size),
        mean=float(x.mean()),
        sd=float(x.std(ddof=1)) if enough else None,
        interval=t_interval(values, 0.95) if enough else None,
        span=(float(x.min()), float(x.max())) if x.size > 1 else None,
    )


@dataclass(frozen=True)
class Pooled:
    """A spread within groups: its standard deviation, values, and degrees of freedom."""

    sd: float
    n: int
    df: int


def pooled(groups: Iterable[Sequence[float]]) -> Pooled | None:
    """The spread within `groups`, of those of two values or more; None without one.

    The mean of their sample variances, weighted by their degrees of freedom.
    """
    known = [np.asarray(group, dtype=np.float64) for group in groups if len(group) > 1]
    n = sum(group.size for group in known)
    df = n - len(known)
    if not df:
        return None
    squares = sum(float(((group - group.mean()) ** 2).sum()) for group in known)
    return Pooled(math.sqrt(squares / df), n, df)


def t_interval(values: Sequence[float], level: float) -> Interval:
    """The t interval of the mean of two or more values, for instance at `level` 0.95."""
    x = np.asarray(values, dtype=np.float64)
    half = t_quantile(0.5 + level / 2, x.size - 1) * x.std(ddof=1) / math.sqrt(x.size)
    return float(x.mean() - half), float(x.mean() + half)


def prediction_interval(
    values: Sequence[float], runs: int, level: float = 0.95, widened: float = 0.0
) -> Interval | None:
    """Where the mean of `runs` new runs of the same setting would lie, s t sqrt(1/n + 1/runs).

    `widened` at both ends by half of the last decimal to which that mean is rounded. None below
    three values.
    """
    found = describe(values)
    if found.sd is None:
        return None
    t = t_quantile(0.5 + level / 2, found.n - 1)
    half = t * found.sd * math.sqrt(1 / found.n + 1 / runs) + widened
    return found.mean - half, found.mean + half


def slopes(levels: Mapping[float, Mapping[int, float]]) -> dict[int, float]:
    """By seed, the least-squares slope of the value over the level, of seeds that have them all.

    Raises:
        ValueError: There are fewer than two levels.
    """
    if len(levels) < 2:
        raise ValueError("a slope needs two levels")
    x = np.array(list(levels), dtype=np.float64)
    weights = (x - x.mean()) / ((x - x.mean()) ** 2).sum()
    seeds = sorted(set.intersection(*(set(by_seed) for by_seed in levels.values())))
    return {
        s: float(weights @ np.array([by_seed[s] for by_seed in levels.values()])) for s in seeds
    }


def t_quantile(probability: float, df: float) -> float:
    """Quantile of Student's t with `df` degrees of freedom."""
    return float(special.stdtrit(df, probability))


def compare(values: Mapping[int, float], baseline: Mapping[int, float]) -> Comparison | None:
    """Differences by seed of `values` to `baseline`; None if they have no seed in common.

    Pairing is right where a seed stands for the same split, initialisation and order of data in
    both, which holds for trials that differ in hyper-parameters of the method.
    """
    seeds = tuple(sorted(values.keys() & baseline.keys()))
    if not seeds:
        return None
    a = np.array([values[seed] for seed in seeds], dtype=np.float64)
    b = np.array([baseline[seed] for seed in seeds], dtype=np.float64)
    d = a - b
    differences = tuple(d.tolist())
    described = describe(differences)
    enough = described.sd is not None
    spread = enough and bool(a.std() > 0 and b.std() > 0)
    unpaired = float(a.var() + b.var())
    return Comparison(
        seeds=seeds,
        differences=differences,
        described=described,
        interval90=t_interval(differences, 0.90) if enough else None,
        agree=int((np.sign(d) == np.sign(described.mean)).sum()),
        correlation=float(np.corrcoef(a, b)[0, 1]) if spread else None,
        variance_ratio=float(d.var()) / unpaired if enough and unpaired > 0 else None,
    )


def welch_interval(
    first: Sequence[float], second: Sequence[float], level: float = 0.95
) -> Interval | None:
    """Where the mean of `first` less that of `second` lies, runs that no seed pairs.

    None below three values of either. Welch's t interval with the degrees of freedom of Welch and
    Satterthwaite; a point where neither has a spread.
    """
    a, b = np.asarray(first, dtype=np.float64), np.asarray(second, dtype=np.float64)
    if min(a.size, b.size) < MIN_SEEDS:
        return None
    if np.ptp(a) == np.ptp(b) == 0:
        difference = float(a.mean() - b.mean())
        return difference, difference
    from scipy.stats import ttest_ind

    with warnings.catch_warnings():  # of values that are all alike, as of k-means at each seed
        warnings.filterwarnings("ignore", "Precision loss", RuntimeWarning)
        found = ttest_ind(a, b, equal_var=False).confidence_interval(level)
    return float(found.low), float(found.high)


def wilson_interval(count: int, total: int) -> Interval | None:
    """95 % interval of the rate `count` / `total`, 0 to 1, by Wilson\u2019s score; None of nothing.

    Wilson, J. Am. Stat. Assoc. 22 (1927). It also speaks where no or every case counts.

    Raises:
        ValueError: `count` is negative or above `total`.
    """
    if not 0 <= count <= total:
        raise ValueError(f"{count} of {total} is no rate")
    if not total:
        return None
    from scipy.stats import binomtest

    found = binomtest(count, total).proportion_ci(method="wilson")
    return float(found.low), float(found.high)


def verdict(interval95: Interval | None, interval90: Interval | None, margin: float) -> Verdict:
    """What the intervals of a difference say, for a practical margin declared beforehand.

    equivalent: the 90 % interval lies within +-margin (two one-sided tests at 5 %); else better or
    worse: the 95 % interval lies above or below zero; else inconclusive, also without intervals.
    """
    if interval90 is not None and -margin < interval90[0] and interval90[1] < margin:
        return "equivalent"
    if interval95 is None or interval95[0] <= 0 <= interval95[1]:
        return "inconclusive"
    return "better" if interval95[0] > 0 else "worse"


def detectable(error: float, critical: float, df: int, power: float = 0.8) -> float:
    """True difference whose interval, estimate +- `critical` x error, lies beyond zero in `power`.

    `error` is the standard error of the estimate with `df` degrees of freedom, taken as known here;
    `critical` is the quantile that the comparison uses, simultaneous or not. Noncentral t.
    """

    def missed(shift: float) -> float:
        return float(special.nctdtr(df, shift, critical)) - (1 - power)

    return float(error) * float(optimize.brentq(missed, 0.0, 2 * critical + 10, xtol=1e-9))
