"""B5: a whole epoch with its evaluation against the reference-style loop, live, 2 + 2 workers.

The baseline starts its loaders anew in each epoch, as published code does. On a CPU the time is
that of all processes together, since loader and network share the cores there.
"""

from __future__ import annotations

import dataclasses
import gc
import resource
from collections.abc import Callable

import torch

from benchmarks.frame import Case, Check, Measurement, Setting, in_turns, seconds
from benchmarks.reference_style.loaders import Loaders
from benchmarks.reference_style.loop import reference_loop
from benchmarks.workload import (
    ACCURACIES,
    GRAPH,
    HALF,
    Size,
    cases_of,
    config_of,
    data_of,
    mean_loss,
    run_of,
    unfrozen,
)
from lps_sweep.train import evaluate

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
    images, split = data_of(size)
    run = run_of(size, [config_of(size)], setting.device)
    reference = reference_loop(size, setting.device)
    loaders = Loaders(images, split, size.batch_size)
    here, there = evaluate(run)["member 0"].metrics, reference.evaluate(loaders)
    before = max(abs(here[name] - there[name]) for name in ACCURACIES)
    gaps: dict[int, float] = {}

    def ours(pair: int) -> None:
        gaps[pair] = gaps.get(pair, 0.0) + mean_loss(run, pair + 1)
        evaluate(run)

    def baseline(pair: int) -> None:
        found, _ = reference.epoch(loaders, pair + 1)
        gaps[pair] = gaps.get(pair, 0.0) - sum(found) / len(found)

    clock = "" if setting.on_cuda else "CPU time of all processes"
    sides = {"reference-style loop": baseline, "our epoch with evaluation": ours}
    times = in_turns(sides, setting, all_processes, clock)
    gap = max(abs(value) for value in gaps.values())
    checks = [
        Check("largest difference of an accuracy at equal weights, points", before, POINTS),
        Check("largest difference of an epoch's mean loss, other augmentations", gap, 0.5),
    ]
    facts = {f"s per epoch, {side}": times.ms(side, 1000) for side in times.sides}
    facts["MB that the baseline's cycle keeps"] = 3 * len(split.unlabeled) * 3 * 32 * 32 * 4 / 1e6
    return times.measurement(checks, facts)


def cases(setting: Setting) -> list[Case]:
    """CIFAR-100's size on a GPU, in float32 and bfloat16; reduced on a CPU."""
    if setting.on_cuda:
        sizes = {"frozen": GRAPH, "frozen-bfloat16": HALF, "tuned": unfrozen(GRAPH)}
        sizes = {name: dataclasses.replace(size, num_steps=98) for name, size in sizes.items()}
    else:
        steps = 2 if setting.quick else 8
        sizes = {"frozen": Size(network="small_cnn", batch_size=64, num_steps=steps)}
    return cases_of("an epoch", sizes, measure)
