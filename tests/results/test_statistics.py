from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from lps_sweep.results.statistics import (
    compare,
    describe,
    detectable,
    pooled,
    prediction_interval,
    slopes,
    t_interval,
    verdict,
    welch_interval,
    wilson_interval,
)
from tests.known import known

VALUES = [90.1, 93.4, 88.7, 95.2, 91.0]


def test_a_description_is_scipy_s() -> None:
    found = describe(VALUES)
    assert found.n == 5
    assert found.mean == pytest.approx(np.mean(VALUES), rel=1e-12)
    assert found.sd == pytest.approx(stats.tstd(VALUES), rel=1e-12)
    reference = stats.t.interval(0.95, 4, loc=np.mean(VALUES), scale=stats.sem(VALUES))
    assert found.interval == pytest.approx(reference, rel=1e-9)
    assert found.span == (88.7, 95.2)
    reference = stats.t.interval(0.90, 4, loc=np.mean(VALUES), scale=stats.sem(VALUES))
    assert t_interval(VALUES, 0.90) == pytest.approx(reference, rel=1e-9)


def test_few_values_get_no_spread_that_they_cannot_carry() -> None:
    one = describe([90.0])
    assert (one.n, one.mean, one.sd, one.interval, one.span) == (1, 90.0, None, None, None)
    two = describe([90.0, 94.0])
    assert (two.n, two.mean, two.sd, two.interval) == (2, 92.0, None, None)
    assert two.span == (90.0, 94.0)
    three = describe([90.0, 92.0, 94.0])
    assert three.sd == pytest.approx(2.0)
    half = 4.302653 * 2 / math.sqrt(3)
    assert three.interval == pytest.approx((92 - half, 92 + half), abs=1e-5)


@pytest.mark.parametrize("values", [[], [1.0, float("nan")], [float("inf")]])
def test_values_that_cannot_be_described(values: list[float]) -> None:
    with pytest.raises(ValueError, match="finite values"):
        describe(values)


def test_differences_are_paired_by_seed() -> None:
    a = {0: 92.0, 1: 90.5, 2: 96.0, 3: 91.0, 7: 50.0}
    b = {3: 90.0, 2: 95.5, 1: 91.0, 0: 91.0, 9: 10.0}
    found = known(compare(a, b))
    assert found.seeds == (0, 1, 2, 3)
    assert found.differences == (1.0, -0.5, 0.5, 1.0)
    assert found.agree == 3
    left, right = [a[s] for s in found.seeds], [b[s] for s in found.seeds]
    test = stats.ttest_rel(left, right)
    interval = test.confidence_interval(0.95)
    assert found.described.interval == pytest.approx((interval.low, interval.high), rel=1e-9)
    interval = test.confidence_interval(0.90)
    assert found.interval90 == pytest.approx((interval.low, interval.high), rel=1e-9)
    assert found.correlation == pytest.approx(stats.pearsonr(left, right).statistic, rel=1e-9)
    unpaired = np.var(left, ddof=1) + np.var(right, ddof=1)
    paired = np.var(np.subtract(left, right), ddof=1)
    assert found.variance_ratio == pytest.approx(paired / unpaired, rel=1e-9)
    assert paired / unpaired < 0.5


def test_comparisons_of_few_seeds() -> None:
    assert compare({0: 1.0}, {1: 1.0}) is None
    one = known(compare({0: 3.0, 5: 1.0}, {0: 1.0}))
    assert (one.differences, one.agree) == ((2.0,), 1)
    assert (one.interval90, one.correlation, one.variance_ratio) == (None, None, None)


def test_comparisons_without_spread() -> None:
    same = {0: 90.0, 1: 90.0, 2: 90.0}
    found = known(compare(same, same))
    assert found.described.interval == (0.0, 0.0)
    assert (found.correlation, found.variance_ratio) == (None, None)
    assert verdict(found.described.interval, found.interval90, 0.5) == "equivalent"


