"""Trials of machine noise start with other last bits, and are trials like all others."""

from __future__ import annotations

import itertools

import pytest
import torch
from torch import Tensor

from lps_sweep.config import Config
from lps_sweep.train.perturbation import perturb
from tests.train.train_cases import (
    EPOCHS,
    alone,
    apart,
    config_of,
    differences,
    learner_of,
    run_of,
    snapshot,
    train,
    two_configs,
)

WEIGHTS = ("/learner/head/weight", "/learner/tail/stage4.0.weight")


def perturbed(draw: int) -> Config:
    return config_of(schedule={"perturbation": draw})


def weights(draw: int = 0, seed: int = 7) -> list[Tensor]:
    """All weights of the trainable part at the start."""
    learner = learner_of(run_of([perturbed(draw)], seed=seed), "0")
    return [w.detach().clone() for w in (*learner.tail.parameters(), *learner.head.parameters())]


def units(first: Tensor, second: Tensor) -> Tensor:
    """How many units in the last place lie between float32 numbers of one sign."""
    return (first.view(torch.int32).long() - second.view(torch.int32).long()).abs()


def test_nothing_but_the_last_bits_differs() -> None:
    numbers = 0
    for before, after in zip(weights(), weights(1), strict=True):
        there = before != 0
        assert (before[~there] == after[~there]).all()
        moved = units(before, after)[there]
        assert ((moved == 1) | (moved == 2)).all()
        numbers += int(there.sum())
    assert numbers > 1000


def test_the_signs_are_a_function_of_seed_draw_and_place() -> None:
    ones = [torch.ones(4096), torch.ones(4096)]
    perturb(ones, 7, 1)
    assert 0.45 < (ones[0] > 1).float().mean() < 0.55
    assert not torch.equal(*ones)
    kinds = [weights(1), weights(2), weights(1, seed=8), weights()]
    for one, other in itertools.combinations(kinds, 2):
        assert not torch.equal(one[-1], other[-1])
    assert all(map(torch.equal, weights(1), kinds[0]))


@pytest.mark.parametrize("method", ["orca", "simclr_kmeans"])
def test_the_trainable_part_of_any_method_is_perturbed(method: str) -> None:
    plain = two_configs(method)[0]
    other = two_configs(method, schedule={"perturbation": 3})[0]
    starts = [snapshot(run_of([config]), "0") for config in (plain, other)]
    changed = differences(*starts)
    assert WEIGHTS[1] in changed
    assert not [name for name in changed if name.startswith("/trunk")]


def test_it_grows_in_training_and_packed_equals_solo() -> None:
    configs = [config_of(), perturbed(1), perturbed(2)]
    assert apart(configs) == []
    for one, other in itertools.combinations(configs, 2):
        changed = set(differences(alone(one), alone(other)))
        assert {*WEIGHTS, "/learner/optimizer/state/0/momentum_buffer"} <= changed
        assert not [name for name in changed if name.startswith("/trunk")]


def test_a_member_that_goes_on_is_not_perturbed_again() -> None:
    first = run_of([perturbed(1)])
    history = train(first, range(1))["0"]
    again = run_of([perturbed(1)])
    again.load_state(first.state())
    learner_of(again, "0").load_state(snapshot(first, "0")["learner"])
    history += train(again, range(1, EPOCHS))["0"]
    assert differences({**snapshot(again, "0"), "metrics": history}, alone(perturbed(1))) == []
