"""Unsupervised contrastive loss (UC), equation 7."""

from __future__ import annotations

import torch
from torch import Tensor

from lps_sweep.losses.contrast import UCRows


def unsupervised_contrastive(
    rows: Tensor, confident: Tensor, *, uc_norm: UCRows = "batch"
) -> Tensor:
    """Sum of the low-confidence rows' contrast over B, or over their number; 0-d.

    Divided by the whole batch (reference) the term fades as confidence grows; divided by the
    low-confidence rows (paper) it does not. Zero with no low-confidence row.

    Args:
        rows: (B,), from `contrast_rows`.
        confident: (B,) bool, labeled or confident.
        uc_norm: What the sum is divided by.
    """
    if uc_norm == "batch":
        return torch.where(confident, 0.0, rows).mean()
    return torch.where(confident, 0.0, rows).sum() / (~confident).sum().clamp(min=1)
