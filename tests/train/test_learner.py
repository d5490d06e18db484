"""One trial's own part: what it may read, when it stops learning, and its schedule."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from lps_sweep.methods.protocol import StepContext
from lps_sweep.train import Learner
from tests.train.train_cases import (
    SEED,
    alone,
    config_of,
    differences,
    four_configs,
    learner_of,
    outcome,
    run_of,
    split_of,
    train,
    watched,
)


def weights_of(learner: Learner) -> dict[str, Any]:
    parts = {"tail": learner.tail, "head": learner.head}
    values = {
        f"{part}.{name}": weight.detach().clone()
        for part, module in parts.items()
        for name, weight in module.named_parameters()
    }
    momentum = [dict(state) for state in learner.optimizer.state_dict()["state"].values()]
    return {"weights": values, "momentum": [m["momentum_buffer"].clone() for m in momentum]}


def test_labels_of_labeled_images_reach_training() -> None:
    """Those of the others do not: see `test_each_method`."""
    config = config_of()
    split = split_of(config)
    garbled = split.targets.copy()
    garbled[split.labeled] = (garbled[split.labeled] + 1) % split.num_seen
    run = run_of([config], split=dataclasses.replace(split, targets=garbled))
    assert "/learner/head/weight" in differences(outcome(run)["0"], alone(config))


@pytest.mark.parametrize(("factor", "at"), [(math.nan, 0), (math.inf, 1), (-math.inf, 1)])
def test_a_loss_that_is_not_finite_suppresses_every_later_update(factor: float, at: int) -> None:
    run = run_of([config_of()])
    learner = learner_of(run, "0")
    watched(learner, lambda call, total: total * factor if call == at else total)
    batch = run.batch(0, 0)
    began = weights_of(learner)
    learner.start_epoch(0)
    for step in range(at):
        learner.step(batch, step)
    before = weights_of(learner)
    assert bool(differences(began, before)) == bool(at)
    assert not learner.diverged()
    for step in range(3):
        learner.step(batch, at + step)
        assert differences(before["weights"], weights_of(learner)["weights"]) == []
        if at:
            assert differences(before["momentum"], weights_of(learner)["momentum"]) == []
    assert learner.diverged()


def test_a_gradient_that_is_not_finite_is_divergence_even_in_the_last_step() -> None:
    """As that of a root at zero."""
    run = run_of([config_of(epochs=1)])
    last = run.batches.num_steps - 1
    watched(
        learner_of(run, "0"),
        lambda call, total: total + (total * 0.0).sqrt() * 0.0 if call == last else total,
    )
    assert run.train_epoch(0) == {}
    assert [d.status for d in run.departures] == ["diverged"]


@pytest.mark.parametrize("clock", ["epoch", "iteration"])
def test_the_clock_of_the_thresholds(clock: str) -> None:
    run = run_of([config_of(schedule={"threshold_clock": clock}, epochs=3)])
    spy = watched(learner_of(run, "0"))
    for epoch in range(3):
        run.train_epoch(epoch)
    steps = run.batches.num_steps
    assert steps > 1
    done = range(3 * steps)
    wanted = [i // steps / 3 if clock == "epoch" else i / (3 * steps) for i in done]
    assert spy.progress == pytest.approx(wanted)


def test_one_step_is_sgd_with_weight_decay_on_every_trainable_tensor() -> None:
    config = config_of(schedule={"lr": 0.3, "weight_decay": 0.05, "momentum": 0.9})
    run = run_of([config])
    learner = learner_of(run, "0")
    names = [*dict(learner.tail.named_parameters()), *dict(learner.head.named_parameters())]
    assert names == ["stage4.0.weight", "stage4.1.weight", "stage4.1.bias", "weight"]
    learner.start_epoch(0)
    batch = run.batch(0, 0)
    context = StepContext(learner.num_seen, torch.tensor(0.0), batch.draws)
    result = learner.objective.loss(learner.objective.outputs(batch.views), batch.labels, context)
    weights = [*learner.tail.parameters(), *learner.head.parameters()]
    gradients = torch.autograd.grad(result.total, weights)
    wanted = [
        w.detach() - 0.3 * (g + 0.05 * w.detach()) for w, g in zip(weights, gradients, strict=True)
    ]
    learner.step(batch, 0)
    for weight, value in zip(weights, wanted, strict=True):
        torch.testing.assert_close(weight.detach(), value)


def test_members_share_nothing_that_changes() -> None:
    run = run_of(four_configs())
    run.train_epoch(0)
    owned = []
    for member in run.members:
        learner = member.learner
        modules = [*learner.tail.state_dict().values(), *learner.head.state_dict().values()]
        state = learner.optimizer.state_dict()["state"]
        modules += [tensors["momentum_buffer"] for tensors in state.values()]
        modules += [*learner._sums.values(), *learner.pi_hat_history, learner._progress]
        modules += [learner._diverged, *vars(learner.objective).values()]
        owned += [t.untyped_storage().data_ptr() for t in modules if isinstance(t, Tensor)]
    assert len(owned) > 4 * 20
    assert len(owned) == len(set(owned))
    trunk = {t.untyped_storage().data_ptr() for t in run.trunk.state_dict().values()}
    assert not trunk & set(owned)


def test_the_heads_first_weights_depend_on_the_seed_alone() -> None:
    first, other = run_of(four_configs()), run_of(four_configs(), seed=SEED + 1)
    heads = [member.learner.head.weight for member in [*first.members, *other.members]]
    assert all(torch.equal(heads[0], head) for head in heads[:4])
    assert not torch.equal(heads[0], heads[4])
    torch.testing.assert_close(heads[0].norm(dim=0), torch.ones(6))


def test_pi_hat_of_each_epoch_is_kept() -> None:
    run = run_of([config_of(epochs=1)])
    assert learner_of(run, "0").pi_hat_epochs().shape == (0, 0)
    train(run, range(1))
    pi_hat = learner_of(run, "0").pi_hat_epochs()
    assert pi_hat.shape == (1, 6)
    assert pi_hat.dtype == np.float32
    np.testing.assert_allclose(pi_hat.sum(1), 1, rtol=1e-5)


def test_an_epoch_without_steps_has_no_metrics() -> None:
    one = learner_of(run_of([config_of()]), "0")
    for _ in range(2):
        one.start_epoch(0)
        assert one.end_epoch() == {}
        one.step(run_of([config_of()]).batch(0, 0), 0)
        assert one.end_epoch() != {}


@pytest.mark.parametrize("frozen_through", ["stage3", "none"])
def test_the_trained_weights_are_those_that_change(frozen_through: str) -> None:
    run = run_of([config_of(trunk={"frozen_through": frozen_through}, epochs=1)])
    learner = learner_of(run, "0")
    parts = [run.trunk, learner.tail, learner.head]
    weights = [weight for part in parts for weight in part.parameters()]
    before = [weight.detach().clone() for weight in weights]
    train(run, range(1))
    changed = [a.numel() for a, b in zip(weights, before, strict=True) if not torch.equal(a, b)]
    assert learner.num_trained_weights == sum(changed)
