"""The statistics as a whole, on simulated tables: do they hold what they promise?"""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from lps_sweep.report.differences import level_differences
from lps_sweep.results.contrasts import near_best
from lps_sweep.results.statistics import (
    DIFFERENCE_COVERAGE_WITH_MERGES,
    MEAN_COVERAGE_WITH_MERGES,
    MERGES,
    compare,
    describe,
)
from tests.known import known

Array = NDArray[np.float64]
LEVELS, DEFAULT = 5, 2


def normal(draw: np.random.Generator, shape: tuple[int, ...]) -> Array:
    return draw.normal(90.0, 1.0, shape)


def merged(draw: np.random.Generator, shape: tuple[int, ...]) -> Array:
    chance, points = MERGES
    return normal(draw, shape) - points * (draw.random(shape) < chance)


def tables(num_seeds: int, count: int, effect: float = 2.0) -> list[list[dict[int, float]]]:
    """Normal tables without a difference of levels; seeds have an effect in common."""
    draw = np.random.default_rng([num_seeds, count])
    found = []
    for _ in range(count):
        y = normal(draw, (LEVELS, num_seeds)) + draw.normal(0, effect, num_seeds)
        found.append([dict(enumerate(row.tolist())) for row in y])
    return found


def covers(interval: tuple[float, float] | None, truth: float) -> bool:
    low, high = known(interval)
    return bool(low <= truth <= high)


def mean_coverage(truth: float, num_seeds: int, count: int = 5000) -> float:
    rows = merged(np.random.default_rng(num_seeds), (count, num_seeds)).tolist()
    return 100 * sum(covers(describe(row).interval, truth) for row in rows) / count


def difference_coverage(truth: float, num_seeds: int, count: int = 5000) -> float:
    """Of the paired difference of a level with merges to a normal default."""
    draw = np.random.default_rng([num_seeds, 7])
    hits = 0
    for _ in range(count):
        shared = draw.normal(0, 2, num_seeds)
        level, default = merged(draw, (num_seeds,)) + shared, normal(draw, (num_seeds,)) + shared
        values, baseline = (dict(enumerate(v.tolist())) for v in (level, default))
        paired = known(compare(values, baseline))
        hits += covers(paired.described.interval, truth)
    return 100 * hits / count


@pytest.mark.parametrize("num_seeds", [3, 5])
def test_with_class_merges_they_cover_what_the_report_says(num_seeds: int) -> None:
    chance, points = MERGES
    shift = -chance * points
    found = mean_coverage(90.0 + shift, num_seeds)
    assert found == pytest.approx(MEAN_COVERAGE_WITH_MERGES[num_seeds], abs=1.5)
    found = difference_coverage(shift, num_seeds)
    assert found == pytest.approx(DIFFERENCE_COVERAGE_WITH_MERGES[num_seeds], abs=1.5)
    assert found < 90


@pytest.mark.parametrize("num_seeds", [3, 5])
@pytest.mark.parametrize("pooled", [True, False], ids=["one spread", "pair by pair"])
@pytest.mark.slow
def test_a_table_without_differences_has_a_false_one_in_6_of_100_cases_at_most(
    num_seeds: int, pooled: bool
) -> None:
    count, outside, words = 1000, 0, 0
    for table in tables(num_seeds, count):
        found = [d for d in level_differences(table, DEFAULT, pooled=pooled) if d is not None]
        assert len(found) == LEVELS - 1
        outside += any(not covers(d.interval, 0.0) for d in found)
        words += any(d.word in ("better", "worse") for d in found)
    assert outside / count <= 0.06
    assert outside / count >= (0.035 if pooled else 0.02)
    assert words <= outside


@pytest.mark.parametrize("pooled", [True, False], ids=["one spread", "pair by pair"])
@pytest.mark.slow
def test_a_difference_at_the_margin_is_called_equivalent_in_6_of_100_cases_at_most(
    pooled: bool,
) -> None:
    count, wrong, right = 800, 0, 0
    for table in tables(5, count):
        at_margin = [
            {seed: value + (3.0 if i == 0 else 0.0) for seed, value in row.items()}
            for i, row in enumerate(table)
        ]
        found = level_differences(at_margin, DEFAULT, 3.0, pooled=pooled)
        wrong += found[0] is not None and found[0].word == "equivalent"
        right += found[1] is not None and found[1].word == "equivalent"
    assert wrong / count <= 0.06
    assert right / count > 0.5


@pytest.mark.parametrize("num_seeds", [3, 5])
def test_the_truly_best_level_is_among_those_like_the_best(num_seeds: int) -> None:
    count, lost, size = 800, 0, 0
    for table in tables(num_seeds, count):
        raised = {
            i: {seed: value + 0.5 * (i == 4) - 20.0 * (i == 0) for seed, value in row.items()}
            for i, row in enumerate(table)
        }
        found = known(near_best(raised))
        lost += 4 not in found[1]
        size += 0 in found[1]
    assert lost / count <= 0.05
    assert size == 0
