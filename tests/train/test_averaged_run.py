"""Methods whose evaluated network is a moving average of the trained one, in a Run."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from lps_sweep.methods import METHODS, config_class, objective_class
from lps_sweep.methods.averaged import AveragedObjective, follow
from lps_sweep.train import Learner, Run
from lps_sweep.train.costs import step_costs
from tests.train.train_cases import config_of, learner_of, run_of

AVERAGED = [name for name in METHODS if issubclass(objective_class(name), AveragedObjective)]


def run_with(method: str, decay: float) -> tuple[Run, Learner, AveragedObjective]:
    run = run_of([config_of(method=config_class(method)(ema_decay=decay))])
    learner = learner_of(run, "0")
    assert isinstance(learner.objective, AveragedObjective)
    return run, learner, learner.objective


def pairs(of: AveragedObjective) -> list[tuple[nn.Module, nn.Module]]:
    """Each average with what it is of."""
    return [(of.averaged_tail, of.tail), (of.averaged_head, of.head)]


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
    with pytest.raises(ValueError, match="shorter"):
        follow(averaged, nn.ReLU(), torch.tensor(0.1))


@pytest.mark.parametrize("method", AVERAGED)
def test_the_average_is_that_of_the_weights_after_each_step(method: str) -> None:
    run, learner, of = run_with(method, 0.75)
    wanted = [[w.detach().double() for w in average.parameters()] for average, _ in pairs(of)]
    learner.start_epoch(0)
    for step in range(3):
        learner.step(run.batch(0, step), step)
        for numbers, (_, trained) in zip(wanted, pairs(of), strict=True):
            for i, weight in enumerate(trained.parameters()):
                numbers[i] = 0.75 * numbers[i] + 0.25 * weight.detach().double()
    for numbers, (average, trained) in zip(wanted, pairs(of), strict=True):
        of_both = zip(numbers, average.parameters(), trained.parameters(), strict=True)
        for number, weight, last in of_both:
            torch.testing.assert_close(weight.double(), number, rtol=1e-6, atol=1e-7)
            assert not torch.equal(weight, last)
    buffers = dict(of.averaged_tail.named_buffers())
    assert any(bool(value.any()) for name, value in buffers.items() if "running_mean" in name)
    for name, value in of.tail.named_buffers():
        assert torch.equal(buffers[name], value)


@pytest.mark.parametrize("method", AVERAGED)
def test_the_average_is_evaluated_and_the_weights_are_trained(method: str) -> None:
    run, learner, of = run_with(method, 0.9)
    run.train_epoch(0)
    activations: Tensor = run.plain_activations(torch.from_numpy(run.split.unlabeled))

    found = learner.predict(activations)

    for (tail, head), is_evaluated in (
        ((of.averaged_tail, of.averaged_head), True),
        ((of.tail, of.head), False),
    ):
        with torch.no_grad():
            logits = head.eval()(tail.eval()(activations))
        assert torch.equal(found.logits, logits) == is_evaluated
    main = {id(w) for group in learner.optimizer.param_groups for w in group["params"]}
    assert main == {id(w) for m in (of.tail, of.head) for w in m.parameters()}
    of.train()
    assert of.heads(of.features(activations[:4])).logits.requires_grad


@pytest.mark.parametrize("method", AVERAGED)
def test_a_share_of_zero_evaluates_what_is_trained(method: str) -> None:
    (run, _, of), (other, _, elsewhere) = (run_with(method, decay) for decay in (0.0, 0.999))
    run.train_epoch(0)
    other.train_epoch(0)

    for (average, trained), (_, same) in zip(pairs(of), pairs(elsewhere), strict=True):
        states = (part.state_dict().values() for part in (average, trained, same))
        for one, two, three in zip(*states, strict=True):
            assert torch.equal(one, two)
            assert torch.equal(one, three)


@pytest.mark.parametrize("method", AVERAGED)
def test_what_a_member_takes_has_the_average_in_it(method: str) -> None:
    run, learner, of = run_with(method, 0.9)
    numbers = sum(w.numel() for _, part in pairs(of) for w in part.parameters())

    costs = step_costs(run, learner, steps=1)

    assert costs.member_bytes >= 4 * (3 + 1) * numbers
