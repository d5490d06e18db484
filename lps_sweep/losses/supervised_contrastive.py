"""Supervised contrastive loss, with the logarithm inside the mean over the positives."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from lps_sweep.losses.contrast import similarity_to_others


def supervised_contrastive(
    first: Tensor, second: Tensor, labels: Tensor, temperature: Tensor
) -> Tensor:
    """Mean over the 2n projections of the mean over their positives of a log-ratio.

    With s the cosine over the temperature and P_i all other projections of the label of i, of
    both views, a projection i gives

        -(1 / |P_i|) sum over p in P_i of log[ exp(s_ip) / sum over j other than i of exp(s_ij) ].

    The row's other view is among P_i, so it is never empty. Unlabeled rows take no part.

    Args:
        first: (n, d), projections of one view of the labeled rows, of any length.
        second: (n, d), those of the other view of the same rows.
        labels: (n,) int64.
        temperature: 0-d, > 0.

    Returns:
        0-d; zero for n = 0.
    """
    if labels.shape[0] == 0:
        return first.sum() + second.sum()
    directions = F.normalize(torch.cat([first, second]), dim=1)
    log_ratios = F.log_softmax(similarity_to_others(directions, temperature), dim=1)
    both = labels.repeat(2)
    positive = (both.unsqueeze(1) == both).fill_diagonal_(False)
    sums = torch.where(positive, log_ratios, 0.0).sum(1)
    return -(sums / positive.sum(1)).mean()
