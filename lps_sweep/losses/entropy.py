"""Entropy regulariser: keeps the mean prediction from falling onto few classes."""

from __future__ import annotations

import torch
from torch import Tensor

ENTROPY_FLOOR = 1e-8
"""Smallest mean probability inside the logarithm (reference behaviour)."""


def negative_entropy(logits: Tensor) -> Tensor:
    """R = sum_k p_k log p_k of the mean prediction p, 0-d, between -log K and 0.

    The paper's KL(p || uniform) is R + log K: the same gradient.

    Args:
        logits: (B, K), B >= 1, labeled and unlabeled rows.
    """
    mean = torch.softmax(logits, dim=1).mean(0)
    return torch.dot(mean, mean.clamp(min=ENTROPY_FLOOR).log())
