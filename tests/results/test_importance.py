from __future__ import annotations

import math

import numpy as np
import pytest

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


def test_forests_know_when_there_is_nothing_to_know(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lps_sweep.results.importance.NUM_FORESTS", 3)
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
    forest = RandomForestRegressor(n_estimators=16, max_depth=64, random_state=0).fit(x, y)
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
    theirs = optuna.importance.FanovaImportanceEvaluator(n_trees=16, seed=0).evaluate(study)
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
