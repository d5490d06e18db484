"""Pseudo-label contrastive clustering (PC), equation 6."""

from __future__ import annotations

import torch
from torch import Tensor


def pseudo_label_contrastive(rows: Tensor, confident: Tensor) -> Tensor:
    """Mean of the confident rows' contrast over both views, 0-d; zero with no confident row.

    The logarithm is outside the mean over the positives (paper and reference), unlike SupCon's.

    Args:
        rows: (B,), from `contrast_rows`.
        confident: (B,) bool, labeled or confident.
    """
    return torch.where(confident, rows, 0.0).sum() / confident.sum().clamp(min=1)
