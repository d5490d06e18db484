"""The settings of an open-world evaluation that rejects rows; loads no torch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from lps_sweep.params import MAX_SEED, param

_SOURCE = "not stated in the paper"


@dataclass(frozen=True)
class RejectionConfig:
    """How a classifier of the seen classes is evaluated in an open world."""

    rejection_threshold: float = param(
        0.95,
        "score from which an image gets the seen class predicted; the others are clustered",
        source=_SOURCE,
        low=0.0,
        high=1.0,
    )
    cluster_on: Literal["directions", "features"] = param(
        "directions",
        "what of the rejected images is clustered: features of length 1, or as they are",
        source=_SOURCE,
        choices=("directions", "features"),
    )
    n_init: int = param(
        10,
        "runs of k-means after the last epoch, of which the best is taken; one after each other",
        source=_SOURCE,
        low=1,
        high=10_000,
    )
    kmeans_seed: int = param(
        0, "seed of the first centres of k-means", source=_SOURCE, low=0, high=MAX_SEED
    )
