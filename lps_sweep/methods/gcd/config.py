"""The hyper-parameters of GCD."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from lps_sweep.params import MAX_COUNT, MAX_SEED, check_ranges, param

_SCRIPT = "GCD's published script"
_CODE = "default of GCD's code"
_HEAD = "head of DINO up to its bottleneck, which GCD takes"
_MAX_WIDTH = 65_536


@dataclass(frozen=True)
class GCDConfig:
    """GCD's losses on a projection, and its semi-supervised k-means for prediction.

    Raises:
        BadInputError: A value is out of its range.
    """

    name: ClassVar[str] = "gcd"
    own_recipe: ClassVar[Mapping[str, Any]] = {  # labeled and unlabeled rows 1:1
        "lr": 0.1,
        "lr_end_factor": 0.001,
        "weight_decay": 5e-5,
        "batch_size": 128,
        "labeled_share": 0.5,
    }

    w_supervised: float = param(
        0.35,
        "share of the supervised contrastive term; the contrastive term has the rest",
        symbol="lambda",
        source=_SCRIPT,
        low=0.0,
        high=1.0,
    )
    contrastive_temperature: float = param(
        1.0,
        "temperature of the contrastive term of all rows",
        symbol="tau",
        source=_CODE + ", which its script keeps",
        low=0.0,
        open_low=True,
    )
    supervised_temperature: float = param(
        0.07,
        "temperature of the contrastive term of the labeled rows",
        symbol="tau",
        source=_CODE,
        low=0.0,
        open_low=True,
    )
    projector_width: int = param(
        2048, "units of each hidden layer of the projector", source=_HEAD, low=1, high=_MAX_WIDTH
    )
    projector_dim: int = param(256, "length of a projection", source=_HEAD, low=1, high=_MAX_WIDTH)
    n_init: int = param(
        100,
        "runs of k-means after the last epoch, of which the best is taken; one after each other",
        source=_SCRIPT,
        low=1,
        high=10_000,
    )
    kmeans_iterations: int = param(
        200, "most iterations of a run of k-means", source=_SCRIPT, low=1, high=MAX_COUNT
    )
    kmeans_tolerance: float = param(
        1e-4,
        "a run of k-means ends once the squared sum of the moves of its centres is smaller",
        source=_CODE,
        low=0.0,
    )
    kmeans_seed: int = param(
        0, "seed of the first centres of k-means", source=_CODE, low=0, high=MAX_SEED
    )

    def __post_init__(self) -> None:
        check_ranges(self)


CONFIG = GCDConfig
"""What the table of methods hands out."""
