"""What the contrastive losses share: a similarity matrix; those of LPS, also numbers per row."""

from __future__ import annotations

import math
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor

ContrastNorm = Literal["cosine", "dot"]
UCRows = Literal["batch", "low_confidence"]


def similarity_to_others(vectors: Tensor, temperature: Tensor) -> Tensor:
    """Products of all pairs of rows over the temperature, -inf of a row with itself; (N, N).

    Args:
        vectors: (N, d).
        temperature: 0-d, > 0.
    """
    similarity = (vectors / temperature) @ vectors.T
    return similarity.fill_diagonal_(-math.inf)


def contrast_rows(
    views: Tensor,
    labels: Tensor,
    confident: Tensor,
    tau: Tensor,
    *,
    contrast_norm: ContrastNorm = "cosine",
    uc_neg: UCRows = "batch",
) -> Tensor:
    """-log of the mean over the positives P of exp(s / tau), over the sum over the others A.

    With s the cosine (reference) or dot product (paper) of two logit vectors, row i of 2B gives

        r_i = -log[ (1 / |P_i|) sum_{P_i} exp(s_ij / tau) / sum_{A_i} exp(s_ij / tau) ].

    Confident rows: P_i are the other confident views with the same label, A_i all other confident
    views. Low-confidence rows: P_i is the row's other view, A_i all other views of the batch, or
    those of low confidence. P_i and A_i always hold the row's other view, so neither is empty,
    and the log of the ratio is the cross-entropy over A_i less that over P_i with the other view
    as target: stable at any tau and any size of s.

    Args:
        views: (2B, K) logits, two views of the same B rows one after the other.
        labels: (B,) int64, >= 0, labels or pseudo-labels.
        confident: (B,) bool.
        tau: 0-d, temperature, > 0.
        contrast_norm: Similarity of two logit vectors.
        uc_neg: Where A_i of a low-confidence row comes from.

    Returns:
        (B,), the mean of the row's two views.
    """
    num_rows = labels.shape[0]
    vectors = F.normalize(views, dim=1) if contrast_norm == "cosine" else views
    similarity = similarity_to_others(vectors, tau)
    # A label of its own for each low-confidence row leaves its other view as only positive.
    groups = torch.where(confident, labels, torch.arange(-num_rows, 0, device=labels.device))
    positive = groups.unsqueeze(1) == groups
    same_side = confident.unsqueeze(1) == confident
    other = same_side if uc_neg == "low_confidence" else same_side | ~confident.unsqueeze(1)
    over_p, over_a = _surprise(similarity, positive), _surprise(similarity, other)
    num_positives = (2 * positive.sum(1) - 1).to(views.dtype)
    return num_positives.log() + (over_a - over_p).view(2, num_rows).mean(0)


def _surprise(similarity: Tensor, allowed: Tensor) -> Tensor:
    """(2B,), cross-entropy over the allowed pairs of rows, the other view being the target."""
    num_rows = allowed.shape[0]
    # (B, B) serves all four pairs of views; adding the bound is much faster than filling it in.
    bound = torch.where(allowed, 0.0, -math.inf).to(similarity.dtype).unsqueeze(1)
    bounded = (similarity.view(2, num_rows, 2, num_rows) + bound).view_as(similarity)
    other_view = torch.arange(2 * num_rows, device=similarity.device).roll(num_rows)
    return F.cross_entropy(bounded, other_view, reduction="none")
