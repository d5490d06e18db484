"""What the levels of a parameter do on average over the others of a factorial grid."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

import numpy as np

from lps_sweep.results.statistics import MIN_SEEDS, Interval, describe, slopes, t_quantile
from lps_sweep.results.variance import Source, grid_variance

L = TypeVar("L", bound=Hashable)
O = TypeVar("O", bound=Hashable)  # noqa: E741

MIN_COMBINATIONS = 2
"""Fewest combinations of the other parameters that a main effect is an average over."""


@dataclass(frozen=True)
class Departure(Generic[L, O]):
    """How far a level's effect at one combination of the others departs from its main effect.

    Attributes:
        level: The level, less the default.
        combination: Where the others are.
        estimate: Effect there minus main effect, in the unit of the values.
        interval: 95 % interval, simultaneous over all levels and combinations by Bonferroni, by the
            residual of parameter x others x seed; None below three seeds.
    """

    level: L
    combination: O
    estimate: float
    interval: Interval | None


@dataclass(frozen=True)
class MainEffect(Generic[L, O]):
    """The levels of a parameter, each averaged over the same combinations of the others.

    Attributes:
        means: Level -> seed -> mean over `combinations`. A level has one value a seed, so that the
            seeds stay the replicates: to be compared as the levels of any table are.
        combinations: Those that every level has at every seed of `means`.
        left_out: Combinations with a value that are not among them.
        seeds_left_out: Seeds with a value at which too few combinations are complete.
        interaction: Parameter x others, tested against parameter x others x seed.
        departure: The largest one in absolute value; None without a default.
    """

    means: dict[L, dict[int, float]]
    combinations: tuple[O, ...]
    left_out: tuple[O, ...]
    seeds_left_out: tuple[int, ...]
    interaction: Source | None
    departure: Departure[L, O] | None


def main_effect(
    values: Mapping[L, Mapping[O, Mapping[int, float]]], default: L | None
) -> MainEffect[L, O] | None:
    """The main effect of the levels of `values` (level -> combination -> seed -> value).

    Of the choices of seeds and combinations at which every level has a value, the one with the most
    values is taken, and of two such the one with more seeds.

    Args:
        values: Two levels at least. A missing or empty entry stands for no value.
        default: The level that departures are measured from, or None.

    Returns:
        None where fewer than `MIN_COMBINATIONS` are complete at any seed.
    """
    complete = _complete(values)
    seeds, combinations = _largest(complete)
    if len(values) < 2 or len(combinations) < MIN_COMBINATIONS:
        return None
    y = np.array(
        [[[by[o][s] for s in seeds] for o in combinations] for by in values.values()], np.float64
    )
    means = {
        level: dict(zip(seeds, row, strict=True))
        for level, row in zip(values, y.mean(1).tolist(), strict=True)
    }
    known = {seed for by in values.values() for found in by.values() for seed in found}
    sources = grid_variance(y.tolist(), "level", "others") if len(seeds) > 1 else ()
    return MainEffect(
        means,
        combinations,
        tuple(o for o in complete if o not in combinations),
        tuple(sorted(known - set(seeds))),
        sources[2] if sources else None,
        None
        if default is None
        else _departure(y, tuple(values), combinations, default, sources[-1] if sources else None),
    )


def trend(means: Mapping[float, Mapping[int, float]]) -> tuple[float, Interval | None]:
    """How far `means` (level -> seed -> value) rise from the lowest to the highest level.

    The least-squares line over the levels, at each seed; its mean over the seeds at which all
    levels are, and the 95 % t interval of that mean, None below three seeds.

    Raises:
        ValueError: There are fewer than two levels, or no seed that all of them have.
    """
    by_seed = slopes(means)
    if not by_seed:
        raise ValueError("a trend needs two levels and a seed that they have in common")
    span = max(means) - min(means)
    found = describe([span * slope for slope in by_seed.values()])
    return found.mean, found.interval


def _complete(values: Mapping[L, Mapping[O, Mapping[int, float]]]) -> dict[O, set[int]]:
    """The seeds at which every level has each combination, of which some level has a value."""
    combinations = dict.fromkeys(o for by in values.values() for o, found in by.items() if found)
    return {
        o: set.intersection(*(set(by.get(o, ())) for by in values.values())) for o in combinations
    }


def _largest(complete: Mapping[O, set[int]]) -> tuple[tuple[int, ...], tuple[O, ...]]:
    """The seeds and combinations without a gap: those with the most values, then most seeds."""
    counts = {
        s: sum(s in found for found in complete.values()) for f in complete.values() for s in f
    }
    best: tuple[tuple[int, ...], tuple[O, ...]] = (), ()
    ordered = sorted(counts, key=lambda seed: (-counts[seed], seed))
    for number in range(1, len(ordered) + 1):
        seeds = tuple(sorted(ordered[:number]))
        combinations = tuple(o for o, found in complete.items() if found.issuperset(seeds))
        if len(combinations) < MIN_COMBINATIONS:
            break
        if number * len(combinations) >= len(best[0]) * len(best[1]):
            best = seeds, combinations
    return best


def _departure(
    y: np.ndarray[tuple[int, ...], np.dtype[np.float64]],
    levels: tuple[L, ...],
    combinations: tuple[O, ...],
    default: L,
    residual: Source | None,
) -> Departure[L, O]:
    """The largest departure of `y` (levels, combinations, seeds)."""
    num_levels, num_combinations, num_seeds = y.shape
    effect = (y - y[levels.index(default)]).mean(2)
    departures = effect - effect.mean(1, keepdims=True)
    i, j = np.unravel_index(int(np.abs(departures).argmax()), departures.shape)
    estimate, interval = float(departures[i, j]), None
    if residual is not None and num_seeds >= MIN_SEEDS:
        family = (num_levels - 1) * num_combinations
        error = (2 * residual.squares / residual.df * (1 - 1 / num_combinations) / num_seeds) ** 0.5
        half = t_quantile(1 - 0.025 / family, residual.df) * error
        interval = estimate - half, estimate + half
    return Departure(levels[int(i)], combinations[int(j)], estimate, interval)
