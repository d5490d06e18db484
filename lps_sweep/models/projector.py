"""The projection head of DINO without its last layer, which contrastive losses read."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from lps_sweep.models.linear import LinearHead

DEVIATION = 0.02
"""Standard deviation of the first weights (reference behaviour of DINO)."""


class Projector(nn.Module):
    """Two hidden layers with GELU, and a linear one.

    The first weights are normal, as DINO's, whose cut at a hundred deviations never comes into
    play; the first biases are zero. In the precision of the weights, also under autocast.

    Args:
        feature_dim: Length d of a feature vector.
        width: Units of each hidden layer.
        num_outputs: Length of a projection, which is not brought to length 1 here.
        generator: Source of the initial weights, on the CPU.
    """

    def __init__(
        self, feature_dim: int, width: int, num_outputs: int, generator: torch.Generator
    ) -> None:
        super().__init__()
        sizes = [(feature_dim, width), (width, width), (width, num_outputs)]
        first, second, last = (LinearHead(*size, generator) for size in sizes)
        for layer in (first, second, last):
            nn.init.normal_(layer.weight, std=DEVIATION, generator=generator)
            nn.init.zeros_(layer.bias)
        self.layers = nn.Sequential(first, nn.GELU(), second, nn.GELU(), last)

    def forward(self, features: Tensor) -> Tensor:
        """Features (B, feature_dim) -> projections (B, num_outputs)."""
        projections: Tensor = self.layers(features)
        return projections
