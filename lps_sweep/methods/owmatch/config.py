"""The hyper-parameters of OwMatch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from lps_sweep.params import check_ranges, param

_SOURCE = "reference behaviour of OwMatch"


@dataclass(frozen=True)
class OwMatchConfig:
    """OwMatch's loss as its reference implementation computes it, without its small crops.

    Raises:
        BadInputError: A value is out of its range.
    """

    name: ClassVar[str] = "owmatch"
    own_recipe: ClassVar[Mapping[str, Any]] = {  # nothing is frozen
        "frozen_through": "none",
    }

    epsilon: float = param(
        0.05,
        "temperature of the assignment, in cosines; smaller gives harder codes",
        symbol="epsilon",
        source=_SOURCE,
        low=0.0,
        open_low=True,
    )
    num_rounds: int = param(10, "rounds of the assignment", source=_SOURCE, low=1, high=1000)
    queue_length: int = param(
        1024,
        "earlier rows of each weak view that are assigned together with a batch",
        source=_SOURCE,
        low=1,
        high=1_000_000,
    )
    threshold_kept: float = param(
        0.99,
        "share of their former value that the means behind the thresholds keep each step",
        symbol="alpha",
        source=_SOURCE,
        low=0.0,
        high=1.0,
    )
    threshold_start: float = param(
        0.5,
        "what the means behind the thresholds start from",
        source=_SOURCE + ", its scripts; -1 without them",
        low=0.0,
        high=1.0,
        open_low=True,
    )
    threshold_floor: float = param(
        0.3, "smallest threshold of a class", source=_SOURCE, low=0.0, high=1.0
    )
    w_clustering: float = param(
        1.0, "weight of the cross-entropy with the codes", source=_SOURCE, low=0.0
    )
    w_confidence: float = param(1.0, "weight of the pseudo-label term", source=_SOURCE, low=0.0)
    ema_decay: float = param(
        0.999,
        "share of the evaluated weights that stays each step; 0 evaluates the trained ones",
        source=_SOURCE + ", without its decay of the trained weights by 2e-5 a step; the share is "
        "that of FixMatch",
        low=0.0,
        high=1.0,
        open_high=True,
    )

    def __post_init__(self) -> None:
        check_ranges(self)


CONFIG = OwMatchConfig
"""What the table of methods hands out."""
