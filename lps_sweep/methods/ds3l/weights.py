"""The weight of an unlabeled row: a small network of what the classifier thinks of it."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from lps_sweep.models import LinearHead


class WeightNetwork(nn.Module):
    """w = sigmoid(A2 ReLU(A1 p + a1) + a2), between 0 and 1.

    Args:
        num_seen: S, the length of p.
        width: Hidden units.
        generator: Source of the initial weights, on the CPU.
    """

    def __init__(self, num_seen: int, width: int, generator: torch.Generator) -> None:
        super().__init__()
        self.hidden = LinearHead(num_seen, width, generator)
        self.out = LinearHead(width, 1, generator)

    def forward(self, probabilities: Tensor) -> Tensor:
        """Class probabilities (N, S) -> weights (N,)."""
        return torch.sigmoid(self.out(torch.relu(self.hidden(probabilities)))).squeeze(1)


def weight_optimizer(network: WeightNetwork, rate: float) -> torch.optim.Optimizer:
    """Adam of the weight network, as the reference has it."""
    return torch.optim.Adam(network.parameters(), lr=rate, fused=True)
