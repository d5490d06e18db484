from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

from lps_sweep.methods import METHODS, config_class, objective_class
from lps_sweep.methods.averaged import AveragedObjective, follow
from tests.train.train_cases import config_of, learner_of, run_of, train

AVERAGED = [name for name in METHODS if issubclass(objective_class(name), AveragedObjective)]


def network(seed: int) -> nn.Module:
    generator = torch.Generator().manual_seed(seed)
    found = nn.Sequential(nn.Linear(3, 2), nn.BatchNorm1d(2))
    with torch.no_grad():
        for x in found.state_dict().values():
            x.copy_(100 * torch.randn(x.shape, generator=generator))
    return found


def test_weights_move_by_a_share_and_statistics_are_copied() -> None:
    averaged, trained = network(1), network(2)
    before = [weight.detach().clone() for weight in averaged.parameters()]

    follow(averaged, trained, torch.tensor(0.25))

    for old, new, weight in zip(before, averaged.parameters(), trained.parameters(), strict=True):
        assert torch.allclose(new, 0.75 * old + 0.25 * weight)
    for copied, buffer in zip(averaged.buffers(), trained.buffers(), strict=True):
        assert torch.equal(copied, buffer)


def trained(method: str, decay: float) -> tuple[Any, torch.Tensor]:
    """The objective after an epoch, and activations to evaluate it on."""
    run = run_of([config_of(method=config_class(method)(ema_decay=decay))])
    train(run, range(1))
    learner = learner_of(run, "0")
    return learner.objective, next(iter(run.batch(0, 0).views.values()))


@pytest.mark.parametrize("method", AVERAGED)
def test_the_average_is_evaluated_and_the_rest_trained(method: str) -> None:
    of, activations = trained(method, 0.5)

    for mode, tail, head in (
        (True, of.tail, of.head),
        (False, of.averaged_tail, of.averaged_head),
    ):
        of.train(mode)
        found = of.heads(of.features(activations)).logits
        assert torch.equal(found, head(tail(activations)))
    assert not torch.equal(of.head.weight, of.averaged_head.weight)
    assert not any(x.requires_grad for x in of.averaged_tail.parameters())


@pytest.mark.parametrize("method", AVERAGED)
def test_a_share_of_zero_evaluates_what_is_trained(method: str) -> None:
    of, _ = trained(method, 0.0)
    other, _ = trained(method, 0.999)

    for name in ("tail", "head"):
        parts = getattr(of, name), getattr(of, f"averaged_{name}"), getattr(other, name)
        for one, average, elsewhere in zip(*(p.state_dict().values() for p in parts), strict=True):
            assert torch.equal(one, average)
            assert torch.equal(one, elsewhere)
