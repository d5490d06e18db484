from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import integrate, stats

from lps_sweep.results.contrasts import contrast_table, near_best, paired_contrasts
from lps_sweep.results.statistics import detectable

LEVELS = [1, 5, 10, 15, 20]
Table = dict[int, dict[int, float]]


def random_table(seed: int, num_seeds: int, sd: float = 1.0, levels: int = 5) -> Table:
    draw = np.random.default_rng(seed)
    effects = draw.normal(0, 5, num_seeds)
    return {
        level: {s: 90 + effects[s] + draw.normal(0, sd) for s in range(num_seeds)}
        for level in LEVELS[:levels]
    }


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
    found = contrast_table(random_table(0, num_seeds, levels=levels), 10 if levels > 2 else 1)
    assert found.df == (levels - 1) * (num_seeds - 1)
    assert found.critical is not None
    if published is not None:
        assert found.critical == pytest.approx(published, abs=0.015)
    assert dunnett_probability(found.critical, levels - 1, found.df) == pytest.approx(
        0.95, abs=0.0015
    )


def test_a_balanced_table_gives_paired_means_and_the_residual_of_a_two_way_anova() -> None:
    table = random_table(3, 4)
    found = contrast_table(table, 10)
    y = np.array([[table[level][s] for s in range(4)] for level in LEVELS])
    residual = y - y.mean(1, keepdims=True) - y.mean(0, keepdims=True) + y.mean()
    sd = math.sqrt((residual**2).sum() / 12)
    assert found.residual_sd == pytest.approx(sd, rel=1e-9)
    assert (found.df, found.num_seeds, found.default) == (12, 4, 10)
    assert list(found.contrasts) == [1, 5, 15, 20]
    assert found.critical is not None
    for level, contrast in found.contrasts.items():
        difference = y[LEVELS.index(level)].mean() - y[2].mean()
        half = found.critical * sd * math.sqrt(2 / 4)
        assert contrast.difference == pytest.approx(difference, abs=1e-9)
        assert contrast.interval == pytest.approx((difference - half, difference + half), abs=1e-9)
        assert contrast.interval90 is not None
        assert contrast.interval is not None
        assert contrast.interval[0] < contrast.interval90[0] < contrast.interval90[1]
        assert contrast.p is not None
        outside = contrast.interval[0] > 0 or contrast.interval[1] < 0
        assert (contrast.p < 0.05) == outside
        assert contrast.n == 4


def test_two_levels_are_the_paired_t_test() -> None:
    table = random_table(5, 6, levels=2)
    (contrast,) = contrast_table(table, 1).contrasts.values()
    reference = stats.ttest_rel(list(table[5].values()), list(table[1].values()))
    interval = reference.confidence_interval(0.95)
    assert contrast.interval == pytest.approx((interval.low, interval.high), rel=0.01)
    assert contrast.p == pytest.approx(reference.pvalue, abs=0.005)


def test_the_detectable_difference_is_that_of_the_simultaneous_interval() -> None:
    """A table of 5 levels and 3 seeds with that shift at one level finds it in 80 of 100 cases."""
    first = contrast_table(random_table(0, 3), 10)
    assert first.critical is not None
    shift = detectable(math.sqrt(2 / 3), first.critical, first.df)
    found, tables = 0, 800
    for seed in range(tables):
        table = random_table(seed, 3)
        table[5] = {s: value + shift for s, value in table[5].items()}
        interval = contrast_table(table, 10).contrasts[5].interval
        found += interval is not None and interval[0] > 0
    assert found / tables == pytest.approx(0.8, abs=0.035)
    each = [c.detectable for c in first.contrasts.values()]
    assert first.residual_sd is not None
    assert each == pytest.approx([shift * first.residual_sd] * 4)


def test_the_detectable_difference_of_a_pair_is_that_of_its_own_interval() -> None:
    table = random_table(4, 5)
    found = paired_contrasts(table, 10)[5]
    d = [table[5][s] - table[10][s] for s in range(5)]
    error = float(np.std(d, ddof=1)) / math.sqrt(5)
    critical = float(stats.t.ppf(1 - 0.05 / 8, 4))
    assert found.detectable is not None
    assert stats.nct.sf(critical, 4, found.detectable / error) == pytest.approx(0.8, abs=1e-6)
    assert found.detectable > width(found.interval) / 2


