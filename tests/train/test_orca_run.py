"""ORCA in a Run: its views, its draws, and the evaluations that it takes its uncertainty from."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from lps_sweep.config import SplitConfig
from lps_sweep.data import make_split
from lps_sweep.data.random import fold_key, uniform
from lps_sweep.data.views import plain_view
from lps_sweep.models import CosineHead
from lps_sweep.train import Finished, Run, evaluate, train_pack
from lps_sweep.train.batch import Batch
from lps_sweep.train.evaluation import train_and_evaluate
from tests.train.pack_cases import alone as events_alone
from tests.train.pack_cases import ends_of, spec_of
from tests.train.train_cases import (
    SEED,
    alone,
    apart,
    differences,
    image_set,
    learner_of,
    run_of,
    snapshot,
    train,
    two_configs,
)

CONFIG = two_configs("orca")[0]


def uncertainty_of(run: Run) -> float:
    """1 - mean largest probability of the whole network on the plain unlabeled images."""
    learner = learner_of(run, "0")
    network = torch.nn.Sequential(run.trunk, learner.tail, learner.head).eval()
    with torch.no_grad():
        plain = plain_view(run.images[torch.from_numpy(run.split.unlabeled)], run.recipe)
        return 1 - torch.softmax(network(plain), 1).amax(1).mean().item()


@pytest.mark.parametrize("labeled_holdout", [0.0, 0.3])
def test_an_epoch_has_the_uncertainty_of_the_evaluation_before_it(labeled_holdout: float) -> None:
    images = image_set()
    split = make_split(images.labels, 6, SplitConfig(labeled_holdout=labeled_holdout))
    run = run_of([CONFIG], split=split)
    for epoch in range(3):
        before = uncertainty_of(run)
        training, found = train_and_evaluate(run, epoch)
        assert training["0"]["uncertainty"] == pytest.approx(before, abs=1e-6)
        assert uncertainty_of(run) != pytest.approx(before, abs=1e-4)
        assert ("acc_holdout" in found["0"].metrics) == (labeled_holdout > 0)


def test_only_the_first_epoch_has_an_evaluation_before_it(monkeypatch: pytest.MonkeyPatch) -> None:
    plain = Run.plain_activations
    calls: list[int] = []

    def count(self: Run, rows: Tensor) -> Tensor:
        calls.append(len(rows))
        return plain(self, rows)

    monkeypatch.setattr(Run, "plain_activations", count)
    for method, passes in (("orca", 3), ("lps", 2)):
        calls.clear()
        train(run_of(two_configs(method)), range(2))
        assert len(calls) == passes


def test_draws_are_a_function_of_seed_epoch_and_step() -> None:
    run = run_of([CONFIG])
    found = {}
    for epoch in range(2):
        for step in range(2):
            draws = run.batch(epoch, step).draws
            assert draws.shape == (run.batches.num_labeled + run.batches.num_unlabeled,)
            assert torch.equal(draws, uniform(draws.shape, fold_key(SEED, epoch, step, 401)))
            found[epoch, step] = tuple(draws.tolist())
    assert len(set(found.values())) == 4
    assert tuple(run_of([CONFIG], seed=1).batch(0, 0).draws.tolist()) not in found.values()


class DrawsOfThePack(Run):
    """Draws partners that depend on who is in the pack."""

    def batch(self, epoch: int, step: int) -> Batch:
        batch = super().batch(epoch, step)
        return dataclasses.replace(batch, draws=batch.draws.roll(len(self.members)))


def test_broken_sharing_of_draws_is_seen() -> None:
    assert "/learner/head/weight" in apart(two_configs("orca"), DrawsOfThePack)


def test_without_the_kept_uncertainty_a_resume_would_be_seen() -> None:
    cut = run_of([CONFIG])
    train(cut, range(1))
    state = snapshot(cut, "0")["learner"]
    state["objective"]["uncertainty"].fill_(1.0)
    learner_of(cut, "0").load_state(state)
    train(cut, range(1, 2))
    wanted = alone(CONFIG, epochs=2)["learner"]
    assert "/head/weight" in differences(wanted, snapshot(cut, "0")["learner"])


def test_a_failure_before_the_first_epoch_ends_one_member(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    configs = dict(zip(("first", "second"), two_configs("orca"), strict=True))
    forward = CosineHead.forward
    calls: list[int] = []

    def stumble(self: CosineHead, features: Tensor) -> Tensor:
        calls.append(len(features))
        return forward(self, features) if len(calls) > 1 else 1 / 0  # type: ignore[return-value]

    monkeypatch.setattr(CosineHead, "forward", stumble)
    ends = ends_of(list(train_pack(spec_of(tmp_path / "both", configs))))
    assert [(e.trial_id, e.status, e.epoch) for e in ends] == [
        ("first", "failed", 0),
        ("second", "done", 3),
    ]
    calls.clear()
    assert [type(event) for event in events_alone(tmp_path, configs["first"])] == [Finished]


def test_evaluating_twice_is_evaluating_once() -> None:
    run = run_of([CONFIG])
    first = evaluate(run)["0"]
    state = snapshot(run, "0")
    again = evaluate(run)["0"]
    np.testing.assert_array_equal(first.predictions, again.predictions)
    assert first.metrics == again.metrics
    assert differences(state, snapshot(run, "0")) == []
