"""Exact analysis of variance of a complete, balanced grid of two parameters over seeds."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy import optimize, special

from lps_sweep.results.statistics import MIN_SEEDS

Axes: TypeAlias = tuple[int, ...]
_RELATIVE_ZERO = 1e-12
_BEYOND_MEASURE = 1e9
"""F ratio beyond which the noncentral distribution takes seconds to say nothing."""


@dataclass(frozen=True)
class Source:
    """A source of variation.

    Attributes:
        name: The parameter, their interaction, "seed" or "residual".
        squares: Sum of squares.
        df: Degrees of freedom.
        share: Share of the total sum of squares, 0 to 1.
        chance: The share that is expected if no source had an effect: its share of the df.
        p: p of its F test against its own error, for near-normal values of like spread: a parameter
            against parameter x seed, the interaction against the residual. None for what has seed
            in it, for fewer than three seeds, and without any error.
        partial: 95 % interval, 0 to 1, of the true share of the source in itself and the noise of
            the means that its test compares, as by the noncentral F distribution (Steiger, Psychol.
            Methods 9, 2004); None likewise, and where it cannot be computed.
    """

    name: str
    squares: float
    df: int
    share: float
    chance: float
    p: float | None
    partial: tuple[float, float] | None = None


def grid_variance(
    values: Sequence[Sequence[Sequence[float]]], first: str, second: str
) -> tuple[Source, ...]:
    """Sums of squares of `first`, `second`, their interaction, seed and all that seed crosses.

    The seeds are the replicates, a random block that is crossed with all cells: what a parameter
    does may differ from seed to seed, so that parameter x seed is its error. The residual is what
    first x second x seed leaves.

    Args:
        values: (levels of `first`, levels of `second`, seeds), each value finite.
        first: Name of the parameter of the first axis.
        second: Name of the parameter of the second axis.

    Raises:
        ValueError: The grid is ragged, has a value that is not finite, or an axis shorter than two.
    """
    y = np.array(values, dtype=np.float64)
    if y.ndim != 3 or min(y.shape) < 2 or not np.isfinite(y).all():
        raise ValueError("a complete grid has two levels, two levels and two seeds at least")
    both, with_seed = f"{first} \u00d7 {second}", "{} \u00d7 seed"
    names: dict[Axes, str] = {
        (0,): first,
        (1,): second,
        (0, 1): both,
        (2,): "seed",
        (0, 2): with_seed.format(first),
        (1, 2): with_seed.format(second),
        (0, 1, 2): "residual",
    }
    squares = {axes: (y.size // e.size) * float((e**2).sum()) for axes, e in _effects(y).items()}
    freedom = {axes: math.prod(y.shape[axis] - 1 for axis in axes) for axes in names}
    total, floor = float(((y - y.mean()) ** 2).sum()), _RELATIVE_ZERO * float((y**2).sum())

    def source(axes: Axes, name: str) -> Source:
        df, share = freedom[axes], squares[axes] / total if total > floor else 0.0
        found = Source(name, squares[axes], df, share, df / (y.size - 1), None)
        error: Axes = (*axes, 2)
        if 2 in axes or y.shape[2] < MIN_SEEDS or squares[error] / freedom[error] <= floor:
            return found
        df_noise, size = freedom[error], math.prod(y.shape[axis] for axis in error)
        ratio = squares[axes] / df / (squares[error] / df_noise)
        p = float(special.fdtrc(df, df_noise, ratio))
        return replace(found, p=p, partial=_partial(ratio, df, df_noise, size))

    return tuple(source(axes, name) for axes, name in names.items())


def _effects(y: NDArray[np.float64]) -> dict[Axes, NDArray[np.float64]]:
    """What each set of axes does beyond the sets within it: the means over the other axes, less."""
    found: dict[Axes, NDArray[np.float64]] = {(): y.mean(keepdims=True)}
    for axes in ((0,), (1,), (2,), (0, 1), (0, 2), (1, 2), (0, 1, 2)):
        others = tuple({*range(y.ndim)} - {*axes})
        within = [effect for some, effect in found.items() if set(some) < set(axes)]
        found[axes] = y.mean(others, keepdims=True) - sum(within)
    return {axes: effect for axes, effect in found.items() if axes}


def _partial(ratio: float, df: int, df_noise: int, size: int) -> tuple[float, float] | None:
    """Interval of the noncentrality l of an F ratio, as a share: l / (l + number of values).

    None where the distribution cannot be computed, as with an effect beyond all measure.
    """
    low, high = (_noncentrality(ratio, df, df_noise, at) for at in (0.975, 0.025))
    return None if low is None or high is None else (low / (low + size), high / (high + size))


def _noncentrality(ratio: float, df: int, df_noise: int, probability: float) -> float | None:
    """The noncentrality at which an F ratio up to this one has the probability; 0 at the least."""
    if ratio > _BEYOND_MEASURE:
        return None
    if special.fdtr(df, df_noise, ratio) <= probability:
        return 0.0

    def off(noncentrality: float) -> float:
        return float(special.ncfdtr(df, df_noise, noncentrality, ratio)) - probability

    middle = max(0.0, df * (ratio - 1))
    width = 8 * math.sqrt(2 * df + 4 * middle + 2 * (df + middle) ** 2 / df_noise)
    low, high = max(_RELATIVE_ZERO, middle - width), middle + width + 20
    try:
        return float(optimize.brentq(off, low, high, xtol=1e-6))
    except ValueError:  # no number between the ends, or none beyond them
        return None
