"""Levels against the default, and the word that the data allow for each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

Word = Literal["better", "worse", "inconclusive", "too few seeds"]


@dataclass(frozen=True)
class LevelDifference:
    """A level against the default in one metric, paired by seed.

    Attributes:
        n: Seeds that both have.
        difference: Estimate of the block model, level minus default; None where there is none.
        interval: 95 % interval, simultaneous over the levels; None below three seeds.
        higher: Seeds at which the level is above the default.
        detectable: True difference that the seeds of this pair find in 80 % of cases; None below
            three seeds.
        word: `better` or `worse` only where the interval excludes zero and all common seeds, three
            at least, lie on that side.
    """

    n: int
    difference: float | None
    interval: tuple[float, float] | None
    higher: int
    detectable: float | None
    word: Word


def level_differences(
    levels: Sequence[Mapping[int, float]], default: int | None
) -> tuple[LevelDifference | None, ...]:
    """Each level against the one at index `default`.

    Args:
        levels: Per level, the value of each seed.
        default: Index of the default level.

    Returns:
        One per level; None for the default itself, for levels without a seed in common with it,
        and everywhere if the default has no value.
    """
    from lps_sweep.results.contrasts import contrast_table

    if default is None or not levels[default]:
        return (None,) * len(levels)
    contrasts = contrast_table(dict(enumerate(levels)), default).contrasts
    return tuple(
        None
        if i == default
        else _difference(values, levels[default], contrasts[i].difference, contrasts[i].interval)
        for i, values in enumerate(levels)
    )


def _difference(
    values: Mapping[int, float],
    baseline: Mapping[int, float],
    estimate: float | None,
    interval: tuple[float, float] | None,
) -> LevelDifference | None:
    from lps_sweep.results.statistics import MIN_SEEDS, compare, verdict

    paired = compare(values, baseline)
    if paired is None:
        return None
    n = len(paired.seeds)
    if n < MIN_SEEDS or interval is None:
        interval = None
        word: Word = "too few seeds"
    else:
        found = verdict(interval, None, 0.0)
        agreed = paired.agree == n
        word = found if agreed and found != "equivalent" else "inconclusive"
    higher = sum(1 for d in paired.differences if d > 0)
    return LevelDifference(n, estimate, interval, higher, paired.detectable, word)
