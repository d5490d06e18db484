"""The hyper-parameters of RankStats."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from lps_sweep.params import MAX_COUNT, check_ranges, param

_CIFAR100 = "reference behaviour on CIFAR-100"


@dataclass(frozen=True)
class RankStatsConfig:
    """RankStats as its reference implementation computes it; the defaults are those of CIFAR-100.

    Raises:
        BadInputError: A value is out of its range.
    """

    name: ClassVar[str] = "rankstats"
    own_recipe: ClassVar[Mapping[str, Any]] = {  # joint training: one drop after 170 of 200 epochs
        "lr": 0.1,
        "lr_shape": "drops",
        "lr_first_drop": 0.85,
        "lr_drop_every": 1.0,
        "weight_decay": 0.0001,
        "batch_size": 128,
    }

    topk: int = param(
        5,
        "largest features of a row; two rows with the same set of them count as of one class",
        symbol="k",
        source="reference behaviour",
        low=1,
        high=MAX_COUNT,
    )
    rampup_coefficient: float = param(
        50.0,
        "weight of the consistency after its ramp",
        source=_CIFAR100 + "; CIFAR-10: 5, ImageNet: 10, incremental on CIFAR-100: 25",
        low=0.0,
    )
    rampup_length: int = param(
        150,
        "epochs of that ramp, from the start of the joint phase; 0: none",
        source=_CIFAR100 + "; CIFAR-10 and ImageNet: 50, incremental on CIFAR-100: 300",
        low=0,
        high=MAX_COUNT,
    )
    incremental: bool = param(
        False,
        "the first head learns all classes, the novel ones from what the second head predicts",
        source="reference behaviour: a variant of its own",
    )
    increment_coefficient: float = param(
        0.05,
        "weight of that term after the ramp",
        source="reference behaviour",
        low=0.0,
    )
    supervised_share: float = param(
        0.1,
        "share of the epochs, and at least one, that learn the seen classes first; 0: none",
        source="ours: the reference has 100 epochs before 200 joint ones",
        low=0.0,
        high=1.0,
        open_high=True,
    )

    def __post_init__(self) -> None:
        check_ranges(self)


CONFIG = RankStatsConfig
"""What the table of methods hands out."""
