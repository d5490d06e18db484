"""Images, splits, configurations and Runs of the sizes that benchmarks use."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from benchmarks.frame import Case, Measurement, Setting
from lps_sweep.config import Config, DataConfig, LoopConfig, ScheduleConfig, TrunkConfig
from lps_sweep.data import ImageSet, OpenWorldSplit
from lps_sweep.data.views import make_view
from lps_sweep.methods.lps import LPSConfig
from lps_sweep.models import build_network
from lps_sweep.train import Run
from lps_sweep.train.device import set_convolutions

SIDE_PX = 32
SEED = 0
VIEWS = ("weak1", "weak2", "strong")
ACCURACIES = ("acc_seen", "acc_novel", "acc_all")


@dataclass(frozen=True)
class Size:
    """What is trained: images as CIFAR has them, a quarter of each batch labeled.

    Attributes:
        network: A name of the table of networks.
        batch_size: Labeled and unlabeled images per step.
        num_steps: Steps of an epoch.
        frozen_through: As in the configuration.
        num_classes: Half of them are seen.
        epochs: Of the schedule.
        loop: Further settings of the loop, such as the precision.
    """

    network: str = "resnet18"
    batch_size: int = 64
    num_steps: int = 2
    frozen_through: str = "stage3"
    num_classes: int = 10
    epochs: int = 20
    loop: Mapping[str, Any] = dataclasses.field(default_factory=dict)

    def text(self) -> str:
        """In words."""
        trained = "all trained" if self.frozen_through == "none" else "one stage trained"
        parts = [self.network, trained, f"batch {self.batch_size}"]
        return ", ".join([*parts, *(f"{name} {value}" for name, value in self.loop.items())])


FULL = Size(batch_size=512, num_steps=8, num_classes=100, loop={"precision": "tf32"})
"""The paper's CIFAR-100 with half of the labels, on a GPU: 128 labeled of 512 rows."""

SMALL = Size(network="small_cnn", batch_size=16)


def with_loop(size: Size, **settings: Any) -> Size:
    """The same with other settings of the loop."""
    return dataclasses.replace(size, loop={**size.loop, **settings})


GRAPH = with_loop(FULL, graph=True)
HALF = with_loop(GRAPH, precision="bfloat16")
"""Both with recorded steps; compiled in addition where a case says so."""


def unfrozen(size: Size) -> Size:
    """The same with the whole network trained."""
    return dataclasses.replace(size, frozen_through="none")


def cases_of(
    what: str, sizes: Mapping[str, Size], measure: Callable[[Size, Setting], Measurement]
) -> list[Case]:
    """A case for each size."""
    return [
        Case(name, f"{what}, {size.text()}", functools.partial(measure, size))
        for name, size in sizes.items()
    ]


def config_of(size: Size, method: LPSConfig | None = None, lr: float = 0.01) -> Config:
    """The configuration of a trial."""
    return Config(
        method=method or LPSConfig(),
        data=DataConfig(dataset="cifar100"),
        trunk=TrunkConfig(network=size.network, frozen_through=size.frozen_through),
        loop=LoopConfig(epochs=size.epochs, batch_size=size.batch_size, **size.loop),
        schedule=ScheduleConfig(lr=lr),
    )


def configs_of(size: Size, count: int) -> list[Config]:
    """Configurations that differ in C, tau, eta1 and learning rate."""
    return [
        config_of(
            size,
            LPSConfig(C=1.0 + i, tau=0.4 + 0.02 * i, eta1=1.0 + 0.1 * i),
            lr=0.01 * (1 + i / 4),
        )
        for i in range(count)
    ]


def data_of(size: Size) -> tuple[ImageSet, OpenWorldSplit]:
    """Random images, as many as make an epoch of `num_steps` steps."""
    generator = np.random.default_rng(SEED)
    num_labeled, count = size.batch_size // 4 * size.num_steps, size.batch_size * size.num_steps
    pixels = generator.integers(0, 256, (count, 3, SIDE_PX, SIDE_PX), dtype=np.uint8)
    targets = np.arange(count, dtype=np.int64) % size.num_classes
    targets[:num_labeled] %= size.num_classes // 2
    classes = tuple(range(size.num_classes))
    split = OpenWorldSplit(
        labeled=np.arange(num_labeled),
        holdout=np.arange(0),
        unlabeled=np.arange(num_labeled, count),
        targets=targets,
        num_seen=size.num_classes // 2,
        num_classes=size.num_classes,
        class_order=classes,
    )
    return ImageSet(pixels, targets, size.num_classes, tuple(map(str, classes))), split


def backbone_of(size: Size) -> dict[str, Tensor]:
    """Random weights of the whole network, the same each time."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(SEED)
        return build_network(size.network, 3).state_dict()


def run_of(
    size: Size, configs: Iterable[Config], device: torch.device, kind: type[Run] = Run
) -> Run:
    """A Run with a member for each configuration."""
    members = list(configs)
    images, split = data_of(size)
    backbone = backbone_of(size)
    run = kind(members[0], seed=SEED, images=images, split=split, backbone=backbone, device=device)
    for number, config in enumerate(members):
        run.add(f"member {number}", config)
    return run


def use_precision_of(run: Run) -> None:
    """Sets the process up for the arithmetic of `run`, where others have set it otherwise."""
    set_convolutions("tf32" if run.config.loop.precision == "tf32" else "ieee")


def train(runs: Iterable[Run], epoch: int) -> None:
    """One epoch of each Run.

    Raises:
        RuntimeError: A member left.
    """
    for run in runs:
        use_precision_of(run)
        run.train_epoch(epoch)
        if run.departures:
            raise RuntimeError(f"a member did not train: {run.departures[0].error}")


def mean_loss(run: Run, epoch: int) -> float:
    """That of the first member, which is trained for one epoch."""
    use_precision_of(run)
    return run.train_epoch(epoch)["member 0"]["loss_total"]


def member_state(run: Run, number: int) -> dict[str, Any]:
    """All state of one member and of what it shares."""
    return {"shared": run.state(), "own": run.members[number].learner.state()}


def prepared(run: Run, epoch: int) -> Iterator[tuple[list[Tensor], Tensor]]:
    """The views and labels of each batch of `run`, as it makes them itself."""
    for step in range(run.batches.num_steps):
        labeled = run.batches.labeled_indices(epoch, step)
        rows = torch.cat((labeled, run.batches.unlabeled_indices(epoch, step)))
        images = run.images[rows]
        key = (run.seed, epoch, step)
        labels = run.targets[labeled].to(run.device)
        yield [make_view(images, run.recipe, view, key) for view in VIEWS], labels
