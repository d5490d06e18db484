"""B4: a training step of ours, K = 1, against an eager one in the manner of published code.

The baseline is given the very views that ours makes, ready on the device; ours makes them within
the time. Both train; their losses must begin together.
"""

from __future__ import annotations

import dataclasses
import functools
import math

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
from benchmarks.reference_style.loop import ReferenceLoop
from benchmarks.syncs import cuda_waits_of, waits_of
from benchmarks.workload import (
    FULL,
    GRAPH,
    HALF,
    SEED,
    SMALL,
    Size,
    backbone_of,
    config_of,
    data_of,
    prepared,
    run_of,
    use_precision_of,
    with_loop,
)
from lps_sweep.train import Run

TOLERANCES = {"cpu": (1e-3, 0.05), "cuda": (0.1, 0.5), "half": (0.2, 0.7)}
"""Of the mean loss of the first epoch and of the second; it starts at about 4 to 7. Training
magnifies rounding from step to step, so that later epochs tell nothing. On a GPU both sides round
to TF32 their own way; ``half`` is bfloat16 against TF32."""


class Sides:
    """Both loops, from equal weights, and the losses of their epochs."""

    def __init__(self, size: Size, device: torch.device) -> None:
        config = config_of(size)
        self.run: Run = run_of(size, [config], device)
        plain = dataclasses.replace(size, loop={})
        self.reference = ReferenceLoop(
            config_of(plain),
            seed=SEED,
            split=data_of(size)[1],
            backbone=backbone_of(size),
            device=device,
        )
        self.losses: dict[str, list[float]] = {"ours": [], "baseline": []}

    def views(self, epoch: int) -> list[tuple[list[Tensor], Tensor]]:
        """What the baseline is given."""
        return list(prepared(self.run, epoch))

    def ours(self, epoch: int) -> None:
        """One epoch of ours."""
        use_precision_of(self.run)
        metrics = self.run.train_epoch(epoch)
        self.losses["ours"].append(metrics["member 0"]["loss_total"])

    def baseline(self, epoch: int, views: list[tuple[list[Tensor], Tensor]]) -> None:
        """One epoch of the baseline."""
        losses = self.reference.train(views, epoch)
        self.losses["baseline"].append(sum(losses) / len(losses))


def measure(size: Size, setting: Setting) -> Measurement:
    """Trains both in turns; counts how often the host waits in an epoch more."""
    epochs = setting.pairs + 2
    size = dataclasses.replace(size, epochs=epochs)
    sides = Sides(size, setting.device)
    ready = [sides.views(epoch) for epoch in range(epochs)]
    times = in_turns(
        {
            "ours": lambda pair: sides.ours(pair + 1),
            "baseline": lambda pair: sides.baseline(pair + 1, ready[pair + 1]),
        },
        setting.pairs,
        setting.device,
    )
    last = epochs - 1
    count = cuda_waits_of if setting.on_cuda else lambda call: sum(waits_of(call).values())
    waits = {
        "ours": count(lambda: sides.ours(last)) / size.num_steps,
        "baseline": count(lambda: sides.baseline(last, ready[last])) / size.num_steps,
    }
    facts = {
        "ms per step, ours": 1000 * min(times["ours"]) / size.num_steps,
        "ms per step, baseline": 1000 * min(times["baseline"]) / size.num_steps,
        "host synchronisations per step, those at the end of an epoch shared out": waits,
    }
    ratio = Ratio("reference-style step", "our step", times["baseline"], times["ours"])
    return Measurement(checks_of(sides, setting, size), [ratio], facts, clock_name(setting.device))


def checks_of(sides: Sides, setting: Setting, size: Size) -> list[Check]:
    """That the losses begin together, and move."""
    pairs = list(zip(sides.losses["ours"], sides.losses["baseline"], strict=True))
    half = size.loop.get("precision") == "bfloat16"
    limits = TOLERANCES["half" if half else setting.device.type]
    moved = abs(sides.losses["baseline"][-1] - sides.losses["baseline"][0])
    return [
        *(
            Check(f"difference of the {which} epoch's mean loss", abs(ours - theirs), limit)
            for which, limit, (ours, theirs) in zip(
                ("first", "second"), limits, pairs, strict=False
            )
        ),
        Check("change of the loss over the epochs", moved, high=math.inf, low=1e-3),
    ]


def cases(setting: Setting) -> list[Case]:
    """Frozen and fine-tuned; on a GPU captured, eager, and in bfloat16."""
    if setting.on_cuda:
        frozen = {
            "frozen": GRAPH,
            "frozen-eager": FULL,
            "frozen-bfloat16": HALF,
            "frozen-compiled": with_loop(GRAPH, compile=True),
        }
    else:
        frozen = {"frozen": SMALL if setting.quick else Size(batch_size=32)}
    tuned = {
        name.replace("frozen", "tuned"): dataclasses.replace(size, frozen_through="none")
        for name, size in frozen.items()
    }
    if not (setting.on_cuda or setting.quick):
        tuned["tuned"] = dataclasses.replace(tuned["tuned"], batch_size=16)
    return [
        Case(name, f"a step of one trial, {size.text()}", functools.partial(measure, size))
        for name, size in (frozen | tuned).items()
    ]


BENCHMARK = Benchmark("solo step", cases)
