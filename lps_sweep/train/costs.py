"""What a step of a pack costs: the part that its members share, and what each of them adds."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from functools import partial
from statistics import median
from typing import TypeVar

import torch

from lps_sweep.data.image_store import free_memory
from lps_sweep.train.device import forget_peak_memory, set_up_device, wait_for
from lps_sweep.train.evaluation import EVALUATION_BATCH
from lps_sweep.train.events import PackCosts, PackSpec
from lps_sweep.train.learner import Learner
from lps_sweep.train.pack import start_pack
from lps_sweep.train.run import Run

WARM_UPS = 5
"""Steps before the clock runs on a GPU, or where graphs are recorded."""

STEPS = 15
"""Steps that are timed, if no other number is asked for."""

T = TypeVar("T")


def pack_costs(spec: PackSpec) -> PackCosts:
    """Measures some steps of the only member of `spec`.

    Raises:
        The errors of `train_pack`.
    """
    device = set_up_device(spec.device, spec.num_threads, spec.gpu_share)
    forget_peak_memory(device)
    run, _ = start_pack(spec, device)
    [member] = run.members
    return step_costs(run, member.learner)


def untimed_steps(graph: bool, device: torch.device) -> int:
    """Steps before the clock runs: more where kernels are chosen and graphs recorded in them."""
    return WARM_UPS if graph or device.type == "cuda" else 1


def step_costs(run: Run, learner: Learner, steps: int = STEPS) -> PackCosts:
    """Measures `steps` steps of the only member of `run`; the times are medians."""
    untimed = untimed_steps(run.config.loop.graph, run.device)
    run.trunk.train(run.config.trunk.frozen_bn == "train")
    learner.start_epoch(0)
    shared, own = [], []
    for step in range(untimed + steps):
        place = step % run.batches.num_steps
        batch, seconds = timed(run.device, partial(run.batch, 0, place))
        shared.append(seconds)
        _, seconds = timed(run.device, partial(learner.step, batch, place))
        own.append(seconds)
    return PackCosts(
        shared_s=median(shared[untimed:]),
        own_s=median(own[untimed:]),
        member_bytes=_state_bytes(learner),
        free_bytes=_free_bytes(run, learner),
    )


def timed(device: torch.device, work: Callable[[], T]) -> tuple[T, float]:
    """What `work` gives, and the seconds until the device has done it."""
    wait_for(device)
    started = time.perf_counter()
    done = work()
    wait_for(device)
    return done, time.perf_counter() - started


def _state_bytes(learner: Learner) -> int:
    """Weights, gradients and momentum, and weights that are not trained.

    Activations are freed after each member's step.
    """
    weights = learner.objective.parameters()
    return sum((3 if w.requires_grad else 1) * w.numel() * w.element_size() for w in weights)


def _free_bytes(run: Run, learner: Learner) -> int:
    if run.device.type != "cuda":
        return os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    rows = torch.from_numpy(run.split.unlabeled[:EVALUATION_BATCH])
    return room_beside(run.device, lambda: learner.read(run.plain_activations(rows)))


def room_beside(device: torch.device, evaluate: Callable[[], object]) -> int:
    """Bytes of a GPU that nothing needs at the peak of a step, or of `evaluate`, which is called.

    The steps were done before. What their graphs keep is not given back for an evaluation.
    """
    of_steps = torch.cuda.max_memory_allocated(device)
    torch.cuda.empty_cache()
    kept = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
    forget_peak_memory(device)
    evaluate()
    needed = max(of_steps, kept + torch.cuda.max_memory_allocated(device))
    return max(0, free_memory(device) + torch.cuda.memory_allocated(device) - needed)
