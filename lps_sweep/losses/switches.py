"""Switching a term off by a weight that is a tensor: exactly zero, in value and gradient."""

from __future__ import annotations

import torch
from torch import Tensor


def frozen_unless(active: Tensor, x: Tensor) -> Tensor:
    """`x`, with gradient only where it is active.

    Elsewhere no gradient arrives, not even the NaN of zero times an infinity.

    Args:
        active: bool, broadcastable to `x`.
        x: What a term reads.
    """
    return torch.where(active, x, x.detach())


def cleared_unless(active: Tensor, x: Tensor) -> Tensor:
    """`x`, with gradient only where it is active, and with 0 for NaN and infinity elsewhere.

    For inputs that meet the active ones in a product: there a NaN would spread to them.
    """
    return torch.where(active, x, x.detach().nan_to_num(nan=0.0, posinf=0.0, neginf=0.0))


def weighted_sum(weights: Tensor, terms: Tensor) -> Tensor:
    """Sum of the products, 0-d; a weight of zero gives zero even where the term is not finite."""
    return torch.where(weights == 0, 0.0, weights * terms).sum()
