"""Levels of a table against its default, all at once: with one pooled spread, or pair by pair."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Generic, TypeVar

import numpy as np
from numpy.typing import NDArray
from scipy import special

from lps_sweep.results.statistics import (
    MIN_SEEDS,
    Description,
    Interval,
    compare,
    detectable,
    t_quantile,
)

L = TypeVar("L", bound=Hashable)
Array = NDArray[np.float64]

DRAWS = 200_000
"""Monte Carlo draws behind the quantiles; their error is below 1 % of a quantile."""

_RELATIVE_ZERO = 1e-9
_RANK_TOLERANCE = 1e-10


@dataclass(frozen=True)
class Contrast:
    """A level against the default: estimated difference of their means.

    Attributes:
        n: Seeds of the level.
        difference: Least-squares estimate, level minus default; None where no seed or chain of
            seeds connects the two.
        interval: 95 % interval, simultaneous over the family; None below three seeds.
        interval90: 90 % interval, simultaneous, for the test of equivalence; None likewise.
        p: p of the max-|t| test, adjusted for the family; None likewise.
        detectable: True difference, in absolute value, whose `interval` lies beyond zero in 80 % of
            cases, at the spread found; None likewise, and without any spread.
    """

    n: int
    difference: float | None
    interval: Interval | None = None
    interval90: Interval | None = None
    p: float | None = None
    detectable: float | None = None


def pooled_contrasts(values: Mapping[L, Mapping[int, float]], default: L) -> dict[L, Contrast]:
    """Each level of `values` (level -> seed -> value) against `default`, with one spread for all.

    A fit of level + seed, whose residual is pooled over levels. Where seeds are missing the fit is
    by least squares with seed effects, so that unequal sets of seeds are never averaged. Coverage
    holds for near-normal values of like spread: whole classes that merge on a few seeds break it.

    Raises:
        ValueError: `default` has no value, or a value is not finite.
    """
    if not values.get(default):
        raise ValueError(f"the default level {default!r} has no value")
    return _compared(values, default, _fit(values))


def _compared(
    values: Mapping[L, Mapping[int, float]], default: L, fit: _Fit[L]
) -> dict[L, Contrast]:
    others = [level for level in values if level != default]
    row_of = dict(zip(fit.levels, np.eye(len(fit.beta)), strict=False))
    rows = {level: row_of[level] - row_of[default] for level in others if level in row_of}
    # The data determine a contrast that lies in the row space of the design.
    known = {
        level: row
        for level, row in rows.items()
        if np.allclose(row @ fit.projection, row, atol=1e-8)
    }
    estimates = {level: float(row @ fit.beta) for level, row in known.items()}
    table = {level: Contrast(len(values[level]), estimates.get(level)) for level in others}
    if fit.sd is not None and len(fit.seeds) >= MIN_SEEDS and known:
        draws, errors = _family(np.array(list(known.values())), fit.inverse, fit.sd, fit.df)
        quantiles = float(draws[int(0.95 * DRAWS)]), float(draws[int(0.90 * DRAWS)])

        def p_of(t: float) -> float:
            return (1 + DRAWS - int(np.searchsorted(draws, t))) / (1 + DRAWS)

        for level, error in zip(known, errors, strict=True):
            n = len(values[level])
            table[level] = _contrast(n, estimates[level], float(error), fit.df, quantiles, p_of)
    return table


def paired_contrasts(values: Mapping[L, Mapping[int, float]], default: L) -> dict[L, Contrast]:
    """Each level of `values` (level -> seed -> value) against `default`, with its own spread.

    The mean and the t interval of the differences by seed, over the seeds that both have. For
    levels whose spreads differ in kind, such as the arms of an ablation: there a pooled residual is
    too wide for some and too narrow for others. Simultaneous by Bonferroni, over the levels that
    have three seeds in common with the default. `n` counts the seeds of the level.
    """
    others = {level: by_seed for level, by_seed in values.items() if level != default}
    pairs = {level: compare(by_seed, values[default]) for level, by_seed in others.items()}
    size = sum(1 for pair in pairs.values() if pair is not None and pair.interval90 is not None)
    found = {}
    for level, pair in pairs.items():
        n = len(values[level])
        if pair is None:
            found[level] = Contrast(n, None)
        elif pair.interval90 is None:
            found[level] = Contrast(n, pair.described.mean)
        else:
            found[level] = _paired(n, pair.described, size)
    return found


def _paired(n: int, described: Description, size: int) -> Contrast:
    df = described.n - 1
    error = (described.sd or 0.0) / described.n**0.5
    quantiles = t_quantile(1 - 0.025 / size, df), t_quantile(1 - 0.05 / size, df)

    def p_of(t: float) -> float:
        return min(1.0, 2 * size * float(special.stdtr(df, -t)))

    return _contrast(n, described.mean, error, df, quantiles, p_of)


def _contrast(
    n: int,
    difference: float,
    error: float,
    df: int,
    quantiles: tuple[float, float],
    p_of: Callable[[float], float],
) -> Contrast:
    """The contrast with this standard error, by its 95 and 90 % quantiles and the p of a |t|."""
    wide, narrow = (float(q * error) for q in quantiles)
    if error <= _RELATIVE_ZERO * max(1.0, abs(difference)):
        p, shift = 1.0 if abs(difference) <= _RELATIVE_ZERO else 0.0, None
    else:
        p, shift = p_of(abs(difference) / error), detectable(error, quantiles[0], df)
    return Contrast(
        n,
        difference,
        interval=(difference - wide, difference + wide),
        interval90=(difference - narrow, difference + narrow),
        p=p,
        detectable=shift,
    )


def near_best(values: Mapping[L, Mapping[int, float]]) -> tuple[L, set[L]] | None:
    """The level with the highest estimate, and all that are not distinguishable from it.

    A level is distinguishable if the simultaneous 95 % interval of its difference to the highest
    lies below zero. Two-sided intervals are wider than those of Hsu's comparison with the best,
    which allows for the best being chosen by the data; so the level that is truly best is among
    those returned in 95 of 100 tables at least, for near-normal values of like spread.

    Returns:
        None below three seeds or without a residual: then nothing can be told apart.
    """
    levels = [level for level, by_seed in values.items() if by_seed]
    if not levels:
        return None
    fit = _fit(values)
    best = levels[int(np.argmax(fit.beta[: len(levels)]))]
    table = _compared(values, best, fit)
    if all(contrast.interval is None for contrast in table.values()):
        return None
    near = {k for k, c in table.items() if c.interval and c.interval[1] >= 0}
    return best, {best} | near


@dataclass(frozen=True)
class _Fit(Generic[L]):
    """Least squares of level + seed, for a design X.

    Attributes:
        levels: Those with a value, in the order of the first columns of X.
        seeds: Those of the other columns.
        inverse: (X'X)^+.
        projection: On the row space of X.
        beta: Coefficients.
        sd: Root of the residual variance; None without degrees of freedom.
        df: Residual degrees of freedom.
    """

    levels: list[L]
    seeds: list[int]
    inverse: Array
    projection: Array
    beta: Array
    sd: float | None
    df: int


def _fit(values: Mapping[L, Mapping[int, float]]) -> _Fit[L]:
    levels = [level for level, by_seed in values.items() if by_seed]
    seeds = sorted({seed for level in levels for seed in values[level]})
    cells = [(i, seeds.index(s), v) for i, lv in enumerate(levels) for s, v in values[lv].items()]
    of_level, of_seed, y = (np.array(column) for column in zip(*cells, strict=True))
    x = np.hstack([np.eye(len(levels))[of_level], np.eye(len(seeds))[of_seed]])
    if not np.isfinite(y).all():
        raise ValueError("a value is not finite")
    squares: Array = x.T @ x
    inverse = np.linalg.pinv(squares, rcond=_RANK_TOLERANCE, hermitian=True).astype(np.float64)
    projection: Array = inverse @ squares
    beta = inverse @ (x.T @ y)
    df = int(y.size - round(np.trace(projection)))
    residual = y - x @ beta
    sd = float(np.sqrt(residual @ residual / df)) if df > 0 else None
    return _Fit(levels, seeds, inverse, projection, beta, sd, df)


def _family(rows: Array, inverse: Array, sd: float, df: int) -> tuple[Array, Array]:
    """Draws of max-|t| under no difference, ascending; the standard error of each contrast."""
    covariance = rows @ inverse @ rows.T
    scale = np.sqrt(np.diag(covariance))
    correlation = np.round(covariance / np.outer(scale, scale), 9)
    draws = _max_t_draws(correlation.tobytes(), len(rows), df)
    return draws, sd * scale


@lru_cache(maxsize=8)
def _max_t_draws(correlation: bytes, size: int, df: int) -> Array:
    matrix = np.frombuffer(correlation, dtype=np.float64).reshape(size, size)
    values, vectors = np.linalg.eigh(matrix)
    root = vectors * np.sqrt(np.clip(values, 0.0, None))
    generator = np.random.default_rng(0)
    largest = np.empty(DRAWS)
    for start in range(0, DRAWS, 20_000):
        normal = generator.standard_normal((20_000, size)) @ root.T
        largest[start : start + 20_000] = np.abs(normal).max(axis=1)
    draws: Array = np.sort(largest / np.sqrt(generator.chisquare(df, DRAWS) / df))
    draws.setflags(write=False)
    return draws
