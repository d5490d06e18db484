"""The hyper-parameters of ORCA."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from lps_sweep.params import check_ranges, param


@dataclass(frozen=True)
class ORCAConfig:
    """ORCA's loss as its reference implementation computes it.

    Raises:
        BadInputError: A value is out of its range.
    """

    name: ClassVar[str] = "orca"
    own_recipe: ClassVar[Mapping[str, Any]] = {  # CIFAR: drops after 140 and 180 of 200 epochs
        "lr": 0.1,
        "lr_shape": "drops",
        "lr_first_drop": 0.7,
        "lr_drop_every": 0.2,
        "weight_decay": 5e-4,
        "batch_size": 512,
    }

    margin_scale: float = param(
        10.0,
        "margin per unit of mean uncertainty, in logits; 0 gives plain cross-entropy",
        symbol="s",
        source="reference behaviour of ORCA",
        low=0.0,
    )
    max_uncertainty: float = param(
        0.5,
        "a larger mean uncertainty counts as this one in the margin",
        source="reference behaviour of ORCA",
        low=0.0,
        high=1.0,
    )
    w_pairwise: float = param(
        1.0, "weight of the pairwise term", source="reference behaviour of ORCA", low=0.0
    )
    w_entropy: float = param(
        1.0,
        "weight of the entropy regulariser",
        source="reference behaviour of ORCA",
        low=0.0,
    )

    def __post_init__(self) -> None:
        check_ranges(self)


CONFIG = ORCAConfig
"""What the table of methods hands out."""
