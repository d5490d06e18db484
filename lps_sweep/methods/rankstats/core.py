"""The loss of RankStats: fixed shapes, no host synchronisation."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from lps_sweep.losses.switches import frozen_unless, weighted_sum
from lps_sweep.methods.hyper import at_least_float32

FLOOR = 1e-7
"""Added to each probability inside a logarithm (reference behaviour)."""


@dataclass(frozen=True)
class Heads:
    """Logits of one view, labeled rows first.

    Attributes:
        first: (B, S), over the seen classes; (B, S + M) with incremental learning.
        second: (B, M), over clusters.
    """

    first: Tensor
    second: Tensor


@dataclass(frozen=True)
class Weights:
    """What the terms besides the cross-entropy count in the present epoch, 0-d each.

    Attributes:
        pairwise: 0 while the seen classes are learnt, then 1.
        consistency: w.
        novel: Of the first head's cross-entropy on what the second one predicts.
    """

    pairwise: Tensor
    consistency: Tensor
    novel: Tensor


@dataclass(frozen=True)
class LossTerms:
    """The terms of one batch, 0-d and not weighted; gradients are those of `total`.

    Attributes:
        cross_entropy: Of the labeled rows, first head, first view.
        pairwise: Binary cross-entropy of the pairs of unlabeled rows, second head.
        consistency: Mean squared differences of the two views' probabilities, of both heads.
        cross_entropy_novel: Of the unlabeled rows, first head, first view; 0 without incremental
            learning.
        total: The weighted sum.
    """

    cross_entropy: Tensor
    pairwise: Tensor
    consistency: Tensor
    cross_entropy_novel: Tensor
    total: Tensor


@torch.no_grad()
def same_top(features: Tensor, topk: int) -> Tensor:
    """(n, n) bool: whether two rows have the same set of `topk` largest features.

    The order among them does not count. Rows of fewer features all have the same set. Which of
    equal features are among the largest is not defined.

    Args:
        features: (n, d).
        topk: From 1.
    """
    count = min(topk, features.shape[1])
    largest = features.topk(count, dim=1).indices
    marks = torch.zeros_like(features).scatter_(1, largest, 1.0)
    # Whole numbers up to `count`, which each precision of a product of matrices keeps.
    return marks @ marks.T > count - 0.5


def pairwise_by_rank(first: Tensor, second: Tensor, positive: Tensor) -> Tensor:
    """Binary cross-entropy of <p_i, p'_j> over all ordered pairs (i, j), i = j among them.

    Args:
        first: Logits (n, M) of the first view.
        second: Logits (n, M) of the second view of the same rows.
        positive: (n, n) bool, pairs that count as of one class.

    Returns:
        0-d, >= -1e-7; zero for n = 0.
    """
    same = torch.softmax(first, dim=1) @ torch.softmax(second, dim=1).T
    # Rounding can take a product above 1.
    right = torch.where(positive, same, (1 - same).clamp(min=0))
    return -(right + FLOOR).log().sum() / max(right.numel(), 1)


def consistency(first: Tensor, second: Tensor) -> Tensor:
    """Mean squared difference of the probabilities, 0-d; logits are (B, M), B >= 1."""
    return F.mse_loss(torch.softmax(first, dim=1), torch.softmax(second, dim=1))


def rankstats_loss(
    weak1: Heads,
    weak2: Heads,
    features: Tensor,
    labels: Tensor,
    weights: Weights,
    *,
    num_seen: int,
    topk: int,
) -> LossTerms:
    """The loss of one batch, in at least float32, also under autocast.

    A term of weight zero adds nothing to `total` or its gradient, even where it is not finite.
    While `weights.pairwise` is zero, the first head has its seen classes alone. Rows are told
    labeled by their place in the batch, never by a class.

    Args:
        weak1: Logits of the first weak view, labeled rows first.
        weak2: The same rows, second weak view.
        features: (B, d), of the first weak view; they tell which pairs are positive and get no
            gradient.
        labels: (n_l,) int64, labels of the labeled rows, below `num_seen`.
        weights: Of the terms.
        num_seen: S. A first head of more than S outputs learns incrementally.
        topk: How many of the largest features are compared.
    """
    num_labeled = labels.shape[0]
    with torch.autocast(features.device.type, enabled=False):
        first1, second1, features = at_least_float32(weak1.first, weak1.second, features)
        first2, second2 = at_least_float32(weak2.first, weak2.second)
        paired, consistent = weights.pairwise != 0, weights.consistency != 0
        cross_entropy = _labeled(first1[:num_labeled], labels, num_seen, paired)
        pairs = pairwise_by_rank(
            frozen_unless(paired, second1[num_labeled:]),
            frozen_unless(paired, second2[num_labeled:]),
            same_top(features[num_labeled:], topk),
        )
        between_views = cross_entropy.new_zeros(())
        for one, other in ((first1, first2), (second1, second2)):
            read = frozen_unless(consistent, one), frozen_unless(consistent, other)
            between_views = between_views + consistency(*read)
        novel = cross_entropy.new_zeros(())
        if first1.shape[1] > num_seen:
            predicted = frozen_unless(weights.novel != 0, first1[num_labeled:])
            novel = _cross_entropy(predicted, num_seen + second1[num_labeled:].argmax(dim=1))
        switched = weighted_sum(
            torch.stack([weights.pairwise, weights.consistency, weights.novel]),
            torch.stack([pairs, between_views, novel]),
        )
        return LossTerms(cross_entropy, pairs, between_views, novel, cross_entropy + switched)


def _labeled(logits: Tensor, labels: Tensor, num_seen: int, is_open: Tensor) -> Tensor:
    """Cross-entropy over all outputs, or over the seen classes alone where it is not open."""
    is_seen = torch.arange(logits.shape[1], device=logits.device) < num_seen
    return _cross_entropy(torch.where(is_seen | is_open, logits, -math.inf), labels)


def _cross_entropy(logits: Tensor, targets: Tensor) -> Tensor:
    """The mean; zero of no rows."""
    return F.cross_entropy(logits, targets) if targets.shape[0] else logits.new_zeros(())
