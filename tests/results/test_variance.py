from __future__ import annotations

import itertools

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats

from lps_sweep.results.variance import Source, _noncentrality, grid_variance
from tests.known import known

Array = NDArray[np.float64]


def made(num_a: int = 3, num_b: int = 4, num_s: int = 5) -> Array:
    draw = np.random.default_rng(1)
    a, b = draw.normal(0, 2, (num_a, 1, 1)), draw.normal(0, 1, (1, num_b, 1))
    both = draw.normal(0, 1, (num_a, num_b, 1))
    seed = draw.normal(0, 3, (1, 1, num_s))
    return np.asarray(90 + a + b + both + seed + draw.normal(0, 1, (num_a, num_b, num_s)))


def explained(y: Array, *columns: Array) -> tuple[float, int]:
    """Residual sum of squares and rank of a least-squares fit of dummies."""
    x = np.concatenate([c.reshape(-1, y.size).T for c in columns], axis=1)
    beta, *_ = np.linalg.lstsq(x, y.ravel(), rcond=None)
    rest = y.ravel() - x @ beta
    return float(rest @ rest), int(np.linalg.matrix_rank(x))


def dummies(shape: tuple[int, ...], *axes: int) -> Array:
    index = np.indices(shape)
    label = np.zeros(shape, dtype=int)
    for axis in axes:
        label = label * shape[axis] + index[axis]
    return np.array([(label == k).astype(float) for k in range(int(label.max()) + 1)])


def test_the_sums_of_squares_are_those_of_nested_least_squares_fits() -> None:
    y = made()
    axes = ((), (0,), (1,), (0, 1), (2,), (0, 2), (1, 2))
    one, a, b, ab, s, a_s, b_s = (dummies(y.shape, *some) for some in axes)
    steps = ((one,), (a,), (a, b), (ab,), (ab, s), (ab, a_s), (ab, a_s, b_s))
    fits = [explained(y, *columns) for columns in steps]
    found = {source.name: source for source in grid_variance(y.tolist(), "C", "tau")}
    names = ["C", "tau", "C \u00d7 tau", "seed", "C \u00d7 seed", "tau \u00d7 seed", "residual"]
    assert list(found) == names
    for name, (before, after) in zip(found, itertools.pairwise(fits), strict=False):
        assert found[name].squares == pytest.approx(before[0] - after[0], rel=1e-9)
        assert found[name].df == after[1] - before[1]
    assert found["residual"].squares == pytest.approx(fits[-1][0], rel=1e-9)
    assert found["residual"].df == y.size - fits[-1][1] == 24


def test_shares_add_up_and_p_is_that_of_the_f_test() -> None:
    sources = grid_variance(made().tolist(), "C", "tau")
    assert sum(source.share for source in sources) == pytest.approx(1)
    assert [one.chance for one in sources] == pytest.approx([one.df / 59 for one in sources])
    assert sum(source.chance for source in sources) == pytest.approx(1)
    a, b, both, seed, a_seed, b_seed, residual = sources
    for source, error in ((a, a_seed), (b, b_seed), (both, residual)):
        ratio = source.squares / source.df / (error.squares / error.df)
        assert source.p == pytest.approx(stats.f.sf(ratio, source.df, error.df), rel=1e-9)
    assert all(one.p is None and one.partial is None for one in (seed, a_seed, b_seed, residual))
    assert {one.p for one in grid_variance(made(num_s=2).tolist(), "C", "tau")} == {None}


def test_the_interval_of_a_partial_share_covers_the_true_one() -> None:
    """Effects of 0, 1 and 2 of the first parameter: noncentrality 24, of 9 means; none of b."""
    draw = np.random.default_rng(0)
    effects = np.array([-1.0, 0.0, 1.0])[:, None, None]
    hits, none, tables = 0, 0, 400
    for _ in range(tables):
        a, b, *_, rest = grid_variance((effects + draw.normal(size=(3, 4, 3))).tolist(), "a", "b")
        low, high = known(a.partial)
        hits += low <= 24 / (24 + 9) <= high
        none += known(b.partial)[0] == 0
    assert hits / tables == pytest.approx(0.95, abs=0.03)
    assert none / tables == pytest.approx(0.975, abs=0.025)
    assert rest.partial is None


def test_a_large_grid_has_intervals_too() -> None:
    y = np.random.default_rng(0).normal(size=(50, 50, 3)) + np.linspace(0, 3, 50)[:, None, None]
    for source in grid_variance(y.tolist(), "a", "b")[:3]:
        low, high = known(source.partial)
        assert 0 <= low <= high < 1
        assert (low > 0) == (source.p is not None and source.p < 0.025), source.name


@pytest.mark.parametrize(("ratio", "df", "noise"), [(5.36, 4, 48), (3.0, 1, 2), (40.0, 16, 8)])
def test_the_ends_are_where_scipy_s_distribution_says(ratio: float, df: int, noise: int) -> None:
    for probability in (0.975, 0.025):
        found = known(_noncentrality(ratio, df, noise, probability))
        if found:
            at = stats.ncf.cdf(ratio, df, noise, found)
            assert at == pytest.approx(probability, abs=1e-6)
        else:
            assert stats.f.cdf(ratio, df, noise) <= probability
    assert _noncentrality(1e300, df, noise, 0.5) is None


def test_an_overwhelming_effect_has_a_partial_share_of_one() -> None:
    noise = 1e-2 * np.random.default_rng(1).normal(size=(3, 4, 3))
    y = np.array([0.0, 50.0, 90.0])[:, None, None] + noise
    a = grid_variance(y.tolist(), "a", "b")[0]
    low, high = known(a.partial)
    assert low == pytest.approx(1.0, abs=1e-6)
    assert low <= high <= 1


def test_a_grid_without_spread() -> None:
    sources = grid_variance(np.full((2, 2, 3), 90.1).tolist(), "a", "b")
    assert all(isinstance(source, Source) and source.share == 0 for source in sources)
    assert [source.p for source in sources] == [None] * 7


def test_grids_with_too_little_or_a_hole() -> None:
    hole = made()
    hole[0, 0, 0] = np.nan
    for y in (np.zeros((1, 2, 2)), np.zeros((2, 1, 2)), np.zeros((2, 2, 1)), hole):
        with pytest.raises(ValueError, match="complete grid"):
            grid_variance(y.tolist(), "a", "b")
