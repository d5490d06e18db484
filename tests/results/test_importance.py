from __future__ import annotations

import math

import numpy as np
import pytest

from lps_sweep.results.effects import EffectRange, effect_range
from lps_sweep.results.importance import (
    Axis,
    forest_importances,
    forest_shares,
    top_importances,
)

pytest.importorskip("sklearn")

AXES = (
    Axis("tau", "number", 0.1, 1.0),
    Axis("C", "number", 0.5, 30.0, log=True),
    Axis("eta1", "number", 0.0, 1.0),
    Axis("shape", "choice", choices=("constant", "linear", "cosine")),
)
"""A domain for a made truth: tau strong, C weaker, shape weaker still, eta1 flat."""


def made(count: int, noise: float = 0.3) -> tuple[list[dict[str, object]], list[float]]:
    draw = np.random.default_rng(0)
    points: list[dict[str, object]] = []
    values = []
    for _ in range(count):
        tau, c, eta = draw.random(3)
        shape = int(draw.integers(3))
        point = {"tau": 0.1 + 0.9 * tau, "C": 0.5 * 60**c, "eta1": eta}
        points.append({**point, "shape": AXES[3].choices[shape]})
        values.append(90 + 6 * tau + 3 * c + (shape - 1) + noise * draw.normal())
    return points, values


def test_forests_find_the_made_truth() -> None:
    points, values = made(120)
    found = forest_importances(points, values, AXES)
    means = {name: float(np.mean(shares)) for name, shares in found.shares.items()}
    # Variances of the truth: tau 36/12, C 9/12, shape 2/3.
    assert means["tau"] == pytest.approx(3 / 4.42, abs=0.12)
    assert means["tau"] > means["C"] > 3 * means["eta1"], "trees shrink weak effects"
    assert means["shape"] > 3 * means["eta1"]
    assert found.trusted
    assert [n for n in means if found.above_noise(n)] == ["tau", "C", "shape"]
    assert len(found.r2) == len(found.noise) == 10
    assert found.num_used == 120


def test_forests_know_when_there_is_nothing_to_know() -> None:
    points, _ = made(60)
    values = np.random.default_rng(5).normal(size=60).tolist()
    found = forest_importances(points, values, AXES)
    assert not found.trusted
    assert found.mean_r2 < 0.2
    assert found == forest_importances(points, values, AXES)


def test_shares_are_those_of_optuna() -> None:
    optuna = pytest.importorskip("optuna")
    from sklearn.ensemble import RandomForestRegressor

    axes = (Axis("a", "number", 0.0, 1.0), Axis("b", "number", -2.0, 3.0))
    draw = np.random.default_rng(1)
    x = draw.random((60, 2))
    y = 3 * x[:, 0] + x[:, 1] * x[:, 0] + 0.1 * draw.normal(size=60)
    forest = RandomForestRegressor(n_estimators=64, max_depth=64, random_state=0).fit(x, y)
    ours = forest_shares(forest, [np.array([0]), np.array([1])], axes)
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    study = optuna.create_study()
    known = {a.name: optuna.distributions.FloatDistribution(a.low, a.high) for a in axes}
    study.add_trials(
        [
            optuna.trial.create_trial(
                params={"a": float(row[0]), "b": float(5 * row[1] - 2)},
                distributions=known,
                value=float(value),
            )
            for row, value in zip(x, y, strict=True)
        ]
    )
    theirs = optuna.importance.FanovaImportanceEvaluator(seed=0).evaluate(study)
    assert ours.tolist() == pytest.approx([theirs["a"], theirs["b"]], rel=1e-3)


def test_the_top_ten_percent_is_another_question() -> None:
    pytest.importorskip("optuna")
    points, values = made(200)
    points[3].pop("shape")
    found = top_importances(points, values, AXES)
    assert math.fsum(found.values()) == pytest.approx(1.0)
    assert set(found) == {"tau", "C", "eta1", "shape"}
    assert max(found, key=found.__getitem__) == "tau"
    assert found["eta1"] < found["tau"] / 2


def test_places_on_an_axis() -> None:
    _, c, _, shape = AXES
    assert [c.place(v) for v in (0.5, math.sqrt(15), 30)] == pytest.approx([0, 0.5, 1])
    assert [shape.place(v) for v in shape.choices] == [0.0, 0.5, 1.0]
    assert Axis("x", "number", 2, 2).place(2) == 0.5


def test_the_range_of_levels_whole() -> None:
    levels = {
        "1": {0: 90.0, 1: 91.0, 2: 92.0},
        "5": {0: 93.0, 1: 94.5, 2: 94.5},
        "10": {0: 91.0, 1: 92.0, 2: 93.0, 3: 50.0},
    }
    found = effect_range(levels)
    assert found is not None
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
        found = effect_range({str(i): dict(enumerate(row)) for i, row in enumerate(y)})
        assert found is not None
        assert found.interval is not None
        covered += found.interval[0] <= 2.0 <= found.interval[1]
        flat = effect_range({str(i): dict(enumerate(draw.normal(size=4))) for i in range(3)})
        assert flat is not None
        assert flat.chance is not None
        beyond += flat.range > flat.chance
    assert covered / 600 > 0.94
    assert 0.025 < beyond / 600 < 0.08
