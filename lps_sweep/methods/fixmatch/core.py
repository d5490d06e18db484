"""The loss of FixMatch: fixed shapes, no host synchronisation, numbers as 0-d tensors."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from lps_sweep.losses.switches import frozen_unless, weighted_sum
from lps_sweep.methods.hyper import Hyper, at_least_float32


@dataclass(frozen=True)
class FixMatchTerms:
    """The terms of one batch. Gradients are those of `total`.

    Attributes:
        labeled: 0-d, mean cross-entropy of the labeled rows on the weak view.
        unlabeled: 0-d, cross-entropy of the confident unlabeled rows on the strong view, over
            the number of all unlabeled rows.
        total: 0-d, labeled + lambda_u unlabeled.
        confidence: (B - n_l,), largest probability of an unlabeled row on the weak view.
        mask: (B - n_l,) bool, the confident unlabeled rows.
        pseudo_labels: (B - n_l,) int64, below S.
    """

    labeled: Tensor
    unlabeled: Tensor
    total: Tensor
    confidence: Tensor
    mask: Tensor
    pseudo_labels: Tensor


def fixmatch_terms(weak: Tensor, strong: Tensor, labels: Tensor, hyper: Hyper) -> FixMatchTerms:
    """The loss of one batch, in at least float32, also under autocast.

    A batch without labeled or without unlabeled rows has 0 for that term.

    Args:
        weak: (B, S) logits of a weak view, labeled rows first.
        strong: (B, S) logits of the strong view; its labeled rows are not read.
        labels: (n_l,) int64, labels of the labeled rows, below S.
        hyper: `threshold`, `lambda_u` and `temperature`.
    """
    num_labeled = labels.shape[0]
    with torch.autocast(weak.device.type, enabled=False):
        weak, strong = at_least_float32(weak, strong)
        with torch.no_grad():
            probabilities = torch.softmax(weak[num_labeled:] / hyper.temperature, dim=1)
            confidence, pseudo_labels = probabilities.max(dim=1)
            mask = confidence >= hyper.threshold
        labeled = F.cross_entropy(weak[:num_labeled], labels, reduction="sum")
        read = frozen_unless(hyper.lambda_u != 0, strong[num_labeled:])
        each = F.cross_entropy(read, pseudo_labels, reduction="none")
        labeled = labeled / max(num_labeled, 1)
        unlabeled = torch.where(mask, each, 0.0).sum() / max(each.shape[0], 1)
        total = labeled + weighted_sum(hyper.lambda_u, unlabeled)
    return FixMatchTerms(labeled, unlabeled, total, confidence, mask, pseudo_labels)
