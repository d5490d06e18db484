"""The hyper-parameters of NACH."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from lps_sweep.params import check_ranges, param

_SOURCE = "behaviour of NACH's public forks; no official code was found"
_MAX_RANK = 1000


@dataclass(frozen=True)
class NACHConfig:
    """NACH's loss as its public forks compute it.

    Raises:
        BadInputError: A value is out of its range.
    """

    name: ClassVar[str] = "nach"
    own_recipe: ClassVar[Mapping[str, Any]] = {}

    neighbour_rank: int = param(
        2,
        "a neighbour is kept if at least as near as its labeled row of this rank by nearness",
        symbol="k",
        source=_SOURCE + ": 2 in those for CIFAR, 1 in another",
        low=1,
        high=_MAX_RANK,
    )
    lambda_seen: float = param(
        0.95,
        "confidence from which a row predicted seen counts",
        source=_SOURCE,
        low=0.0,
        high=1.0,
    )
    gap_scale: float = param(
        2.0,
        "how far the novel threshold goes below the seen one, per unit of the confidence gap",
        source=_SOURCE,
        low=0.0,
    )
    max_reduction: float = param(
        0.5,
        "how far the novel threshold goes below the seen one at most",
        source=_SOURCE,
        low=0.0,
        high=1.0,
    )
    gap_rule: Literal["guarded", "reference"] = param(
        "guarded",
        "guarded: the novel threshold is at most the seen one, and steps in which no row is "
        "predicted seen do not count in the gap; reference: neither, so that such a step leaves "
        "no threshold for an epoch",
        source="guarded is ours; reference is the " + _SOURCE,
        choices=("guarded", "reference"),
    )
    w_pairwise: float = param(1.0, "weight of the pairwise term", source=_SOURCE, low=0.0)
    w_pseudo: float = param(1.0, "weight of the pseudo-label term", source=_SOURCE, low=0.0)
    w_entropy: float = param(1.0, "weight of the entropy regulariser", source=_SOURCE, low=0.0)

    def __post_init__(self) -> None:
        check_ranges(self)


CONFIG = NACHConfig
"""What the table of methods hands out."""
