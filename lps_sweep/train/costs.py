"""What a step of a pack costs: the part that its members share, and what each of them adds."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from statistics import median
from typing import TypeVar

import torch

from lps_sweep.train.device import set_up_device
from lps_sweep.train.events import PackSpec
from lps_sweep.train.learner import Learner
from lps_sweep.train.pack import start_pack

WARM_UPS = 5
"""Steps before the clock runs: kernels are chosen, and a graph is recorded, in the first ones."""

STEPS = 15
T = TypeVar("T")


@dataclass(frozen=True)
class PackCosts:
    """Costs of a step.

    Attributes:
        shared_s: Seconds for the batch, its views and the frozen trunk: once for all members.
        own_s: Seconds for what one member does.
        member_bytes: Memory that a member takes for good.
        free_bytes: Memory that is left beside one member on the device.
    """

    shared_s: float
    own_s: float
    member_bytes: int
    free_bytes: int


def pack_costs(spec: PackSpec) -> PackCosts:
    """Measures some steps of the only member of `spec`; the times are medians.

    Raises:
        The errors of `train_pack`.
    """
    run, _ = start_pack(spec, set_up_device(spec.device, spec.num_threads))
    device = run.device
    [member] = run.members
    learner = member.learner
    run.trunk.train(run.config.trunk.frozen_bn == "train")
    learner.start_epoch(0)
    shared, own = [], []
    for step in range(WARM_UPS + STEPS):
        place = step % run.batches.num_steps
        batch, seconds = _timed(device, partial(run.batch, 0, place))
        shared.append(seconds)
        _, seconds = _timed(device, partial(learner.step, batch, place))
        own.append(seconds)
    return PackCosts(
        shared_s=median(shared[WARM_UPS:]),
        own_s=median(own[WARM_UPS:]),
        member_bytes=_state_bytes(learner),
        free_bytes=_free_bytes(device),
    )


def _timed(device: torch.device, work: Callable[[], T]) -> tuple[T, float]:
    """What `work` gives, and the seconds until the device has done it."""
    _wait(device)
    started = time.perf_counter()
    done = work()
    _wait(device)
    return done, time.perf_counter() - started


def _wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def _state_bytes(learner: Learner) -> int:
    """Weights, gradients and momentum; activations are freed after each member's step."""
    weights = [*learner.tail.parameters(), *learner.head.parameters()]
    return 3 * sum(p.numel() * p.element_size() for p in weights if p.requires_grad)


def _free_bytes(device: torch.device) -> int:
    if device.type == "cuda":
        free, _ = torch.cuda.mem_get_info(device)
        return free + torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
    return os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
