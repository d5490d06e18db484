"""The hyper-parameters of OpenNCD."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from lps_sweep.params import check_ranges, param

_SOURCE = "reference behaviour of OpenNCD"


@dataclass(frozen=True)
class OpenNCDConfig:
    """OpenNCD with a known number of classes, as its reference implementation computes it.

    Raises:
        BadInputError: A value is out of its range.
    """

    name: ClassVar[str] = "openncd"
    own_recipe: ClassVar[Mapping[str, Any]] = {  # 90 and 120 of 150 epochs
        "optimizer": "adam",
        "lr": 0.002,
        "weight_decay": 0.0,
        "lr_shape": "drops",
        "lr_first_drop": 0.6,
        "lr_drop_every": 0.2,
        "weak_views": "simclr",
    }

    tau: float = param(
        0.1,
        "temperature of the assignments to prototypes",
        symbol="tau",
        source=_SOURCE,
        low=0.0,
        open_low=True,
    )
    w_group: float = param(
        1.0, "weight of the term that compares the groups of two views", source=_SOURCE, low=0.0
    )
    w_classification: float = param(
        1.0,
        "weight of the cross-entropy of labeled rows after the warm-up",
        source=_SOURCE,
        low=0.0,
    )
    w_entropy: float = param(
        10.0, "weight of the divergence of prototypes from their prior", source=_SOURCE, low=0.0
    )
    prototypes_per_class: int = param(
        5,
        "prototypes over classes",
        source=_SOURCE + ": 50 for 10 classes, 500 for 100",
        low=2,
        high=1000,
    )
    projection_dim: int = param(
        32, "length of a projection and of a prototype", source=_SOURCE, low=1, high=65_536
    )
    nearest: int = param(
        10,
        "prototypes nearest to an image that count as adjacent to each other",
        source=_SOURCE + " on CIFAR-100; 3 on CIFAR-10",
        low=1,
        high=1000,
    )
    graph_mix: float = param(
        0.9,
        "share of adjacency in the graph that is cut into groups, cosines having the rest",
        symbol="lambda",
        source=_SOURCE + " on CIFAR-100; 1 on CIFAR-10",
        low=0.0,
        high=1.0,
    )
    warm_up_share: float = param(
        5 / 150,
        "share of training, at first, in which each prototype is a group and no label is read",
        source=_SOURCE + ": epochs 0 to 4 of 150",
        low=0.0,
        open_low=True,
        high=1.0,
    )
    grouping_share: float = param(
        65 / 150,
        "share of training, after that, in which groups are found anew before each epoch",
        source=_SOURCE + ": epochs 5 to 69 of 150",
        low=0.0,
        open_low=True,
        high=1.0,
    )

    def __post_init__(self) -> None:
        check_ranges(self)


CONFIG = OpenNCDConfig
"""What the table of methods hands out."""
