"""The hyper-parameters of FixMatch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from lps_sweep.methods.rejection.config import RejectionConfig
from lps_sweep.params import check_ranges, param

_SOURCE = "reference behaviour of FixMatch"


@dataclass(frozen=True)
class FixMatchConfig(RejectionConfig):
    """FixMatch over the seen classes, as its public PyTorch implementation computes it.

    Raises:
        BadInputError: A value is out of its range.
    """

    name: ClassVar[str] = "fixmatch"
    own_recipe: ClassVar[Mapping[str, Any]] = {  # 64 labeled and 448 unlabeled rows
        "optimizer": "sgd",
        "nesterov": True,
        "lr": 0.03,
        "lr_shape": "cosine_7_16",
        "weight_decay": 0.0005,
        "decay_all": False,
        "batch_size": 512,
        "labeled_share": 0.125,
        "frozen_through": "none",
    }

    threshold: float = param(
        0.95,
        "confidence on the weak view from which an unlabeled row has a pseudo-label",
        symbol="tau",
        source=_SOURCE,
        low=0.0,
        high=1.0,
    )
    lambda_u: float = param(
        1.0, "weight of the unlabeled term", symbol="lambda_u", source=_SOURCE, low=0.0
    )
    temperature: float = param(
        1.0,
        "what logits of the weak view are divided by before confidence is taken",
        symbol="T",
        source=_SOURCE,
        low=0.0,
        open_low=True,
    )
    ema_decay: float = param(
        0.999,
        "share of the evaluated weights that stays each step; 0 evaluates the trained ones",
        source=_SOURCE,
        low=0.0,
        high=1.0,
        open_high=True,
    )

    def __post_init__(self) -> None:
        check_ranges(self)


CONFIG = FixMatchConfig
"""What the table of methods hands out."""