def test_an_unbalanced_table_agrees_with_least_squares_on_dummies() -> None:
    table = random_table(7, 4)
    del table[1][0], table[1][2], table[20][1]
    found = contrast_table(table, 10)
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
    assert found.df == len(y) - rank == 9
    variance = squares[0] / 9
    errors = np.sqrt(variance * np.diag(np.linalg.inv(x.T @ x)))
    assert found.critical is not None
    for i, level in enumerate(columns):
        contrast = found.contrasts[level]
        assert contrast.difference == pytest.approx(beta[i], abs=1e-8)
        assert contrast.interval is not None
        half = (contrast.interval[1] - contrast.interval[0]) / 2
        assert half == pytest.approx(found.critical * errors[i], rel=1e-6)


def test_levels_that_no_seed_connects_are_not_compared() -> None:
    table = {1: {7: 50.0, 8: 51.0}, 5: {0: 91.0, 1: 92.5, 2: 90.0}, 10: {0: 90.0, 1: 91.0, 2: 90.5}}
    found = contrast_table(table, 10)
    assert found.contrasts[1].difference is None
    assert found.contrasts[1].interval is None
    assert found.contrasts[5].difference == pytest.approx(2 / 3)
    assert found.contrasts[5].interval is not None


def test_levels_without_values_are_listed_without_numbers() -> None:
    found = contrast_table({1: {}, 5: {0: 1.0, 1: 2.0, 2: 4.0}, 10: {0: 1.0, 1: 3.0, 2: 3.0}}, 10)
    assert list(found.contrasts) == [1, 5]
    assert (found.contrasts[1].n, found.contrasts[1].difference) == (0, None)


@pytest.mark.parametrize("num_seeds", [1, 2])
def test_below_three_seeds_there_are_differences_but_no_intervals(num_seeds: int) -> None:
    found = contrast_table(random_table(0, num_seeds), 10)
    assert found.critical is None
    for contrast in found.contrasts.values():
        assert contrast.difference is not None
        assert (contrast.interval, contrast.interval90, contrast.p) == (None, None, None)


def test_a_table_without_spread() -> None:
    same = {level: dict.fromkeys(range(3), 90.0) for level in LEVELS}
    for contrast in contrast_table(same, 10).contrasts.values():
        assert contrast.interval == pytest.approx((0.0, 0.0), abs=1e-9)
        assert (contrast.p, contrast.detectable) == (1.0, None)


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
    pooled = contrast_table(table, 10).contrasts
    assert width(found[5].interval) > width(pooled[5].interval)
    assert width(found[1].interval) < width(pooled[1].interval)


def width(interval: tuple[float, float] | None) -> float:
    assert interval is not None
    return interval[1] - interval[0]


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


def test_pairs_without_spread() -> None:
    same = {level: dict.fromkeys(range(3), 90.0 + (level == 1)) for level in (1, 5, 10)}
    found = paired_contrasts(same, 10)
    assert (found[1].interval, found[1].p) == ((1.0, 1.0), 0.0)
    assert found[1].detectable is None
    assert (found[5].interval, found[5].p) == ((0.0, 0.0), 1.0)


def test_levels_like_the_best() -> None:
    shifts = {1: -15.0, 5: -0.1, 10: 0.0, 15: -0.2, 20: -40.0}
    table = {
        level: {seed: value + shifts[level] for seed, value in row.items()}
        for level, row in random_table(0, 4).items()
    }
    found = near_best(table)
    assert found is not None
    best, near = found
    assert near == {5, 10, 15}
    assert best == max(table, key=lambda level: sum(table[level].values()))


def test_the_best_is_found_by_the_model_and_not_by_unequal_seeds() -> None:
    table = {
        level: {s: 10.0 * s + level + 0.01 * ((s * level) % 4) for s in range(6)}
        for level in (1, 5, 10)
    }
    del table[10][5], table[10][4]
    found = near_best(table)
    assert found is not None
    assert found[0] == 10
    assert found[1] == {10}


@pytest.mark.parametrize("table", [{}, {1: {}}, {1: {0: 1.0, 1: 2.0}, 5: {0: 1.0, 1: 3.0}}])
def test_too_few_seeds_have_no_best(table: Table) -> None:
    assert near_best(table) is None


def test_tables_that_cannot_be_compared() -> None:
    with pytest.raises(ValueError, match="default level 10 has no value"):
        contrast_table({1: {0: 1.0}, 10: {}}, 10)
    with pytest.raises(ValueError, match="not finite"):
        contrast_table({1: {0: 1.0}, 10: {0: float("nan")}}, 10)
