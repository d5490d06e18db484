"""Pairwise loss of ORCA: a row and its partner should get the same prediction."""

from __future__ import annotations

import torch
from torch import Tensor


def pairwise(logits: Tensor, partners: Tensor) -> Tensor:
    """Mean of -log <p_i, q_i>, p and q being the predictions for a row and for its partner.

    The product is the probability that both are of one class, if drawn independently: binary
    cross-entropy towards "same". Computed from log-probabilities, it needs no floor.

    Args:
        logits: (B, K), B >= 1.
        partners: (B, K), logits of each row's partner.

    Returns:
        0-d, >= 0.
    """
    same = torch.log_softmax(logits, dim=1) + torch.log_softmax(partners, dim=1)
    return -torch.logsumexp(same, dim=1).mean()
