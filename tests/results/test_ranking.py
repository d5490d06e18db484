from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from lps_sweep.results.effects import chance_lead, near_best_paired
from lps_sweep.results.statistics import welch_interval, wilson_interval


def test_a_level_clearly_below_the_best_is_told_apart() -> None:
    values = {
        "a": {0: 90.0, 1: 91.0, 2: 92.0},
        "b": {0: 89.0, 1: 90.1, 2: 90.9},
        "c": {0: 80.0, 1: 91.0, 2: 93.0},
    }
    # a - b: 1, 0.9, 1.1: mean 1, error 0.0577; t(0.975, 2) = 4.303: 1 - 0.25 > 0.
    assert near_best_paired(values) == ("a", {"a", "c"})


def test_the_limit_is_the_one_sided_quantile_over_the_others() -> None:
    spread = [-1.0, 0.0, 1.0]
    error = 1 / math.sqrt(3)
    for k, critical in ((2, 2.919986), (3, 4.302653)):
        for below, expected in ((critical * 1.01, False), (critical * 0.99, True)):
            base = dict.fromkeys(range(3), 50.0)
            other = {s: 50.0 - below * error + spread[s] for s in range(3)}
            values = {"best": base, "other": other}
            if k == 3:
                values["far"] = {s: 10.0 + spread[s] for s in range(3)}
            found = near_best_paired(values)
            assert found is not None
            assert ("other" in found[1]) is expected


def test_too_few_common_seeds_tell_nothing() -> None:
    assert near_best_paired({"a": {0: 1.0, 1: 2.0}, "b": {0: 5.0, 1: 6.0}}) is None
    assert near_best_paired({"a": {0: 1.0, 1: 2.0, 2: 3.0}, "b": {}}) is None
    three = {"a": dict.fromkeys(range(3), 9.0), "b": dict.fromkeys(range(3), 5.0), "c": {0: 1.0}}
    assert near_best_paired(three) == ("a", {"a", "c"})


def test_the_truly_best_is_kept_in_95_of_100_tables() -> None:
    draw = np.random.default_rng(3)
    spreads = np.array([0.2, 1.0, 3.0, 1.0])
    kept = told = 0
    for _ in range(2000):
        table = draw.normal(size=(4, 4)) * spreads[:, None]
        found = near_best_paired({i: dict(enumerate(row)) for i, row in enumerate(table)})
        assert found is not None
        kept += 0 in found[1]
        told += len(found[1]) < 4
    assert kept / 2000 > 0.94, "all four are equal, so the first is as good a truth as any"
    assert told > 0


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


def test_the_lead_by_chance_is_the_expected_highest_of_equal_levels() -> None:
    """Five levels alike, sd 0.4, three seeds: the highest mean is 0.27 above, by 1.163 sd."""
    found = []
    for table in range(60):
        draw = np.random.default_rng(table)
        shift = draw.normal(0, 5, 3)
        values = {k: {s: shift[s] + draw.normal(0, 0.4) for s in range(3)} for k in range(5)}
        lead = chance_lead(values)
        assert lead is not None
        found.append(lead)
    assert np.mean(found) == pytest.approx(1.163 * 0.4 / math.sqrt(3), abs=0.02)
    assert chance_lead(values) == found[-1], "seeded"


def test_the_lead_by_chance_knows_skewed_values_and_gaps() -> None:
    """One merge in 75 lowers a mean and raises none: the lead is a share of it only."""
    values = {k: dict.fromkeys(range(3), 95.0) for k in range(25)}
    values[3][1] = 80.0
    assert chance_lead(values) == pytest.approx(15 / 75)
    del values[4][0], values[5]
    assert chance_lead(values) == pytest.approx(15 / 71)


@pytest.mark.parametrize("values", [{}, {1: {0: 1.0}}, {1: {0: 1.0, 1: 2.0}, 2: {0: 1.0, 1: 3.0}}])
def test_too_few_levels_or_seeds_have_no_lead(values: dict[int, dict[int, float]]) -> None:
    assert chance_lead(values) is None
