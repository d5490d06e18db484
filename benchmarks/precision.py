"""B14: bfloat16 against TF32: the time of a step, and accuracies on the same seeds, in pairs.

The accuracies are of the digits that come with scikit-learn, small but real, with ResNet-18 after a
short pre-training that all runs share. What they show holds for them.
"""

from __future__ import annotations

import statistics
from collections.abc import Mapping

import torch
from torch import Tensor

from benchmarks.frame import Case, Check, Measurement, Setting, SkipError, in_turns
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
    full, half = (
        digits_config(precision, network, epochs, pretrain_epochs)
        for precision in (whole, "bfloat16")
    )
    try:
        images = load(full.data)
    except BadInputError as error:
        raise SkipError(str(error)) from error
    pretraining = Pretraining(full, images, device)
    list(pretraining)
    backbone = {name: value.cpu() for name, value in pretraining.network.state_dict().items()}
    pairs = [
        [accuracies_of(config, seed, images, backbone, device) for config in (full, half)]
        for seed in seeds
    ]
    return {name: [lower[name] - higher[name] for higher, lower in pairs] for name in NAMES}


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
        f"{precision} step": run_of(size, configs_of(size, 1), setting.device)
        for precision, size in sizes.items()
    }
    times = in_turns(
        {
            name: lambda pair, run=run: train([run], pair + 1)  # type: ignore[misc]
            for name, run in runs.items()
        },
        setting,
    )
    checks = [
        Check(f"mean paired difference of {name}, points", statistics.fmean(found), POINTS, -POINTS)
        for name, found in differences.items()
    ]
    moved = max(abs(value) for found in differences.values() for value in found)
    checks.append(Check.above("largest difference of an accuracy", moved, 1e-9))
    facts = {
        f"{half} less {whole}, points, by seed": differences,
        "sd of the differences": {n: statistics.stdev(v) for n, v in differences.items()},
    }
    return times.measurement(checks, facts)


def cases(_: Setting) -> list[Case]:
    """One."""
    title = "step of one trial, accuracies on digits"
    return [Case("bfloat16", title, measure, needs_cuda=True)]
