"""The settings of SimCLR + k-means."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from lps_sweep.params import check_ranges, param

_SOURCE = "not stated in the paper"
_MAX_SEED = 2**32 - 1


@dataclass(frozen=True)
class SimCLRKMeansConfig:
    """k-means of the pre-trained network's features. Neither labels nor the trial's seed enter.

    Raises:
        BadInputError: A value is out of its range.
    """

    name: ClassVar[str] = "simclr_kmeans"
    own_recipe: ClassVar[Mapping[str, Any]] = {}
    trains: ClassVar[bool] = False

    n_init: int = param(
        10, "runs of k-means, of which the best is taken", source=_SOURCE, low=1, high=10_000
    )
    kmeans_seed: int = param(
        0, "seed of the first centres of k-means", source=_SOURCE, low=0, high=_MAX_SEED
    )

    def __post_init__(self) -> None:
        check_ranges(self)


CONFIG = SimCLRKMeansConfig
"""What the table of methods hands out."""