@pytest.mark.parametrize(
    ("interval95", "interval90", "expected"),
    [
        ((0.2, 3.0), (0.5, 2.7), "better"),
        ((-3.0, -0.2), (-2.7, -0.4), "worse"),
        ((-0.4, 0.4), (-0.3, 0.3), "equivalent"),
        ((0.1, 0.45), (0.15, 0.4), "equivalent"),
        ((-0.6, 0.5), (-0.4, 0.3), "equivalent"),
        ((-3.0, 2.0), (-2.0, 1.0), "inconclusive"),
        ((0.0, 2.0), (0.1, 1.9), "inconclusive"),
        ((-0.6, 0.6), (-0.5, 0.5), "inconclusive"),
        (None, None, "inconclusive"),
    ],
)
def test_verdicts(
    interval95: tuple[float, float] | None, interval90: tuple[float, float] | None, expected: str
) -> None:
    assert verdict(interval95, interval90, margin=0.5) == expected


def test_a_prediction_interval_is_that_of_the_mean_of_new_runs() -> None:
    found = known(prediction_interval(VALUES, 3))
    half = stats.t.ppf(0.975, 4) * np.std(VALUES, ddof=1) * math.sqrt(1 / 5 + 1 / 3)
    assert found == pytest.approx((np.mean(VALUES) - half, np.mean(VALUES) + half), rel=1e-9)
    wider = prediction_interval(VALUES, 3, widened=0.05)
    assert wider == pytest.approx((found[0] - 0.05, found[1] + 0.05), rel=1e-12)
    assert prediction_interval(VALUES[:2], 3) is None


def test_slopes_are_those_of_least_squares_by_seed() -> None:
    levels = {
        1.0: {0: 3.0, 1: 1.0, 2: 5.0},
        5.0: {0: 4.5, 1: 0.0},
        20.0: {0: 5.0, 1: 7.0, 2: 5.0},
    }
    found = slopes(levels)
    assert list(found) == [0, 1]
    for seed, slope in found.items():
        values = [by_seed[seed] for by_seed in levels.values()]
        assert slope == pytest.approx(np.polyfit(list(levels), values, 1)[0], rel=1e-9)
    with pytest.raises(ValueError, match="two levels"):
        slopes({1.0: {0: 1.0}})


@pytest.mark.parametrize("n", [3, 5, 10])
def test_the_detectable_difference_is_found_in_80_of_100_cases(n: int) -> None:
    shift = detectable(2.0 / math.sqrt(n), float(stats.t.ppf(0.975, n - 1)), n - 1)
    draws = np.random.default_rng(0).normal(shift, 2.0, size=(20_000, n))
    rejected = np.asarray(stats.ttest_1samp(draws, 0.0, axis=1).pvalue) < 0.05
    assert rejected.mean() == pytest.approx(0.8, abs=0.01)


def test_a_spread_within_groups_is_the_residual_of_a_one_way_layout() -> None:
    groups = [[1.0, 3.0], [2.0, 2.0, 5.0], [7.0]]
    found = known(pooled(groups))
    assert (found.n, found.df) == (5, 3)
    assert found.sd == pytest.approx(math.sqrt((2 + 6) / 3), rel=1e-12)
    balanced = [[90.1, 93.4, 88.7], [95.2, 91.0, 90.0], [80.0, 85.0, 81.0]]
    between = 3 * stats.describe(np.mean(balanced, axis=1)).variance
    within = known(pooled(balanced))
    assert between / within.sd**2 == pytest.approx(stats.f_oneway(*balanced).statistic, rel=1e-9)
    assert pooled([[1.0], [2.0]]) is None
    assert pooled([]) is None


def test_wilson_against_known_values() -> None:
    assert wilson_interval(0, 10) == pytest.approx((0.0, 0.277533), abs=1e-6)
    assert wilson_interval(3, 12) == pytest.approx((0.088937, 0.532305), abs=1e-5)
    assert wilson_interval(0, 0) is None
    with pytest.raises(ValueError, match="no rate"):
        wilson_interval(3, 2)


def test_welch_against_known_values() -> None:
    a, b = [27.5, 21.0, 19.0, 23.6, 17.0, 17.9], [27.1, 22.0, 20.8, 23.4, 23.4, 23.5, 25.8]
    found = stats.ttest_ind(a, b, equal_var=False).confidence_interval(0.95)
    assert welch_interval(a, b) == pytest.approx((found.low, found.high))
    assert welch_interval(a, [1.0, 2.0]) is None
    assert welch_interval([5.0] * 3, [3.0] * 3) == (2.0, 2.0)
    half = stats.t.ppf(0.975, 2) / 3**0.5
    alike = welch_interval([1.0, 2.0, 3.0], [62.05357143] * 3)
    assert alike == pytest.approx((-60.05357143 - half, -60.05357143 + half))
