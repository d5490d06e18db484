from __future__ import annotations

import pytest

from lps_sweep.report.differences import level_differences

BASE = {0: 90.0, 1: 90.2, 2: 90.1}
STEADY = {s: v + 0.1 + 0.001 * s for s, v in BASE.items()}
NEAR = {s: v + 0.1 * (s - 1) for s, v in BASE.items()}


@pytest.mark.parametrize(
    ("level", "margin", "word"),
    [
        ({0: 80.0, 1: 80.1, 2: 80.2}, None, "worse"),
        ({0: 99.0, 1: 99.1, 2: 99.2}, None, "better"),
        ({0: 95.0, 1: 80.0, 2: 94.0}, None, "inconclusive"),
        ({0: 80.0, 1: 80.0}, None, "too few seeds"),
        (NEAR, None, "inconclusive"),
        (NEAR, 0.05, "inconclusive"),
        (NEAR, 1.0, "equivalent"),
        (STEADY, None, "better"),
        (STEADY, 0.5, "equivalent"),
    ],
)
def test_words_are_earned(level: dict[int, float], margin: float | None, word: str) -> None:
    """Equivalent is what fits into the margin, also where its interval lies above zero."""
    found, none = level_differences([level, BASE], 1, margin)
    assert none is None
    assert found is not None
    assert found.word == word


def test_one_seed_on_the_other_side_takes_the_word_away() -> None:
    base = dict.fromkeys(range(12), 90.0)
    level = {seed: 92.0 + 0.1 * seed for seed in base} | {3: 89.9}
    found = level_differences([level, base], 1, pooled=False)[0]
    assert found is not None
    assert found.interval is not None
    assert found.interval[0] > 0
    assert (found.n, found.higher, found.word) == (12, 11, "inconclusive")


def test_no_word_without_a_default() -> None:
    assert level_differences([{0: 1.0}, {0: 2.0}], None) == (None, None)
    assert level_differences([{0: 1.0}, {}], 1) == (None, None)


def test_a_level_with_two_common_seeds_has_neither_interval_nor_detectable_difference() -> None:
    base = {0: 90.0, 1: 90.4, 2: 90.1, 3: 90.9}
    full = {seed: value + 0.3 * (seed % 2) for seed, value in base.items()}
    few, whole, _ = level_differences([{0: 91.0, 1: 90.0}, full, base], 2)
    assert few is not None
    assert whole is not None
    assert (few.n, few.interval, few.detectable, few.word) == (2, None, None, "too few seeds")
    assert whole.interval is not None
    assert whole.detectable is not None
