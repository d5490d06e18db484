"""The main optimiser of one Learner, with a learning rate for each of its parts."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from lps_sweep.config import ScheduleConfig

_ROUNDING = 1e-9
"""What the sum of two shares of training may be off by."""


def make_optimizer(
    tail: nn.Module, heads: nn.Module, schedule: ScheduleConfig
) -> torch.optim.Optimizer:
    """The optimiser of `tail` and `heads`, in this order.

    They are one group where they learn at one rate, and two where `tail_lr_factor` is not 1; each
    is divided in two where biases and the weights of BatchNorm do not decay.
    """
    together = schedule.tail_lr_factor == 1
    parts = [nn.ModuleList([tail, heads])] if together else [tail, heads]
    groups = [group for part in parts for group in _groups(part, schedule)]
    if schedule.optimizer == "adam":
        return torch.optim.Adam(groups, lr=schedule.lr, fused=True)
    return torch.optim.SGD(
        groups,
        lr=schedule.lr,
        momentum=schedule.momentum,
        nesterov=schedule.nesterov,
        fused=True,
    )


def _groups(part: nn.Module, schedule: ScheduleConfig) -> list[dict[str, Any]]:
    weights = list(part.parameters())
    decay = schedule.weight_decay
    if schedule.decay_all:
        return [{"params": weights, "weight_decay": decay}]
    vectors = [weight for weight in weights if weight.ndim < 2]
    others = [weight for weight in weights if weight.ndim >= 2]
    return [{"params": others, "weight_decay": decay}, {"params": vectors, "weight_decay": 0.0}]


def set_rates(optimizer: torch.optim.Optimizer, schedule: ScheduleConfig, progress: float) -> float:
    """Puts the rates where their course is at `progress`, 0 to 1; returns that of the heads."""
    rate = schedule.lr * course(schedule, progress)
    rates = [rate for _ in optimizer.param_groups]
    if schedule.tail_lr_factor != 1:
        for i in range(len(rates) // 2):
            rates[i] *= schedule.tail_lr_factor
    put_rates(optimizer, rates)
    return rate


def course(schedule: ScheduleConfig, progress: float) -> float:
    """The learning rate at `progress`, 0 to 1, as a factor of the first one."""
    match schedule.lr_shape:
        case "cosine_7_16":
            return math.cos(7 * math.pi * progress / 16)
        case "constant":
            return 1.0
        case "drops":
            after = progress - schedule.lr_first_drop
            drops = 0 if after < -_ROUNDING else 1 + (after + _ROUNDING) // schedule.lr_drop_every
            return schedule.lr_drop_factor**drops
        case _:
            end = schedule.lr_end_factor
            return end + (1 - end) * (1 + math.cos(math.pi * progress)) / 2


def put_rates(optimizer: torch.optim.Optimizer, rates: Sequence[float]) -> None:
    """Sets the rate of each group of weights."""
    for group, value in zip(optimizer.param_groups, rates, strict=True):
        if isinstance(group["lr"], Tensor):
            group["lr"].fill_(value)
        else:
            group["lr"] = value


def put_rates_on(device: torch.device, optimizer: torch.optim.Optimizer) -> None:
    """Makes the rates tensors that stay where they are, as a recorded step needs.

    The fused optimiser takes float32 on a GPU; on a CPU float64 gives the bits of plain numbers.
    """
    dtype = torch.float32 if device.type == "cuda" else torch.float64
    for group in optimizer.param_groups:
        group["lr"] = torch.tensor(float(group["lr"]), dtype=dtype, device=device)


def plain_state(optimizer: torch.optim.Optimizer) -> dict[str, Any]:
    """The optimiser's state for a checkpoint, its rates as plain numbers."""
    state = optimizer.state_dict()
    for group in state["param_groups"]:
        group["lr"] = float(group["lr"])
    return state


def load_optimizer(optimizer: torch.optim.Optimizer, state: Mapping[str, Any]) -> None:
    """Takes over `state`, whose tensors may lie otherwise in memory than the weights here.

    A fused optimiser goes through a weight and its state by address: in another order of the
    axes, as a GPU and a CPU have them, a CPU would mix the numbers up without a word.
    """
    optimizer.load_state_dict(dict(state))
    for weight, kept in optimizer.state.items():
        for name, value in kept.items():
            if isinstance(value, Tensor) and value.shape == weight.shape:
                mine = torch.empty_like(weight, dtype=value.dtype, device=value.device)
                kept[name] = mine.copy_(value)
