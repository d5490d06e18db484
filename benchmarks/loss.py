"""B3: the loss of fixed shape against one whose shapes follow the data, forward and backward."""

from __future__ import annotations

import functools
from collections.abc import Callable

import torch
from torch import Tensor

from benchmarks.frame import Case, Check, Measurement, Setting, in_turns
from benchmarks.reference_style import loss as reference
from benchmarks.states import relative_error
from benchmarks.syncs import num_waits, waits_of
from lps_sweep.data.random import fold_key, uniform
from lps_sweep.methods.hyper import Hyper
from lps_sweep.methods.lps import LPSConfig
from lps_sweep.methods.lps.core import lps_terms

NUM_ROWS, NUM_LABELED, NUM_CLASSES, NUM_SEEN = 512, 128, 100, 50
PROGRESS = 0.35
SHARPNESS = 3.2
"""Scale of the random logits at which about half of the unlabeled rows are confident."""

Views = tuple[Tensor, Tensor, Tensor]


def logits_of(device: torch.device, key: int) -> tuple[Views, Tensor]:
    """Logits of three views (512, 100) that resemble each other, and 128 labels."""
    shared = uniform((NUM_ROWS, NUM_CLASSES), fold_key(key, 0)).clamp(1e-6, 1 - 1e-6)
    common = (shared.log() - (1 - shared).log()) * SHARPNESS
    views = [
        (common + uniform((NUM_ROWS, NUM_CLASSES), fold_key(key, i))).to(device) for i in (1, 2, 3)
    ]
    labels = (torch.arange(NUM_LABELED) * 7 % NUM_SEEN).to(device)
    return (views[0], views[1], views[2]), labels


def ours(views: Views, labels: Tensor, device: torch.device) -> Callable[[], list[Tensor]]:
    """Loss and gradients as training computes them."""
    hyper = Hyper.of(LPSConfig(), device, torch.float32)
    progress = torch.tensor(PROGRESS, device=device)

    def total(*leaves: Tensor) -> Tensor:
        weak1, weak2, strong = leaves
        given = (weak1, weak2, strong, labels, hyper)
        return lps_terms(*given, num_seen=NUM_SEEN, progress=progress).total

    return functools.partial(_with_gradients, total, views)


def theirs(views: Views, labels: Tensor) -> Callable[[], list[Tensor]]:
    """Loss and gradients of the baseline."""
    total = functools.partial(
        reference.loss, labels=labels, num_seen=NUM_SEEN, progress=PROGRESS, config=LPSConfig()
    )
    return functools.partial(_with_gradients, total, views)


def _with_gradients(total: Callable[..., Tensor], views: Views) -> list[Tensor]:
    leaves = [view.clone().requires_grad_() for view in views]
    found = total(*leaves)
    return [found.detach(), *torch.autograd.grad(found, leaves)]


def measure(setting: Setting) -> Measurement:
    """Both losses on the same logits."""
    views, labels = logits_of(setting.device, 1)
    fixed, dynamic = ours(views, labels, setting.device), theirs(views, labels)
    value, *gradients = [relative_error(a, b) for a, b in zip(fixed(), dynamic(), strict=True)]
    waits = {"ours": waits_of(fixed).total(), "baseline": waits_of(dynamic).total()}
    if setting.on_cuda:
        waits["ours, by CUDA"] = num_waits(fixed, setting)
        waits["baseline, by CUDA"] = num_waits(dynamic, setting)
    checks = [
        Check("relative difference of the losses", value, 1e-5),
        Check("relative error of the gradients", max(gradients), 1e-5),
        Check("host synchronisations of ours", max(v for k, v in waits.items() if "ours" in k)),
        Check("percent of unlabeled rows confident", _confident(views, labels), 80.0, 20.0),
    ]
    repeats = range(2 if setting.quick else 10)
    times = in_turns(
        {
            "loss with dynamic shapes": lambda _: [dynamic() for _ in repeats],
            "loss of fixed shape": lambda _: [fixed() for _ in repeats],
        },
        setting,
    )
    return times.measurement(checks, {"host synchronisations per step": waits})


def _confident(views: Views, labels: Tensor) -> float:
    """Percent of the unlabeled rows."""
    hyper = Hyper.of(LPSConfig(), labels.device, torch.float32)
    progress = torch.tensor(PROGRESS, device=labels.device)
    terms = lps_terms(*views, labels, hyper, num_seen=NUM_SEEN, progress=progress)
    return 100 * terms.mask[NUM_LABELED:].float().mean().item()


def cases(_: Setting) -> list[Case]:
    """One."""
    title = f"batch {NUM_ROWS}, {NUM_CLASSES} classes, forward and backward"
    return [Case("loss", title, measure)]
