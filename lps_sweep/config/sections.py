"""The sections of a configuration: frozen and typed; each field is declared here once.

Defaults are those of the reference behaviour on CIFAR; presets depart from them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Protocol

from lps_sweep.data.config import DataConfig, SplitConfig
from lps_sweep.network_parts import NETWORK_PARTS
from lps_sweep.params import MAX_COUNT, MAX_SEED, param

NOISE = "_noise"
"""What the names of sweeps of machine noise end with."""


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
    pretrain_compile: bool = param(False, "the network is compiled before pre-training")
    pretrain_graph: bool = param(
        False, "a step of pre-training is recorded once and replayed as a CUDA graph, GPUs only"
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
    labeled_share: float = param(
        0.0,
        "share of labeled rows in a batch; 0 for the share that labeled images have in training",
        source="reference of LPS: 0; of GCD: 0.5",
        low=0,
        high=1,
        open_high=True,
    )
    weak_views: str = param(
        "weak",
        "what the two weak views are drawn by: the data set's weak views, or its SimCLR views",
        source="reference of OpenNCD: random crops and colour jitter, as SimCLR's",
        choices=("weak", "simclr"),
    )
    rule_images: int = param(
        1000,
        "unlabeled images, evenly spaced, whose features and views rules of selection read",
        low=0,
        high=MAX_COUNT,
    )
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
    threads: int = param(
        0,
        "CPU threads that it trains with, of a trial of machine noise; 0: as its pack gets",
        low=0,
        high=4096,
        beside=NOISE,
    )


@dataclass(frozen=True)
class ScheduleConfig:
    """Start and optimiser of the trainable part, and its clocks."""

    recipe: str = param(
        "unified",
        "where optimiser, schedule, batches and frozen stages that nobody sets come from: LPS, the "
        "same for all methods, or each method's own publication",
        choices=("unified", "own"),
    )
    optimizer: str = param("sgd", "optimiser; adam has its usual betas", choices=("sgd", "adam"))
    lr: float = param(0.1, "learning rate at the start", source="reference", low=0, open_low=True)
    tail_lr_factor: float = param(
        1.0,
        "learning rate of the tail, all of the backbone that learns, as a factor of lr, which the "
        "head has; 0: only the head learns",
        source="reference: 1",
        low=0,
    )
    lr_shape: str = param(
        "cosine",
        "course of the learning rate: half a cosine, 7/16 of one, constant, or drops",
        source="reference: cosine; FixMatch: 7/16 of a period",
        choices=("cosine", "cosine_7_16", "constant", "drops"),
    )
    lr_end_factor: float = param(
        0.0, "where the cosine ends, as a factor of lr", source="reference: 0", low=0, high=1
    )
    lr_first_drop: float = param(
        0.5, "share of training after which lr drops first", low=0, open_low=True, high=1
    )
    lr_drop_every: float = param(
        0.25, "share of training after which it drops again", low=0, open_low=True, high=1
    )
    lr_drop_factor: float = param(
        0.1, "factor of each drop", low=0, open_low=True, high=1, open_high=True
    )
    momentum: float = param(0.9, "momentum of SGD", low=0, high=1, open_high=True)
    nesterov: bool = param(False, "momentum of Nesterov's kind")
    weight_decay: float = param(5e-4, "weight decay", source="Section 4.1", low=0)
    decay_all: bool = param(
        True, "weight decay of biases and of BatchNorm's weights too", source="reference"
    )
    threshold_clock: str = param(
        "epoch",
        "when the thresholds move: after each epoch, or after each iteration",
        source="paper: iteration; reference: epoch",
        choices=("epoch", "iteration"),
    )
    perturbation: int = param(
        0,
        "draw of the signs s with which the weights of the trainable part start multiplied by "
        "1 + 2^-23 s, of a trial of machine noise; 0: they start as they are",
        low=0,
        high=MAX_COUNT,
        beside=NOISE,
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

    That of a method that trains nothing has `trains` = False as well, and that of a method whose
    steps cannot be recorded as CUDA graphs `records` = False.

    Attributes:
        own_recipe: What `recipe` "own" sets, by flat name, as the method was published.
    """

    name: ClassVar[str]
    own_recipe: ClassVar[Mapping[str, Any]]


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
