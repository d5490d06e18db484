"""The loss of GCD: fixed shapes, no host synchronisation, numbers as 0-d tensors."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from lps_sweep.losses.supervised_contrastive import supervised_contrastive
from lps_sweep.losses.switches import frozen_unless, weighted_sum
from lps_sweep.losses.view_contrastive import view_contrastive
from lps_sweep.methods.hyper import Hyper, at_least_float32


@dataclass(frozen=True)
class GCDTerms:
    """The terms of one batch, 0-d and not weighted; gradients are those of `total`.

    Attributes:
        contrastive: Contrastive loss of the two views, all rows.
        supervised_contrastive: That of the labels, labeled rows alone; 0 where there are none.
        total: (1 - w_supervised) contrastive + w_supervised supervised_contrastive.
    """

    contrastive: Tensor
    supervised_contrastive: Tensor
    total: Tensor


def gcd_terms(first: Tensor, second: Tensor, labels: Tensor, hyper: Hyper) -> GCDTerms:
    """The loss of one batch, in at least float32, also under autocast.

    A term of weight zero adds nothing to `total` or its gradient, even where it is not finite.

    Args:
        first: (B, d), projections of one weak view, of any length, labeled rows first.
        second: (B, d), those of the other one.
        labels: (n_l,) int64, labels of the labeled rows.
        hyper: Weight and temperatures.
    """
    with torch.autocast(first.device.type, enabled=False):
        first, second = at_least_float32(first, second)
        num_labeled = labels.shape[0]
        weights = torch.stack([1 - hyper.w_supervised, hyper.w_supervised])
        of_all, of_labeled = weights[0] != 0, weights[1] != 0
        contrastive = view_contrastive(
            frozen_unless(of_all, first),
            frozen_unless(of_all, second),
            hyper.contrastive_temperature,
        )
        supervised = supervised_contrastive(
            frozen_unless(of_labeled, first[:num_labeled]),
            frozen_unless(of_labeled, second[:num_labeled]),
            labels,
            hyper.supervised_temperature,
        )
        total = weighted_sum(weights, torch.stack([contrastive, supervised]))
        return GCDTerms(contrastive, supervised, total)
