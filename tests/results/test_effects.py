from __future__ import annotations

import math

import numpy as np
import pytest

from lps_sweep.results.effects import EffectRange, effect_range, near_best_paired
from tests.known import known


def test_the_range_of_levels_whole() -> None:
    levels = {
        "1": {0: 90.0, 1: 91.0, 2: 92.0},
        "5": {0: 93.0, 1: 94.5, 2: 94.5},
        "10": {0: 91.0, 1: 92.0, 2: 93.0, 3: 50.0},
    }
    found = known(effect_range(levels))
    # Residuals of level + seed, by hand: the middle level is off by 0, 0.5, -0.5 less a third.
    y = np.array([[90, 91, 92], [93, 94.5, 94.5], [91, 92, 93]])
    residual = y - y.mean(1, keepdims=True) - y.mean(0) + y.mean()
    error = math.sqrt((residual**2).sum() / 4 / 3)
    assert (found.lowest, found.highest, found.range) == ("1", "5", 3.0)
    assert (found.n, found.levels) == (3, 3)
    assert found.chance == pytest.approx(5.040241 * error, rel=1e-4)
    assert found.interval == pytest.approx((3 - 5.040241 * error, 3 + 5.040241 * error), rel=1e-4)


def test_ranges_without_seeds() -> None:
    assert effect_range({}) is None
    assert effect_range({"a": {0: 1.0}, "b": {}}) is None
    assert effect_range({"a": {0: 1.0}, "b": {1: 1.0}}) is None
    assert effect_range({"a": {0: 1.0, 1: 2.0}, "b": {0: 3.0, 1: 3.0}}) == EffectRange(
        "a", "b", 1.5, None, None, 2, 2
    )


def test_the_range_covers_as_it_says() -> None:
    draw = np.random.default_rng(2)
    true = np.array([0.0, 0.5, 2.0])
    covered = beyond = 0
    for _ in range(600):
        seed_effect = draw.normal(size=4)
        y = true[:, None] + seed_effect + 0.5 * draw.normal(size=(3, 4))
        found = known(effect_range({str(i): dict(enumerate(row)) for i, row in enumerate(y)}))
        low, high = known(found.interval)
        covered += low <= 2.0 <= high
        flat = known(effect_range({str(i): dict(enumerate(draw.normal(size=4))) for i in range(3)}))
        beyond += flat.range > known(flat.chance)
    assert covered / 600 > 0.94
    assert 0.025 < beyond / 600 < 0.08


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
            found = known(near_best_paired(values))
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
    for _ in range(600):
        table = draw.normal(size=(4, 4)) * spreads[:, None]
        found = known(near_best_paired({i: dict(enumerate(row)) for i, row in enumerate(table)}))
        kept += 0 in found[1]
        told += len(found[1]) < 4
    assert kept / 600 > 0.94, "all four are equal, so the first is as good a truth as any"
    assert told > 0
