"""The hyper-parameters of DTC."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from lps_sweep.params import MAX_COUNT, MAX_SEED, check_ranges, param

_CIFAR100 = "reference behaviour of DTC on CIFAR-100"


@dataclass(frozen=True)
class DTCConfig:
    """DTC as its reference implementation computes it; the defaults are those of CIFAR-100.

    That is the published setting with the most classes of the three, and its variant `te` uses
    all that DTC has: centres, renewed targets and the temporal ensemble. CIFAR-10's is variant
    `pi` with targets renewed every 5 epochs, ImageNet's variant `tep`.

    Raises:
        BadInputError: A value is out of its range.
    """

    name: ClassVar[str] = "dtc"
    own_recipe: ClassVar[Mapping[str, Any]] = {  # CIFAR-100: halved every 20 of 100 epochs
        "lr": 0.05,
        "lr_shape": "drops",
        "lr_first_drop": 0.2,
        "lr_drop_every": 0.2,
        "lr_drop_factor": 0.5,
        "weight_decay": 1e-05,
        "batch_size": 128,
        "frozen_through": "none",
    }

    variant: Literal["baseline", "pi", "te", "tep"] = param(
        "te",
        "consistency: none, with the second view, with the temporal ensemble; tep: none, and the "
        "targets come from the ensemble",
        source=_CIFAR100 + "; CIFAR-10: pi, ImageNet: tep",
        choices=("baseline", "pi", "te", "tep"),
    )
    supervised_share: float = param(
        0.1,
        "share of the epochs, and at least one, that learn the seen classes first; 0: none",
        source="ours: the reference starts from a network trained on the seen classes elsewhere",
        low=0.0,
        high=1.0,
        open_high=True,
    )
    warm_up_share: float = param(
        0.3,
        "share of the epochs, and at least one, that keep the first targets; 0: none",
        source=_CIFAR100 + ": 30 epochs before 100; on CIFAR-10 10",
        low=0.0,
        high=1.0,
        open_high=True,
    )
    target_interval: int = param(
        10,
        "epochs between two renewals of the targets",
        source=_CIFAR100 + "; CIFAR-10: 5",
        low=1,
        high=MAX_COUNT,
    )
    rampup_coefficient: float = param(
        10.0, "weight of the consistency after its ramp", source="reference behaviour", low=0.0
    )
    rampup_length: int = param(
        5,
        "epochs of that ramp, from the end of the warm-up; 0: none",
        source="reference behaviour",
        low=0,
        high=MAX_COUNT,
    )
    ensemble_decay: float = param(
        0.6,
        "share of the temporal ensemble that stays at each epoch",
        symbol="alpha",
        source="reference behaviour",
        low=0.0,
        high=1.0,
        open_high=True,
    )
    n_init: int = param(
        20,
        "runs of k-means for the first centres, of which the best is taken",
        source="reference behaviour",
        low=1,
        high=10_000,
    )
    kmeans_seed: int = param(
        0, "seed of k-means", source="ours: the reference has none", low=0, high=MAX_SEED
    )

    def __post_init__(self) -> None:
        check_ranges(self)


CONFIG = DTCConfig
"""What the table of methods hands out."""
