from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import integrate, stats

from lps_sweep.results.contrasts import near_best, paired_contrasts, pooled_contrasts
from tests.known import known

LEVELS = [1, 5, 10, 15, 20]
Table = dict[int, dict[int, float]]


def random_table(seed: int, num_seeds: int, sd: float = 1.0, levels: int = 5) -> Table:
    draw = np.random.default_rng(seed)
    effects = draw.normal(0, 5, num_seeds)
    return {
        level: {s: 90 + effects[s] + draw.normal(0, sd) for s in range(num_seeds)}
        for level in LEVELS[:levels]
    }


def width(interval: tuple[float, float] | None) -> float:
    low, high = known(interval)
    return high - low


def residual_of(table: Table) -> tuple[float, int]:
    """Standard deviation and degrees of freedom of what level and seed leave of a full table."""
    y = np.array([[*row.values()] for row in table.values()])
    rest = y - y.mean(1, keepdims=True) - y.mean(0) + y.mean()
    df = (y.shape[0] - 1) * (y.shape[1] - 1)
    return math.sqrt((rest**2).sum() / df), df


def dunnett_probability(critical: float, comparisons: int, df: int) -> float:
    """P(max |t| <= critical) for contrasts with one control, correlation 1/2, by integration."""
    grid = np.linspace(-9, 9, 2001)
    density = stats.norm.pdf(grid)

    def given_scale(scale: float) -> float:
        upper = stats.norm.cdf(grid + math.sqrt(2) * critical * scale)
        lower = stats.norm.cdf(grid - math.sqrt(2) * critical * scale)
        weight = stats.chi2.pdf(df * scale**2, df) * 2 * df * scale
        return float(np.trapezoid(density * (upper - lower) ** comparisons, grid) * weight)

    return float(integrate.quad(given_scale, 0, 4, limit=100)[0])


@pytest.mark.parametrize(
    ("levels", "num_seeds", "published"),
    [(5, 6, 2.65), (3, 6, 2.57), (4, 6, None), (5, 3, None), (2, 11, 2.228)],
)
def test_critical_values_are_dunnett_s(
    levels: int, num_seeds: int, published: float | None
) -> None:
    """Published: Dunnett's two-sided 5 % points for 4, 2 and 1 treatments and these df."""
    table = random_table(0, num_seeds, levels=levels)
    sd, df = residual_of(table)
    for contrast in pooled_contrasts(table, 10 if levels > 2 else 1).values():
        critical = width(contrast.interval) / 2 / (sd * math.sqrt(2 / num_seeds))
        if published is not None:
            assert critical == pytest.approx(published, abs=0.015)
        found = dunnett_probability(critical, levels - 1, df)
        assert found == pytest.approx(0.95, abs=0.0015)


def test_a_balanced_table_gives_paired_means() -> None:
    table = random_table(3, 4)
    found = pooled_contrasts(table, 10)
    assert list(found) == [1, 5, 15, 20]
    for level, contrast in found.items():
        difference = np.mean([*table[level].values()]) - np.mean([*table[10].values()])
        assert contrast.difference == pytest.approx(difference, abs=1e-9)
        (low, high), (low90, high90) = known(contrast.interval), known(contrast.interval90)
        assert (low + high) / 2 == pytest.approx(difference, abs=1e-9)
        assert low < low90 < high90 < high
        assert (known(contrast.p) < 0.05) == (low > 0 or high < 0)
        assert contrast.n == 4


@pytest.mark.parametrize("pooled", [True, False])
def test_the_detectable_difference_is_that_of_the_simultaneous_interval(pooled: bool) -> None:
    """At that true difference the interval lies beyond zero in 80 of 100 cases."""
    table = random_table(4, 5)
    sd, df = residual_of(table)
    found = (pooled_contrasts if pooled else paired_contrasts)(table, 10)
    for level, contrast in found.items():
        d = [table[level][s] - table[10][s] for s in range(5)]
        error = math.sqrt(2 / 5) * sd if pooled else float(stats.sem(d))
        critical = width(contrast.interval) / 2 / error
        power = stats.nct.sf(critical, df if pooled else 4, known(contrast.detectable) / error)
        assert power == pytest.approx(0.8, abs=1e-6)


def test_an_unbalanced_table_agrees_with_least_squares_on_dummies() -> None:
    table = random_table(7, 4)
    del table[1][0], table[1][2], table[20][1]
    found = pooled_contrasts(table, 10)
    cells = [(level, s, v) for level, by_seed in table.items() for s, v in by_seed.items()]
    columns = [1, 5, 15, 20]
    x = np.array(
        [
            [float(lv == c) for c in columns] + [float(s == k) for k in range(4)]
            for lv, s, _ in cells
        ]
    )
    y = np.array([v for *_, v in cells])
    beta, squares, rank, _ = np.linalg.lstsq(x, y, rcond=None)
    df = len(y) - rank
    errors = np.sqrt(squares[0] / df * np.diag(np.linalg.inv(x.T @ x)))
    assert [found[level].difference for level in columns] == pytest.approx(beta[:4], abs=1e-8)
    halves = [width(found[level].interval) / 2 for level in columns]
    critical = halves[0] / errors[0]
    assert halves == pytest.approx(critical * errors[:4], rel=1e-6)
    assert stats.t.ppf(0.975, df) < critical < stats.t.ppf(1 - 0.025 / 4, df)


