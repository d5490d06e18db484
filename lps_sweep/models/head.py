"""The head: scaled cosines between a feature vector and one weight vector per class."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional


class CosineHead(nn.Module):
    """Logits z_k = scale * cos(f, W_k), without bias.

    The weights start as uniform(-1, 1) with each class column scaled to norm 1, as in the
    reference code. Computed in the precision of the weights, also under autocast: a cosine in
    bfloat16 has steps of 0.004, which the scale multiplies.

    Attributes:
        weight: (feature_dim, num_classes), one column per class.
        scale: 0-d tensor, not part of the state dict: it is a setting.

    Args:
        feature_dim: Length d of a feature vector.
        num_classes: Number K of classes.
        scale: The largest logit possible.
        generator: Source of the initial weights, on the CPU.
    """

    scale: Tensor

    def __init__(
        self, feature_dim: int, num_classes: int, scale: float, generator: torch.Generator
    ) -> None:
        super().__init__()
        drawn = torch.rand(feature_dim, num_classes, generator=generator) * 2 - 1
        self.weight = nn.Parameter(functional.normalize(drawn, dim=0))
        self.register_buffer("scale", torch.tensor(float(scale)), persistent=False)

    def forward(self, features: Tensor) -> Tensor:
        """Features (B, feature_dim) -> logits (B, num_classes) in -scale..scale.

        A feature vector of zeros has logits of zero.
        """
        with torch.autocast(features.device.type, enabled=False):
            directions = functional.normalize(features.to(self.weight.dtype), dim=1)
            return self.scale * (directions @ functional.normalize(self.weight, dim=0))
