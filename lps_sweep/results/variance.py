"""Exact analysis of variance of a complete, balanced grid of two parameters over seeds."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import optimize, special

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
        p: p of its F test against the residual, for near-normal values of like spread; None for
            the residual itself, and without one.
        partial: 95 % interval, 0 to 1, of the true share of the source in itself and the noise, as
            by the noncentral F distribution (Steiger, Psychol. Methods 9, 2004); None likewise,
            and where it cannot be computed.
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
    """Sums of squares of `first`, `second`, their interaction, seed and residual; exact.

    The seed is a block: one level per replicate, crossed with all cells. The residual is what
    remains of cell x seed.

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
    num_a, num_b, num_s = y.shape
    mean, total = y.mean(), float(((y - y.mean()) ** 2).sum())
    a = y.mean((1, 2), keepdims=True) - mean
    b = y.mean((0, 2), keepdims=True) - mean
    s = y.mean((0, 1), keepdims=True) - mean
    ab = y.mean(2, keepdims=True) - mean - a - b
    rest = y - mean - a - b - ab - s
    parts = {
        first: (a, num_b * num_s, num_a - 1),
        second: (b, num_a * num_s, num_b - 1),
        f"{first} \u00d7 {second}": (ab, num_s, (num_a - 1) * (num_b - 1)),
        "seed": (s, num_a * num_b, num_s - 1),
        "residual": (rest, 1, (num_a * num_b - 1) * (num_s - 1)),
    }
    squares = {name: times * float((e**2).sum()) for name, (e, times, _) in parts.items()}
    freedom = {name: df for name, (*_, df) in parts.items()}
    noise = squares["residual"] / freedom["residual"]
    floor = _RELATIVE_ZERO * float((y**2).sum())
    return tuple(
        Source(
            name=name,
            squares=squares[name],
            df=df,
            share=squares[name] / total if total > floor else 0.0,
            chance=df / (y.size - 1),
            p=None
            if name == "residual" or noise <= floor
            else float(special.fdtrc(df, freedom["residual"], squares[name] / df / noise)),
            partial=None
            if name == "residual" or noise <= floor
            else _partial(squares[name] / df / noise, df, freedom["residual"], y.size),
        )
        for name, df in freedom.items()
    )


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
