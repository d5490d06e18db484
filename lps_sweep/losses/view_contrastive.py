"""Contrastive loss of two views of each row, as in SimCLR; it reads no label."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from lps_sweep.losses.contrast import similarity_to_others


def view_contrastive(first: Tensor, second: Tensor, temperature: Tensor) -> Tensor:
    """Mean over the 2B projections of the cross-entropy with the row's other view as target.

    With s the cosine over the temperature, a projection i with other view i' gives

        -log[ exp(s_ii') / sum over all 2B - 1 projections j other than i of exp(s_ij) ].

    Args:
        first: (B, d), projections of one view, of any length.
        second: (B, d), those of the other view of the same rows.
        temperature: 0-d, > 0.

    Returns:
        0-d, >= 0; zero for B = 0 and for B = 1, where nothing else is in sight.
    """
    num_rows = first.shape[0]
    if num_rows == 0:
        return first.sum() + second.sum()
    directions = F.normalize(torch.cat([first, second]), dim=1)
    other_view = torch.arange(2 * num_rows, device=first.device).roll(num_rows)
    return F.cross_entropy(similarity_to_others(directions, temperature), other_view)