def test_levels_without_a_seed_in_common_are_not_compared() -> None:
    default = {0: 90.0, 1: 91.0, 2: 90.5}
    found = pooled_contrasts(
        {1: {7: 50.0, 8: 51.0}, 5: {0: 91.0, 1: 92.5, 2: 90.0}, 10: default, 15: {}}, 10
    )
    assert [(level, found[level].n, found[level].difference) for level in (1, 15)] == [
        (1, 2, None),
        (15, 0, None),
    ]
    assert found[1].interval is None
    assert found[5].difference == pytest.approx(2 / 3)
    assert found[5].interval is not None


@pytest.mark.parametrize("num_seeds", [1, 2])
def test_below_three_seeds_there_are_differences_but_no_intervals(num_seeds: int) -> None:
    for contrast in pooled_contrasts(random_table(0, num_seeds), 10).values():
        assert contrast.difference is not None
        assert (contrast.interval, contrast.interval90, contrast.p) == (None, None, None)


def test_without_spread() -> None:
    same = {level: dict.fromkeys(range(3), 90.0 + (level == 1)) for level in (1, 5, 10)}
    for found in (pooled_contrasts(same, 10), paired_contrasts(same, 10)):
        for level, difference, p in ((1, 1.0, 0.0), (5, 0.0, 1.0)):
            assert found[level].interval == pytest.approx((difference, difference), abs=1e-9)
            assert (found[level].p, found[level].detectable) == (p, None)


def test_pair_by_pair_is_the_paired_t_test_with_bonferroni() -> None:
    table = random_table(4, 5)
    table[5] = {seed: value + 9 * (seed % 2) for seed, value in table[5].items()}
    found = paired_contrasts(table, 10)
    assert list(found) == [1, 5, 15, 20]
    for level, contrast in found.items():
        reference = stats.ttest_rel(list(table[level].values()), list(table[10].values()))
        wide = reference.confidence_interval(1 - 0.05 / 4)
        narrow = reference.confidence_interval(1 - 0.10 / 4)
        assert contrast.interval == pytest.approx((wide.low, wide.high), rel=1e-9)
        assert contrast.interval90 == pytest.approx((narrow.low, narrow.high), rel=1e-9)
        assert contrast.p == pytest.approx(min(1.0, 4 * reference.pvalue), rel=1e-9)
        assert contrast.n == 5
    pooled = pooled_contrasts(table, 10)
    assert width(found[5].interval) > width(pooled[5].interval)
    assert width(found[1].interval) < width(pooled[1].interval)


def test_pairs_with_few_seeds_do_not_widen_the_others() -> None:
    table = random_table(4, 4)
    table[1] = {0: 90.0, 1: 91.0}
    table[15] = {9: 90.0}
    table[20] = {}
    found = paired_contrasts(table, 10)
    reference = stats.ttest_rel(list(table[5].values()), list(table[10].values()))
    interval = reference.confidence_interval(0.95)
    assert found[5].interval == pytest.approx((interval.low, interval.high), rel=1e-9)
    assert found[1].interval is None
    assert found[1].difference == pytest.approx(90.5 - (table[10][0] + table[10][1]) / 2)
    assert (found[15].n, found[15].difference) == (1, None)
    assert (found[20].n, found[20].difference) == (0, None)


def test_levels_like_the_best() -> None:
    shifts = {1: -15.0, 5: -0.1, 10: 0.0, 15: -0.2, 20: -40.0}
    table = {
        level: {seed: value + shifts[level] for seed, value in row.items()}
        for level, row in random_table(0, 4).items()
    }
    found = known(near_best(table))
    best, near = found
    assert near == {5, 10, 15}
    assert best == max(table, key=lambda level: sum(table[level].values()))


def test_the_best_is_found_by_the_model_and_not_by_unequal_seeds() -> None:
    table = {
        level: {s: 10.0 * s + level + 0.01 * ((s * level) % 4) for s in range(6)}
        for level in (1, 5, 10)
    }
    del table[10][5], table[10][4]
    found = known(near_best(table))
    assert found[0] == 10
    assert found[1] == {10}


@pytest.mark.parametrize("table", [{}, {1: {}}, {1: {0: 1.0, 1: 2.0}, 5: {0: 1.0, 1: 3.0}}])
def test_too_few_seeds_have_no_best(table: Table) -> None:
    assert near_best(table) is None


def test_tables_that_cannot_be_compared() -> None:
    with pytest.raises(ValueError, match="default level 10 has no value"):
        pooled_contrasts({1: {0: 1.0}, 10: {}}, 10)
    with pytest.raises(ValueError, match="not finite"):
        pooled_contrasts({1: {0: 1.0}, 10: {0: float("nan")}}, 10)
