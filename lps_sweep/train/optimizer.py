"""SGD of one Learner, with a learning rate for each of its parts."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn

from lps_sweep.config import ScheduleConfig


def make_optimizer(tail: nn.Module, head: nn.Module, schedule: ScheduleConfig) -> torch.optim.SGD:
    """The optimiser of `tail` and `head`, in this order.

    They are one group where they learn at one rate, and two where `tail_lr_factor` is not 1.
    """
    together = schedule.tail_lr_factor == 1
    parts = [nn.ModuleList([tail, head])] if together else [tail, head]
    return torch.optim.SGD(
        [{"params": part.parameters()} for part in parts],
        lr=schedule.lr,
        momentum=schedule.momentum,
        weight_decay=schedule.weight_decay,
        fused=True,
    )


def set_rates(optimizer: torch.optim.SGD, schedule: ScheduleConfig, progress: float) -> float:
    """Puts both rates where the cosine from `lr` to 0 is at `progress`, 0 to 1; the head's."""
    rate = schedule.lr * (1 + math.cos(math.pi * progress)) / 2
    rates = [rate for _ in optimizer.param_groups]
    if len(rates) > 1:
        rates[0] *= schedule.tail_lr_factor
    for group, value in zip(optimizer.param_groups, rates, strict=True):
        if isinstance(group["lr"], Tensor):
            group["lr"].fill_(value)
        else:
            group["lr"] = value
    return rate


def put_rates_on(device: torch.device, optimizer: torch.optim.SGD) -> None:
    """Makes the rates tensors that stay where they are, as a recorded step needs.

    The fused optimiser takes float32 on a GPU; on a CPU float64 gives the bits of plain numbers.
    """
    dtype = torch.float32 if device.type == "cuda" else torch.float64
    for group in optimizer.param_groups:
        group["lr"] = torch.tensor(float(group["lr"]), dtype=dtype, device=device)


def plain_state(optimizer: torch.optim.SGD) -> dict[str, Any]:
    """The optimiser's state for a checkpoint, its rates as plain numbers."""
    state = optimizer.state_dict()
    for group in state["param_groups"]:
        group["lr"] = float(group["lr"])
    return state
