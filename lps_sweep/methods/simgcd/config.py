"""The hyper-parameters of SimGCD."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from lps_sweep.params import MAX_COUNT, check_ranges, param

_SOURCE = "reference behaviour of SimGCD"
_MAX_WIDTH = 65_536


@dataclass(frozen=True)
class SimGCDConfig:
    """SimGCD's loss as its reference implementation computes it.

    Raises:
        BadInputError: A value is out of its range.
    """

    name: ClassVar[str] = "simgcd"
    own_recipe: ClassVar[Mapping[str, Any]] = {  # labeled and unlabeled rows 1:1
        "lr": 0.1,
        "lr_end_factor": 0.001,
        "weight_decay": 5e-05,
        "batch_size": 128,
        "labeled_share": 0.5,
    }

    w_supervised: float = param(
        0.35,
        "share of the two terms that read labels; the three others have the rest",
        symbol="lambda",
        source=_SOURCE + ", all its scripts",
        low=0.0,
        high=1.0,
    )
    w_mean_entropy: float = param(
        2.0,
        "weight of the mean entropy term, within the share of the terms without labels",
        symbol="epsilon",
        source=_SOURCE + "; later scripts: 1 for CIFAR-10 and ImageNet-100, 4 for CIFAR-100",
        low=0.0,
    )
    student_temperature: float = param(
        0.1,
        "what cosines are divided by for the predictions that learn",
        symbol="tau_s",
        source=_SOURCE,
        low=0.0,
        open_low=True,
    )
    teacher_temperature_start: float = param(
        0.07,
        "what cosines are divided by for the targets of distillation, at first",
        symbol="tau_t",
        source=_SOURCE,
        low=0.0,
        open_low=True,
    )
    teacher_temperature_end: float = param(
        0.04, "the same after the warm-up", symbol="tau_t", source=_SOURCE, low=0.0, open_low=True
    )
    warm_up_points: int = param(
        30,
        "points of the line from the first teacher temperature to the last, one an epoch",
        source=_SOURCE,
        low=1,
        high=MAX_COUNT,
    )
    warm_up_clock: Literal["epochs", "training"] = param(
        "epochs",
        "epochs: the points are epochs of this training; training: epochs of 200, so that the "
        "warm-up takes the same share of a training of any length",
        source=_SOURCE + " is epochs, in trainings of 200",
        choices=("epochs", "training"),
    )
    contrastive_temperature: float = param(
        1.0,
        "temperature of the contrastive term of all rows",
        source=_SOURCE,
        low=0.0,
        open_low=True,
    )
    supervised_temperature: float = param(
        0.07,
        "temperature of the contrastive term of the labeled rows",
        source=_SOURCE,
        low=0.0,
        open_low=True,
    )
    projector_width: int = param(
        2048, "units of each hidden layer of the projector", source=_SOURCE, low=1, high=_MAX_WIDTH
    )
    projector_dim: int = param(
        256, "length of a projection", source=_SOURCE, low=1, high=_MAX_WIDTH
    )

    def __post_init__(self) -> None:
        check_ranges(self)


CONFIG = SimGCDConfig
"""What the table of methods hands out."""
