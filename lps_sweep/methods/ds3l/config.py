"""The hyper-parameters of DS3L."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from lps_sweep.methods.rejection.config import RejectionConfig
from lps_sweep.params import check_ranges, param

_SOURCE = "reference behaviour of DS3L"


@dataclass(frozen=True)
class DS3LConfig(RejectionConfig):
    """DS3L over the seen classes, as its authors' implementation computes it.

    Raises:
        BadInputError: A value is out of its range.
    """

    name: ClassVar[str] = "ds3l"
    own_recipe: ClassVar[Mapping[str, Any]] = {  # 50 rows of each kind
        "optimizer": "adam",
        "lr": 0.0003,
        "lr_shape": "constant",
        "weight_decay": 0.0,
        "batch_size": 100,
        "labeled_share": 0.5,
        "frozen_through": "none",
    }

    lambda_max: float = param(
        10.0,
        "weight of the consistency term once its ramp is over",
        symbol="lambda",
        source=_SOURCE,
        low=0.0,
    )
    ramp_share: float = param(
        1.0,
        "share of all steps over which that weight rises",
        source=_SOURCE + ": 200000 of its 200000 steps",
        low=0.0,
        high=1.0,
        open_low=True,
    )
    virtual_lr: float = param(
        1e-3,
        "learning rate of the virtual step, through which the weights are judged",
        source=_SOURCE,
        low=0.0,
    )
    weight_lr: float = param(
        6e-5, "learning rate of the weight network, of Adam", source=_SOURCE, low=0.0
    )
    weight_width: int = param(
        100, "hidden units of the weight network", source=_SOURCE, low=1, high=100_000
    )
    labeled_norm: Literal["batch", "labeled"] = param(
        "batch",
        "rows that the labeled cross-entropy is divided by",
        source=_SOURCE + "; its paper's formula is labeled",
        choices=("batch", "labeled"),
    )
    rejection_score: Literal["confidence", "weight"] = param(
        "confidence",
        "score of an image: its largest probability, or what the weight network gives it",
        source="not stated in the paper",
        choices=("confidence", "weight"),
    )

    def __post_init__(self) -> None:
        check_ranges(self)


CONFIG = DS3LConfig
"""What the table of methods hands out."""
