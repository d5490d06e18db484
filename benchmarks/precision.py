"""B14: bfloat16 against TF32: the time of a step, and accuracies on the same seeds, in pairs.

The accuracies are of the digits that come with scikit-learn, small but real, with ResNet-18 after a
short pre-training that all runs share. What they show holds for them.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

from benchmarks.frame import (
    Benchmark,
    Case,
    Check,
    Measurement,
    Ratio,
    Setting,
    SkipError,
    clock_name,
    in_turns,
)
from benchmarks.workload import GRAPH, HALF, Size, configs_of, run_of, train
from lps_sweep.config import Config, DataConfig, LoopConfig, PretrainConfig, TrunkConfig
from lps_sweep.data import ImageSet, load, make_split
from lps_sweep.errors import BadInputError
from lps_sweep.methods.lps import LPSConfig
from lps_sweep.train import Pretraining, Run, evaluate

SEEDS = tuple(range(5))
NAMES = ("acc_seen", "acc_novel", "acc_all")
POINTS = 5.0
"""A larger mean difference of an accuracy would be a fault rather than rounding."""


def digits_config(precision: str, network: str, epochs: int, pretrain_epochs: int) -> Config:
    """A trial on the digits."""
    return Config(
        method=LPSConfig(),
        data=DataConfig(dataset="digits"),
        trunk=TrunkConfig(network=network),
        loop=LoopConfig(epochs=epochs, batch_size=128, precision=precision),
        pretrain=PretrainConfig(
            pretrain_epochs=pretrain_epochs,
            pretrain_batch_size=256,
            pretrain_lr=0.2,
            pretrain_temperature=0.5,
        ),
    )


def accuracies_of(
    config: Config,
    seed: int,
    images: ImageSet,
    backbone: Mapping[str, Tensor],
    device: torch.device,
) -> dict[str, float]:
    """Of one trial after its last epoch."""
    split = make_split(images.labels, images.num_classes, config.split)
    run = Run(config, seed=seed, images=images, split=split, backbone=backbone, device=device)
    run.add("trial", config)
    for epoch in range(config.loop.epochs):
        train([run], epoch)
    return evaluate(run)["trial"].metrics


def paired_accuracies(
    device: torch.device,
    whole: str,
    network: str = "resnet18",
    epochs: int = 20,
    pretrain_epochs: int = 40,
    seeds: tuple[int, ...] = SEEDS,
) -> dict[str, list[float]]:
    """Accuracy in bfloat16 less that in the precision `whole`, in points, for each seed.

    Raises:
        SkipError: The digits are not there.
    """
    configs = {
        precision: digits_config(precision, network, epochs, pretrain_epochs)
        for precision in (whole, "bfloat16")
    }
    try:
        images = load(configs[whole].data)
    except BadInputError as error:
        raise SkipError(str(error)) from error
    pretraining = Pretraining(configs[whole], images, device)
    for _ in pretraining:
        pass
    backbone = {name: value.cpu() for name, value in pretraining.network.state_dict().items()}
    found: dict[str, list[float]] = {name: [] for name in NAMES}
    for seed in seeds:
        single, half = (
            accuracies_of(configs[precision], seed, images, backbone, device)
            for precision in (whole, "bfloat16")
        )
        for name in NAMES:
            found[name].append(half[name] - single[name])
    return found


def measure(setting: Setting) -> Measurement:
    """Times a step of each precision; trains the seeds in both."""
    sizes = {"tf32": GRAPH, "bfloat16": HALF}
    return compare(sizes, paired_accuracies(setting.device, "tf32"), setting)


def compare(
    sizes: Mapping[str, Size], differences: Mapping[str, list[float]], setting: Setting
) -> Measurement:
    """The ratio of the steps, bfloat16 last, with the paired accuracies as its check."""
    whole, half = sizes
    runs = {
        precision: run_of(size, configs_of(size, 1), setting.device)
        for precision, size in sizes.items()
    }
    times = in_turns(
        {
            precision: lambda pair, run=run: train([run], pair + 1)  # type: ignore[misc]
            for precision, run in runs.items()
        },
        setting.pairs,
        setting.device,
    )
    means = {name: statistics.fmean(values) for name, values in differences.items()}
    checks = [
        Check(f"mean paired difference of {name}, points", mean, high=POINTS, low=-POINTS)
        for name, mean in means.items()
    ]
    every = [value for values in differences.values() for value in values]
    moved = float(np.abs(every).max())
    checks.append(Check("largest difference of an accuracy", moved, high=math.inf, low=1e-9))
    facts: dict[str, Any] = {
        f"{half} less {whole}, points, by seed": differences,
        "sd of the differences": {n: statistics.stdev(v) for n, v in differences.items()},
    }
    ratio = Ratio(f"{whole} step", f"{half} step", times[whole], times[half])
    return Measurement(checks, [ratio], facts, clock_name(setting.device))


BENCHMARK = Benchmark(
    "precision",
    lambda _: [
        Case("bfloat16", "step of one trial, accuracies on digits", measure, needs_cuda=True)
    ],
)
