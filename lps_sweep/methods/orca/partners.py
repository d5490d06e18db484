"""With whom ORCA pairs each row of a batch."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor


@torch.no_grad()
def partners(features: Tensor, labels: Tensor, draws: Tensor) -> Tensor:
    """The partner of each row, (B,) int64.

    A labeled row is paired with a random other labeled row of its class, or with itself where
    there is none; an unlabeled row with the row of the whole batch whose features have the
    largest cosine with its own.

    Args:
        features: (B, d), labeled rows first.
        labels: (n_l,) int64, labels of the labeled rows.
        draws: (B,) uniform in [0, 1); a labeled row's says which of its class it gets.
    """
    num_labeled = labels.shape[0]
    return torch.cat((_of_same_class(labels, draws[:num_labeled]), _nearest(features, num_labeled)))


def _of_same_class(labels: Tensor, draws: Tensor) -> Tensor:
    """(n_l,): of c others of the class, in the order of the batch, number floor(draw * c)."""
    itself = torch.arange(labels.shape[0], device=labels.device)
    same = (labels.unsqueeze(1) == labels) & (itself.unsqueeze(1) != itself)
    place = same.cumsum(1)  # of a candidate among the candidates, from 1
    count = same.sum(1)
    wanted = torch.minimum((draws * count).long() + 1, count)
    chosen = (same & (place == wanted.unsqueeze(1))).to(torch.int8)
    # One column stands in front, so that an empty batch has a largest element too.
    found = F.pad(chosen, (1, 0)).argmax(dim=1) - 1
    return torch.where(count == 0, itself, found)


def _nearest(features: Tensor, num_labeled: int) -> Tensor:
    """(n_u,): the nearest other row of each unlabeled row; itself in a batch of one."""
    directions = F.normalize(features, dim=1)
    similarity = directions @ directions.T
    similarity.fill_diagonal_(-math.inf)
    return similarity[num_labeled:].argmax(dim=1)
