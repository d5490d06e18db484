"""Exact analysis of variance of a complete, balanced grid of two parameters over seeds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import special

_RELATIVE_ZERO = 1e-12


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
    """

    name: str
    squares: float
    df: int
    share: float
    chance: float
    p: float | None


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
        )
        for name, df in freedom.items()
    )
