"""A plain linear head."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn


class LinearHead(nn.Linear):
    """Logits W f + b, in the precision of the weights, also under autocast.

    The first weights and biases are uniform between -1 / sqrt(d) and 1 / sqrt(d), as torch's own
    linear layer has them.

    Args:
        feature_dim: Length d of a feature vector.
        num_outputs: Length of the output.
        generator: Source of the initial weights, on the CPU.
    """

    def __init__(self, feature_dim: int, num_outputs: int, generator: torch.Generator) -> None:
        super().__init__(feature_dim, num_outputs, device="meta")
        bound = 1 / math.sqrt(feature_dim)
        for name, weight in list(self.named_parameters()):
            drawn = (2 * torch.rand(weight.shape, generator=generator) - 1) * bound
            setattr(self, name, nn.Parameter(drawn))

    def forward(self, features: Tensor) -> Tensor:
        """Features (B, feature_dim) -> (B, num_outputs)."""
        with torch.autocast(features.device.type, enabled=False):
            return super().forward(features.to(self.weight.dtype))
