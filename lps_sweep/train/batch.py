"""A batch, as the members of a Run get it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import torch
from torch import Tensor


@dataclass(frozen=True)
class Batch:
    """What the members of a Run are given for one step.

    Attributes:
        views: The trunk's activations (B, ...) per view, labeled rows first.
        labels: Class ids (n_l,) of the labeled rows. No other label comes in here.
        draws: (B,) float32, uniform in [0, 1).
        rows: (B,) int64, which training images these are.
    """

    views: Mapping[str, Tensor]
    labels: Tensor
    draws: Tensor
    rows: Tensor = field(default_factory=lambda: torch.empty(0, dtype=torch.int64))
