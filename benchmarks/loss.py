"""B3: the loss of fixed shape against one whose shapes follow the data, forward and backward."""

from __future__ import annotations

import torch
from torch import Tensor

from benchmarks.frame import (
    Benchmark,
    Case,
    Check,
    Measurement,
    Ratio,
    Setting,
    clock_name,
    in_turns,
)
from benchmarks.reference_style import loss as reference
from benchmarks.states import relative_error
from benchmarks.syncs import cuda_waits_of, waits_of
from lps_sweep.data.random import fold_key, uniform
from lps_sweep.methods.lps import LPSConfig
from lps_sweep.methods.lps.core import Hyper, lps_terms

NUM_ROWS, NUM_LABELED, NUM_CLASSES, NUM_SEEN = 512, 128, 100, 50
PROGRESS = 0.35
SHARPNESS = 3.2
"""Scale of the random logits at which about half of the unlabeled rows are confident."""

Views = tuple[Tensor, Tensor, Tensor]
Result = tuple[Tensor, list[Tensor]]


def logits_of(device: torch.device, key: int) -> tuple[Views, Tensor]:
    """Logits of three views (512, 100) that resemble each other, and 128 labels."""
    shared = uniform((NUM_ROWS, NUM_CLASSES), fold_key(key, 0)).clamp(1e-6, 1 - 1e-6)
    common = (shared.log() - (1 - shared).log()) * SHARPNESS
    views = [
        (common + uniform((NUM_ROWS, NUM_CLASSES), fold_key(key, i))).to(device) for i in (1, 2, 3)
    ]
    labels = (torch.arange(NUM_LABELED) * 7 % NUM_SEEN).to(device)
    return (views[0], views[1], views[2]), labels


def ours(views: Views, labels: Tensor, hyper: Hyper, progress: Tensor) -> Result:
    """Loss and gradients as training computes them."""
    leaves = _leaves(views)
    terms = lps_terms(*leaves, labels, hyper, num_seen=NUM_SEEN, progress=progress)
    return terms.total.detach(), list(torch.autograd.grad(terms.total, leaves))


def theirs(views: Views, labels: Tensor, config: LPSConfig) -> Result:
    """Loss and gradients of the baseline."""
    leaves = _leaves(views)
    total = reference.loss(*leaves, labels, num_seen=NUM_SEEN, progress=PROGRESS, config=config)
    return total.detach(), list(torch.autograd.grad(total, leaves))


def _leaves(views: Views) -> Views:
    weak1, weak2, strong = (view.clone().requires_grad_() for view in views)
    return weak1, weak2, strong


def checks_of(first: Result, second: Result) -> list[Check]:
    """That losses and gradients agree."""
    gradients = [relative_error(a, b) for a, b in zip(first[1], second[1], strict=True)]
    gap = (first[0] - second[0]).abs() / second[0].abs()
    return [
        Check("relative difference of the losses", gap.item(), 1e-5),
        Check("relative error of the gradients", max(gradients), 1e-5),
    ]


def measure(setting: Setting) -> Measurement:
    """Both losses on the same logits."""
    device, config = setting.device, LPSConfig()
    hyper = Hyper.of(config, device, torch.float32)
    progress = torch.tensor(PROGRESS, device=device)
    views, labels = logits_of(device, 1)
    found, right = ours(views, labels, hyper, progress), theirs(views, labels, config)
    share = _confident_share(views, labels, hyper, progress)
    waits = {
        "ours": sum(waits_of(lambda: ours(views, labels, hyper, progress)).values()),
        "baseline": sum(waits_of(lambda: theirs(views, labels, config)).values()),
    }
    if setting.on_cuda:
        waits["ours, by CUDA"] = cuda_waits_of(lambda: ours(views, labels, hyper, progress))
        waits["baseline, by CUDA"] = cuda_waits_of(lambda: theirs(views, labels, config))
    checks = [
        *checks_of(found, right),
        Check("host synchronisations of ours", max(v for k, v in waits.items() if "ours" in k)),
        Check("percent of unlabeled rows confident", share, high=80.0, low=20.0),
    ]
    repeats = 2 if setting.quick else 10
    times = in_turns(
        {
            "ours": lambda _: [ours(views, labels, hyper, progress) for _ in range(repeats)],
            "baseline": lambda _: [theirs(views, labels, config) for _ in range(repeats)],
        },
        setting.pairs,
        device,
    )
    ratio = Ratio(
        "loss with dynamic shapes", "loss of fixed shape", times["baseline"], times["ours"]
    )
    return Measurement(
        checks, [ratio], {"host synchronisations per step": waits}, clock_name(device)
    )


def _confident_share(views: Views, labels: Tensor, hyper: Hyper, progress: Tensor) -> float:
    terms = lps_terms(*views, labels, hyper, num_seen=NUM_SEEN, progress=progress)
    return 100 * terms.mask[NUM_LABELED:].float().mean().item()


TITLE = f"batch {NUM_ROWS}, {NUM_CLASSES} classes, forward and backward"
BENCHMARK = Benchmark("loss", lambda _: [Case("loss", TITLE, measure)])
