"""A level against the reference, paired by seed, and the word that the data allow for it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from lps_sweep.results.contrasts import Contrast

Word = Literal["better", "equivalent", "worse", "inconclusive", "too few seeds"]


@dataclass(frozen=True)
class LevelDifference:
    """A level against the reference in one metric, paired by seed.

    Attributes:
        by_seed: Level minus reference at each seed that both have.
        difference: Estimate, level minus reference; None where there is none.
        interval: 95 % interval, simultaneous over the levels; None below three seeds.
        detectable: True difference whose interval excludes zero in 80 % of cases, at the spread
            found; None below three seeds, and without spread.
        correlation: Of level and reference over the seeds that both have; None below three seeds
            or without spread.
        variance_ratio: Variance of the difference, paired over unpaired; None likewise.
        word: `better` or `worse` only where the interval excludes zero and all common seeds, three
            at least, lie on that side; `equivalent` only where the 90 % interval, simultaneous
            as well, lies within the declared margin.
    """

    by_seed: Mapping[int, float]
    difference: float | None
    interval: tuple[float, float] | None
    detectable: float | None
    word: Word
    correlation: float | None = None
    variance_ratio: float | None = None

    @property
    def n(self) -> int:
        """Seeds that both have."""
        return len(self.by_seed)

    @property
    def higher(self) -> int | None:
        """Seeds at which the level is above the reference; None without a common one."""
        return sum(1 for d in self.by_seed.values() if d > 0) if self.by_seed else None


NO_DIFFERENCE = LevelDifference({}, None, None, None, "too few seeds")
"""Of a level without a seed in common with the reference."""


def level_differences(
    levels: Sequence[Mapping[int, float]],
    default: int | None,
    margin: float | None = None,
    *,
    pooled: bool = True,
) -> tuple[LevelDifference | None, ...]:
    """Each level against the one at index `default`.

    Args:
        levels: Per level, the value of each seed.
        default: Index of the reference.
        margin: The largest difference that does not matter, where one was declared.
        pooled: Whether the levels share one residual spread (block model of level and seed);
            otherwise each is compared by the spread of its own differences.

    Returns:
        One per level; None for the reference itself, for levels without a seed in common with it,
        and everywhere if the reference has no value.
    """
    from lps_sweep.results.contrasts import paired_contrasts, pooled_contrasts

    if default is None or not levels[default]:
        return (None,) * len(levels)
    table = dict(enumerate(levels))
    contrasts = pooled_contrasts(table, default) if pooled else paired_contrasts(table, default)
    return tuple(
        None if i == default else _difference(values, levels[default], contrasts[i], margin)
        for i, values in enumerate(levels)
    )


def unpaired_differences(
    levels: Sequence[Sequence[float]], default: int | None, margin: float | None
) -> tuple[LevelDifference | None, ...]:
    """Each level less the one at index `default` by Welch: seeds do not pair different images.

    The intervals hold together for all levels, by Bonferroni. None as of `level_differences`.
    """
    from lps_sweep.results.statistics import verdict, welch_interval

    family = len(levels) - 1
    base = () if default is None else levels[default]
    found: list[LevelDifference | None] = []
    for i, values in enumerate(levels):
        if i == default or not base or not values:
            found.append(None)
            continue
        wide = welch_interval(values, base, 1 - 0.05 / family)
        narrow = None if margin is None else welch_interval(values, base, 1 - 0.10 / family)
        word: Word = "too few seeds" if wide is None else verdict(wide, narrow, margin or 0.0)
        difference = sum(values) / len(values) - sum(base) / len(base)
        found.append(LevelDifference({}, difference, wide, None, word))
    return tuple(found)


def _difference(
    values: Mapping[int, float],
    baseline: Mapping[int, float],
    contrast: Contrast,
    margin: float | None,
) -> LevelDifference | None:
    from lps_sweep.results.statistics import MIN_SEEDS, compare, verdict

    paired = compare(values, baseline)
    if paired is None:
        return None
    n = len(paired.seeds)
    interval = contrast.interval if n >= MIN_SEEDS else None
    word: Word = "too few seeds"
    if interval is not None:
        word = verdict(interval, None if margin is None else contrast.interval90, margin or 0.0)
        sign = {"better": 1, "worse": -1}.get(word)
        if sign is not None and any(sign * d <= 0 for d in paired.differences):
            word = "inconclusive"
    return LevelDifference(
        dict(zip(paired.seeds, paired.differences, strict=True)),
        contrast.difference,
        interval,
        contrast.detectable if n >= MIN_SEEDS else None,
        word,
        paired.correlation,
        paired.variance_ratio,
    )
