from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from lps_sweep.results.contrasts import pooled_contrasts
from lps_sweep.results.main_effects import main_effect, trend
from lps_sweep.results.statistics import describe
from lps_sweep.results.variance import grid_variance
from tests.known import known

Array = NDArray[np.float64]
Table = dict[int, dict[str, dict[int, float]]]
LEVELS, OTHERS, SEEDS = 5, 5, 3
EFFECT = np.array([0.0, 0.5, 1.0, 0.0, -1.0])


def table_of(y: Array) -> Table:
    """Level -> combination -> seed -> value, of (levels, combinations, seeds)."""
    return {
        i: {f"tau{j}": dict(enumerate(cell)) for j, cell in enumerate(row)}
        for i, row in enumerate(y.tolist())
    }


def drawn(draw: np.random.Generator, interaction: Array | float, with_seed: float) -> Array:
    """Values of `EFFECT`, an effect of the others and of the seeds, and noise of sd 1."""
    return np.asarray(
        90
        + EFFECT[:, None, None]
        + draw.normal(0, 3, (1, OTHERS, 1))
        + draw.normal(0, 2, (1, 1, SEEDS))
        + np.asarray(interaction)
        + draw.normal(0, with_seed, (LEVELS, 1, SEEDS))
        + draw.normal(size=(LEVELS, OTHERS, SEEDS))
    )


def uneven(draw: np.random.Generator) -> Array:
    """An interaction: zero on average over levels, and over the others."""
    made = draw.normal(0, 2, (LEVELS, OTHERS, 1))
    return np.asarray(made - made.mean(0) - made.mean(1, keepdims=True) + made.mean())


def test_a_level_at_a_seed_is_its_mean_over_the_combinations() -> None:
    y = drawn(np.random.default_rng(0), 0.0, 0.0)
    found = known(main_effect(table_of(y), 0))
    assert found.combinations == tuple(f"tau{j}" for j in range(OTHERS))
    assert (found.left_out, found.seeds_left_out) == ((), ())
    got = np.array([[found.means[i][s] for s in range(SEEDS)] for i in range(LEVELS)])
    np.testing.assert_allclose(got, y.mean(1))
    sources = grid_variance(y.tolist(), "a", "b")
    interaction = known(found.interaction)
    assert (interaction.p, interaction.df) == (sources[2].p, 16)
    assert sources[-1].df == (LEVELS - 1) * (OTHERS - 1) * (SEEDS - 1)


@pytest.mark.parametrize(
    ("holes", "others", "seeds"),
    [
        ([(1, 2, 0)], 4, 3),  # one value: its combination goes
        ([(i, j, 2) for i in range(5) for j in range(1, 5)], 5, 2),  # a seed that has just begun
        ([(0, j, 0) for j in range(5)], 5, 2),  # a level without a seed
        ([(1, 2, s) for s in range(3)] + [(0, 0, 1)], 3, 3),
    ],
)
def test_what_is_not_complete_is_left_out_and_said(
    holes: list[tuple[int, int, int]], others: int, seeds: int
) -> None:
    y = drawn(np.random.default_rng(1), 0.0, 0.0)
    table = table_of(y)
    for i, j, s in holes:
        del table[i][f"tau{j}"][s]
    found = known(main_effect(table, 0))
    assert len(found.combinations) == others
    assert set(found.combinations) | set(found.left_out) == {f"tau{j}" for j in range(OTHERS)}
    assert len(found.seeds_left_out) == SEEDS - seeds
    kept = [int(name[-1]) for name in found.combinations]
    for i, by_seed in found.means.items():
        assert len(by_seed) == seeds
        assert by_seed == pytest.approx({s: y[i, kept, s].mean() for s in by_seed})


def test_fewer_than_two_combinations_are_no_main_effect() -> None:
    y = drawn(np.random.default_rng(2), 0.0, 0.0)
    assert main_effect(table_of(y[:, :1]), 0) is None
    assert main_effect(table_of(y[:1]), 0) is None
    assert main_effect({0: {}, 1: {}}, 0) is None
    one_at_a_time: Table = {0: {"a": {0: 1.0}, "b": {0: 2.0}}, 1: {"a": {0: 1.5}}}
    assert main_effect(one_at_a_time, 0) is None


@pytest.mark.parametrize("num_seeds", [1, 2])
def test_one_or_two_seeds_have_values_and_no_test(num_seeds: int) -> None:
    y = drawn(np.random.default_rng(3), 0.0, 0.0)[:, :, :num_seeds]
    found = known(main_effect(table_of(y), 0))
    assert found.interaction is None or found.interaction.p is None
    assert known(found.departure).interval is None
    assert {one.interval for one in pooled_contrasts(found.means, 0).values()} == {None}


def covered(make: Callable[[np.random.Generator], tuple[Array | float, float]]) -> float:
    """How often, in percent, all contrasts of a table lie in their simultaneous intervals."""
    draw, tables, hits = np.random.default_rng(4), 1500, 0
    for _ in range(tables):
        found = known(main_effect(table_of(drawn(draw, *make(draw))), 0))
        contrasts = pooled_contrasts(found.means, 0)
        intervals = {level: one.interval for level, one in contrasts.items()}
        hits += all(
            ends is not None and ends[0] <= EFFECT[level] <= ends[1]
            for level, ends in intervals.items()
        )
    return 100 * hits / tables


@pytest.mark.slow
@pytest.mark.parametrize("with_seed", [0.0, 2.0])
@pytest.mark.parametrize("interaction", [False, True])
def test_the_intervals_cover_with_and_without_interaction_and_spread(
    interaction: bool, with_seed: float
) -> None:
    found = covered(lambda draw: (uneven(draw) if interaction else 0.0, with_seed))
    assert 93 <= found <= 97


def test_the_largest_departure_has_an_interval_that_covers() -> None:
    """Without an interaction every departure is zero; the interval of the largest holds zero."""
    draw, tables, hits = np.random.default_rng(6), 400, 0
    for _ in range(tables):
        found = known(main_effect(table_of(drawn(draw, 0.0, 1.0)), 0))
        low, high = known(known(found.departure).interval)
        hits += low <= 0 <= high
    assert hits / tables > 0.93
    apart = np.zeros((LEVELS, OTHERS, 1))
    apart[3, 1] = 40.0
    found = known(main_effect(table_of(drawn(draw, apart, 1.0)), 0))
    departure = known(found.departure)
    assert (departure.level, departure.combination) == (3, "tau1")
    assert departure.estimate == pytest.approx(40 * (1 - 1 / OTHERS), abs=3)


def test_the_trend_is_the_line_at_each_seed_from_the_lowest_to_the_highest_level() -> None:
    levels = [1.0, 5.0, 20.0]
    slopes = {0: 0.1, 1: 0.2, 2: 0.6}
    means = {x: {s: 90 + 3 * s + slope * x for s, slope in slopes.items()} for x in levels}
    found, interval = trend(means)
    assert found == pytest.approx(19 * 0.3)
    assert interval == pytest.approx(describe([19 * slope for slope in slopes.values()]).interval)
    draw = np.random.default_rng(7)
    by_seed = draw.normal(size=(3, 2))
    found, interval = trend(
        {x: dict(enumerate(row)) for x, row in zip(levels, by_seed.tolist(), strict=True)}
    )
    assert found == pytest.approx(19 * np.polyfit(levels, by_seed, 1)[0].mean())
    assert interval is None
    with pytest.raises(ValueError, match="two levels"):
        trend({1.0: {0: 1.0}, 2.0: {1: 1.0}})
