"""The sections of a configuration: frozen and typed; each field is declared here once.

Defaults are those of the reference behaviour on CIFAR; presets depart from them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar, Protocol

from lps_sweep.config.fields import param
from lps_sweep.config.networks import NETWORK_PARTS

MAX_COUNT = 1_000_000
"""Upper limit of epochs and batch sizes: beyond it is a slip of the keyboard."""

MAX_SEED = 2**32 - 1
"""Largest seed that all generators take, numpy's legacy one among them."""


@dataclass(frozen=True)
class DataConfig:
    """Which images."""

    dataset: str = param("cifar10", "name of the data set", source="Section 4.1")
    data_root: str = param("", "folder that holds the data set's files", location=True)
    image_size: int = param(
        256,
        "side in pixels of the stored images of imagenet100, a multiple of 32; views have 7/8 of "
        "it. No other data set has a choice",
        source="reference: 256, views of 224",
        low=32,
        high=1024,
    )


@dataclass(frozen=True)
class SplitConfig:
    """Which classes are seen and which of their images are labeled."""

    seen_classes: int | tuple[int, ...] = param(
        0,
        "number of seen classes, or their list; 0 for the first half",
        source="Section 4.1",
        low=0,
        high=MAX_COUNT,
    )
    novel_classes: int | float = param(
        0,
        "number of novel classes, the next in order, or below 1 their share of those not seen; 0 "
        "for all. Images of other classes are dropped, but not from pre-training",
        source="Figure 6",
        low=0,
        high=MAX_COUNT,
    )
    labeled_ratio: float = param(
        0.5, "share of the seen classes' images that is labeled", low=0, open_low=True, high=1
    )
    labeled_holdout: float = param(
        0.0,
        "share of the labeled images kept out of training, to select without hidden labels",
        low=0,
        high=1,
        open_high=True,
    )
    split_seed: int = param(
        0, "seed of the split", source="reference: always 0", low=0, high=MAX_SEED
    )


@dataclass(frozen=True)
class TrunkConfig:
    """The network and the part of it that is frozen and shared."""

    network: str = param("resnet18", "backbone", choices=tuple(NETWORK_PARTS))
    frozen_through: str = param(
        "stage3",
        "this part of the backbone and all before it are frozen; none: all of it learns",
        source="Section 4.1: the first three blocks; the reference freezes the stem too",
        choices=tuple(dict.fromkeys(["none", "stem", *sum(NETWORK_PARTS.values(), ())])),
    )
    frozen_bn: str = param(
        "train",
        "BatchNorm of the frozen part: statistics of the batch, or the stored ones",
        source="reference: train",
        choices=("train", "eval"),
    )
    concat_views: bool = param(
        False, "one forward pass over all views, which joins their BatchNorm statistics"
    )


@dataclass(frozen=True)
class PretrainConfig:
    """SimCLR on all training images, without labels. Zero epochs: random weights.

    With `pretrained` nothing is trained, and the other settings count for nothing.
    """

    pretrain_epochs: int = param(500, "epochs of SimCLR", low=0, high=MAX_COUNT)
    pretrain_batch_size: int = param(512, "images per batch", low=2, high=MAX_COUNT)
    pretrain_lr: float = param(
        0.4, "learning rate at the start of the cosine", low=0, open_low=True
    )
    pretrain_momentum: float = param(0.9, "momentum of SGD", low=0, high=1, open_high=True)
    pretrain_weight_decay: float = param(1e-4, "weight decay of SGD", low=0)
    pretrain_temperature: float = param(
        0.1, "temperature of the contrastive loss", low=0, open_low=True
    )
    pretrain_precision: str = param(
        "float32", "arithmetic of the network", choices=("float32", "bfloat16")
    )
    pretrain_seed: int = param(0, "seed of weights, batches and augmentation", low=0, high=MAX_SEED)
    pretrained: str = param(
        "",
        "file of released SimCLR weights to take instead; its content is part of the identity",
        source="reference: simclr_cifar_10.pth.tar, simclr_cifar_100.pth.tar",
        location=True,
    )


@dataclass(frozen=True)
class LoopConfig:
    """What all trials of a pack share besides data and trunk."""

    epochs: int = param(
        200, "passes over the labeled images", source="Section 4.1", low=1, high=MAX_COUNT
    )
    batch_size: int = param(512, "labeled and unlabeled images per step", low=2, high=MAX_COUNT)
    precision: str = param(
        "float32",
        "arithmetic of the networks; weights, statistics of BatchNorm, head and losses are float32 "
        "in each. tf32: float32 with TensorFloat-32 convolutions, GPUs only",
        source="reference: float32, which torch makes tf32 on newer GPUs",
        choices=("float32", "tf32", "bfloat16"),
    )
    compile: bool = param(False, "trunk and tails are compiled before training")
    graph: bool = param(
        False,
        "a step is recorded once and replayed as CUDA graphs, GPUs only: less to do for "
        "the host between the kernels",
    )


@dataclass(frozen=True)
class ScheduleConfig:
    """Optimiser of the trainable part, and its clocks."""

    lr: float = param(
        0.1, "learning rate at the start of the cosine", source="reference", low=0, open_low=True
    )
    tail_lr_factor: float = param(
        1.0,
        "learning rate of the tail, all of the backbone that learns, as a factor of lr, which the "
        "head has; 0: only the head learns",
        source="reference: 1",
        low=0,
    )
    momentum: float = param(0.9, "momentum of SGD", low=0, high=1, open_high=True)
    weight_decay: float = param(5e-4, "weight decay of SGD", source="Section 4.1", low=0)
    threshold_clock: str = param(
        "epoch",
        "when the thresholds move: after each epoch, or after each iteration",
        source="paper: iteration; reference: epoch",
        choices=("epoch", "iteration"),
    )


@dataclass(frozen=True)
class HeadConfig:
    """The cosine classifier."""

    head_scale: float = param(
        10.0, "factor of the cosine logits", source="reference", low=0, open_low=True
    )
    assumed_classes: int = param(
        0,
        "number of classes that the head, or k-means, assumes; 0 for the true number of seen and "
        "novel ones",
        symbol="K",
        source="Section 3: the number of novel classes is taken as known",
        low=0,
        high=MAX_COUNT,
    )


class MethodConfig(Protocol):
    """What the methods' own sections, frozen dataclasses in their `config.py`, have in common.

    That of a method that trains nothing has `trains` = False as well.
    """

    name: ClassVar[str]


@dataclass(frozen=True)
class Config:
    """One resolved configuration: all that a trial is, except its seed."""

    method: MethodConfig
    data: DataConfig = field(default_factory=DataConfig)
    split: SplitConfig = field(default_factory=SplitConfig)
    trunk: TrunkConfig = field(default_factory=TrunkConfig)
    pretrain: PretrainConfig = field(default_factory=PretrainConfig)
    loop: LoopConfig = field(default_factory=LoopConfig)
    schedule: ScheduleConfig = field(default_factory=ScheduleConfig)
    head: HeadConfig = field(default_factory=HeadConfig)


SHARED_SECTIONS = ("data", "split", "trunk", "pretrain", "loop")
"""What trials must have in common to train in one pack."""
