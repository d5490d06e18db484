"""The hyper-parameters of ORCA."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from lps_sweep.config.fields import check_ranges, param


@dataclass(frozen=True)
class ORCAConfig:
    """ORCA's loss as its reference implementation computes it.

    Optimiser and schedule are the shared ones: a cosine, where ORCA's own code divides the
    learning rate by ten after 140 and 180 of 200 epochs.

    Raises:
        BadInputError: A value is out of its range.
    """

    name: ClassVar[str] = "orca"

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
