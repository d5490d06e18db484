"""B5: a whole epoch with its evaluation against the reference-style loop, live, 2 + 2 workers.

The baseline starts its loaders anew in each epoch, as published code does. On a CPU the time is
that of all processes together, since loader and network share the cores there.
"""

from __future__ import annotations

import dataclasses
import functools
import gc
import resource
from collections.abc import Callable

import torch

from benchmarks.frame import (
    Benchmark,
    Case,
    Check,
    Measurement,
    Ratio,
    Setting,
    in_turns,
    seconds,
)
from benchmarks.reference_style.loaders import Loaders
from benchmarks.reference_style.loop import ReferenceLoop
from benchmarks.workload import (
    GRAPH,
    HALF,
    SEED,
    Size,
    backbone_of,
    config_of,
    data_of,
    run_of,
    use_precision_of,
)
from lps_sweep.train import Run, evaluate

POINTS = 1.0
"""Largest difference of an accuracy at equal weights, in points: near ties fall either way."""


def all_processes(call: Callable[[], object], device: torch.device) -> float:
    """Seconds of a call: with a GPU as `seconds`, else the CPU time of workers included."""
    if device.type == "cuda":
        return seconds(call, device)
    started = _cpu_seconds()
    call()
    gc.collect()  # ends the workers, whose time counts from then on
    return _cpu_seconds() - started


def _cpu_seconds() -> float:
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in used)


def measure(size: Size, setting: Setting) -> Measurement:
    """Trains and evaluates both, in turns."""
    size = dataclasses.replace(size, epochs=setting.pairs + 2)
    config, (images, split) = config_of(size), data_of(size)
    run = run_of(size, [config], setting.device)
    reference = ReferenceLoop(
        config_of(dataclasses.replace(size, loop={})),
        seed=SEED,
        split=split,
        backbone=backbone_of(size),
        device=setting.device,
    )
    loaders = Loaders(images, split, size.batch_size)
    before = _apart(_accuracies(run), reference.evaluate(loaders))
    losses: dict[str, list[float]] = {"ours": [], "baseline": []}

    def ours(pair: int) -> None:
        use_precision_of(run)
        losses["ours"].append(run.train_epoch(pair + 1)["member 0"]["loss_total"])
        evaluate(run)

    def baseline(pair: int) -> None:
        found, _ = reference.epoch(loaders, pair + 1)
        losses["baseline"].append(sum(found) / len(found))

    times = in_turns(
        {"ours": ours, "baseline": baseline}, setting.pairs, setting.device, all_processes
    )
    gap = max(abs(a - b) for a, b in zip(losses["ours"], losses["baseline"], strict=True))
    checks = [
        Check("largest difference of an accuracy at equal weights, points", before, POINTS),
        Check("largest difference of an epoch's mean loss, other augmentations", gap, 0.5),
    ]
    kept = 3 * len(split.unlabeled) * 3 * 32 * 32 * 4 / 1e6
    facts = {
        "s per epoch, ours": min(times["ours"]),
        "s per epoch, baseline": min(times["baseline"]),
        "MB that the baseline's cycle keeps": kept,
    }
    ratio = Ratio(
        "reference-style loop", "our epoch with evaluation", times["baseline"], times["ours"]
    )
    clock = "CUDA events" if setting.on_cuda else "CPU time of all processes"
    return Measurement(checks, [ratio], facts, clock)


def _accuracies(run: Run) -> dict[str, float]:
    return evaluate(run)["member 0"].metrics


def _apart(ours: dict[str, float], theirs: dict[str, float]) -> float:
    return max(abs(ours[name] - theirs[name]) for name in ("acc_seen", "acc_novel", "acc_all"))


def cases(setting: Setting) -> list[Case]:
    """CIFAR-100's size on a GPU, in float32 and bfloat16; reduced on a CPU."""
    if setting.on_cuda:
        sizes = {
            name: dataclasses.replace(size, num_steps=98, frozen_through=frozen)
            for name, size, frozen in (
                ("frozen", GRAPH, "stage3"),
                ("frozen-bfloat16", HALF, "stage3"),
                ("tuned", GRAPH, "none"),
            )
        }
    else:
        steps = 2 if setting.quick else 8
        sizes = {"frozen": Size(network="small_cnn", batch_size=64, num_steps=steps)}
    return [
        Case(name, f"an epoch, {size.text()}", functools.partial(measure, size))
        for name, size in sizes.items()
    ]


BENCHMARK = Benchmark("epoch", cases)
