"""State that was saved under one order of the weights' numbers, and goes on under another.

On a GPU weights of convolutions are in channels-last order, on a CPU they are not; a fused
optimiser goes through weight, gradient and state by address, and silently mixes their numbers up
where the orders differ.
"""

from __future__ import annotations

import copy
import io
import random
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from lps_sweep.config import Config
from lps_sweep.train import Pretraining, Run
from lps_sweep.train import run as run_module
from lps_sweep.train.optimizer import load_optimizer
from tests.train.step_cases import with_loop
from tests.train.tape import TapeRecorder
from tests.train.train_cases import (
    CPU,
    config_of,
    differences,
    image_set,
    learner_of,
    run_of,
    snapshot,
    train,
)

LAST = torch.channels_last
FIRST = torch.contiguous_format
DIRECTIONS = pytest.mark.parametrize(("of_file", "here"), [(LAST, FIRST), (FIRST, LAST)])

OPTIMIZERS: dict[str, Callable[[list[nn.Parameter]], torch.optim.Optimizer]] = {
    "SGD": lambda w: torch.optim.SGD(w, lr=0.1, momentum=0.9, weight_decay=0.01, fused=True),
    "nesterov": lambda w: torch.optim.SGD(w, lr=0.1, momentum=0.9, nesterov=True, fused=True),
    "Adam": lambda w: torch.optim.Adam(w, lr=0.1, amsgrad=True, fused=True),
    "AdamW": lambda w: torch.optim.AdamW(w, lr=0.1, fused=True),
    "plain Adam": lambda w: torch.optim.Adam(w, lr=0.1, foreach=False),
}


def through_a_file(state: dict[str, Any]) -> dict[str, Any]:
    file = io.BytesIO()
    torch.save(state, file)
    file.seek(0)
    loaded: dict[str, Any] = torch.load(file, weights_only=True)
    return loaded


def laid_out(values: Tensor, order: list[int]) -> Tensor:
    """`values` with its numbers in memory in that order of the axes."""
    back = [order.index(axis) for axis in range(values.ndim)]
    return values.permute(order).clone(memory_format=FIRST).permute(back)


def stepped(
    optimizer: torch.optim.Optimizer, weights: list[nn.Parameter], gradients: list[Tensor]
) -> None:
    for weight, gradient in zip(weights, gradients, strict=True):
        weight.grad = torch.empty_like(weight).copy_(gradient)
    optimizer.step()
    optimizer.zero_grad()


@pytest.mark.parametrize("name", OPTIMIZERS)
@pytest.mark.parametrize("seed", range(2))
def test_state_of_any_layout_goes_on_under_any_other(name: str, seed: int) -> None:
    rng, generator = random.Random(seed), torch.Generator().manual_seed(seed)
    shapes = [[rng.randint(1, 5) for _ in range(rng.randint(0, 5))] for _ in range(8)]
    steps = [[torch.randn(shape, generator=generator) for shape in shapes] for _ in range(4)]

    def fresh() -> tuple[torch.optim.Optimizer, list[nn.Parameter]]:
        orders = [rng.sample(range(len(shape)), len(shape)) for shape in shapes]
        weights = [nn.Parameter(laid_out(x, o)) for x, o in zip(steps[0], orders, strict=True)]
        return OPTIMIZERS[name](weights), weights

    one, weights = fresh()
    for gradients in steps[1:3]:
        stepped(one, weights, gradients)
    other, others = fresh()
    with torch.no_grad():
        for mine, theirs in zip(others, weights, strict=True):
            mine.copy_(theirs)
    load_optimizer(other, through_a_file(one.state_dict()))
    for weight, state in other.state.items():
        alike = [v for v in state.values() if isinstance(v, Tensor) and v.shape == weight.shape]
        assert all(value.stride() == weight.stride() for value in alike)
    stepped(one, weights, steps[3])
    stepped(other, others, steps[3])
    # Not to the bit: which numbers a processor takes together depends on where they lie.
    torch.testing.assert_close(others, weights, rtol=1e-5, atol=1e-6)
    ours, theirs = (x.state_dict()["state"] for x in (other, one))
    torch.testing.assert_close(ours, theirs, rtol=1e-5, atol=1e-6)


class Taped(Run):
    """A Run whose steps are recorded on a CPU."""

    def _make_recorder(self) -> TapeRecorder:
        return TapeRecorder()


def in_order(run: Run, order: torch.memory_format) -> Run:
    learner_of(run, "0").tail.to(memory_format=order)
    return run


@DIRECTIONS
@pytest.mark.parametrize(("graph", "frozen_through"), [(True, "stage3"), (False, "none")])
def test_a_trial_goes_on_under_another_layout(
    of_file: torch.memory_format,
    here: torch.memory_format,
    graph: bool,
    frozen_through: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(run_module, "set_up_step", lambda *_: None)
    config = with_loop(config_of(trunk={"frozen_through": frozen_through}), graph=graph)

    def fresh(order: torch.memory_format) -> Run:
        return in_order(run_of([config], kind=Taped), order)

    saved = fresh(of_file)
    train(saved, range(2))
    state = through_a_file(learner_of(saved, "0").state())
    ends = []
    for made, given in ((fresh(here), state), (fresh(here), contiguous(state, here))):
        train(made, range(1))  # its records hold on to what is exchanged below
        made.load_state(copy.deepcopy(saved.state()))
        learner_of(made, "0").load_state(copy.deepcopy(given))
        train(made, range(2, 3))
        ends.append(snapshot(made, "0"))
    assert differences(*ends) == []
    optimizer = learner_of(made, "0").optimizer
    momentum = [(w, s["momentum_buffer"]) for w, s in optimizer.state.items()]
    assert len(momentum) >= 4
    assert all(buffer.stride() == weight.stride() for weight, buffer in momentum)


def contiguous(state: dict[str, Any], order: torch.memory_format) -> dict[str, Any]:
    """`state` as if it had been saved under `order`."""

    def changed(value: Any) -> Any:
        if isinstance(value, Tensor):
            return value.contiguous(memory_format=order if value.ndim == 4 else FIRST)
        if isinstance(value, dict):
            return {name: changed(inner) for name, inner in value.items()}
        return value

    changed_state: dict[str, Any] = changed(state)
    return changed_state


@DIRECTIONS
def test_pre_training_goes_on_under_another_layout(
    of_file: torch.memory_format, here: torch.memory_format
) -> None:
    config = config_of(pretrain={"pretrain_epochs": 3, "pretrain_batch_size": 24})

    def fresh(config: Config, order: torch.memory_format) -> Pretraining:
        made = Pretraining(config, image_set(), CPU)
        made.network.to(memory_format=order)
        return made

    first = fresh(config, of_file)
    next(iter(first))
    state = through_a_file(first.state())
    ends = []
    for given in (state, contiguous(state, here)):
        other = fresh(config, here)
        other.load_state(copy.deepcopy(given))
        list(other)
        ends.append(other.network.state_dict())
    assert differences(*ends) == []
