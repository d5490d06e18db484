"""Assignments, targets and the loss of DTC: fixed shapes, no host synchronisation."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from lps_sweep.losses.switches import frozen_unless, weighted_sum
from lps_sweep.methods.hyper import at_least_float32


@dataclass(frozen=True)
class Weights:
    """What the terms count in the present epoch, 0-d each.

    Attributes:
        supervised: 1 while the seen classes are learnt, then 0.
        sharpening: 0 while the seen classes are learnt, then 1.
        consistency: w, 0 where there is none.
    """

    supervised: Tensor
    sharpening: Tensor
    consistency: Tensor


@dataclass(frozen=True)
class LossTerms:
    """The terms of one batch, 0-d and not weighted; gradients are those of `total`.

    Attributes:
        cross_entropy: Cross-entropy of the labeled rows over the seen classes.
        sharpening: KL(p || q) of the unlabeled rows, divided by rows and clusters.
        consistency: Mean squared difference of two assignments; 0 without a second one.
        total: The weighted sum.
        assignments: q, (n_u, K), detached.
    """

    cross_entropy: Tensor
    sharpening: Tensor
    consistency: Tensor
    total: Tensor
    assignments: Tensor


def log_assignments(outputs: Tensor, centres: Tensor) -> Tensor:
    """The logarithm of q, (n, K): q_ik is 1 / (1 + |z_i - mu_k|^2), and each row sums to 1.

    Args:
        outputs: z, (n, D).
        centres: mu, (K, D).
    """
    squares = (outputs.unsqueeze(1) - centres).square().sum(2)
    return F.log_softmax(-torch.log1p(squares), dim=1)


@torch.no_grad()
def target_distribution(assignments: Tensor) -> Tensor:
    """p, (N, K): p_ik is q_ik^2 / sum_i q_ik, and each row sums to 1.

    A cluster that nobody has any share of is not a target of anybody.

    Args:
        assignments: q, (N, K), of all unlabeled images.
    """
    smallest = torch.finfo(assignments.dtype).tiny
    weights = assignments.square() / assignments.sum(0).clamp(min=smallest)
    return weights / weights.sum(1, keepdim=True).clamp(min=smallest)


def moved(ensemble: Tensor, assignments: Tensor, decay: float) -> Tensor:
    """The temporal ensemble Z after one more epoch: decay Z + (1 - decay) q, both (N, K)."""
    return decay * ensemble + (1 - decay) * assignments


def corrected(ensemble: Tensor, decay: float, num_epochs: Tensor) -> Tensor:
    """Z without the zeros that it started from; zeros as long as no epoch was added.

    Args:
        ensemble: Z, (N, K).
        decay: As in `moved`.
        num_epochs: 0-d float, epochs added so far.
    """
    return torch.where(num_epochs > 0, ensemble / (1 - decay**num_epochs), ensemble)


def dtc_loss(
    outputs: Tensor,
    centres: Tensor,
    targets: Tensor,
    weights: Weights,
    *,
    seen_logits: Tensor,
    labels: Tensor,
    second: Tensor | None = None,
    ensemble: Tensor | None = None,
) -> LossTerms:
    """The loss of one batch, in at least float32, also under autocast.

    A term of weight zero adds nothing to `total` or its gradient, even where it is not finite.

    Args:
        outputs: z of the unlabeled rows, (n_u, D), first view.
        centres: mu, (K, D).
        targets: p of the unlabeled rows, (n_u, K), without gradient.
        weights: Of the terms.
        seen_logits: (n_l, S), of the labeled rows.
        labels: (n_l,) int64, below S.
        second: z of the unlabeled rows in the second view, which consistency is with.
        ensemble: Rows (n_u, K) of the temporal ensemble, which it is with, without gradient.
    """
    with torch.autocast(outputs.device.type, enabled=False):
        outputs, seen_logits = at_least_float32(outputs, seen_logits)
        supervised, sharpened = weights.supervised != 0, weights.sharpening != 0
        consistent = weights.consistency != 0
        centres = frozen_unless(sharpened | consistent, centres)
        log_q = log_assignments(frozen_unless(sharpened | consistent, outputs), centres)
        cross_entropy = _cross_entropy(frozen_unless(supervised, seen_logits), labels)
        log_ratio = torch.xlogy(targets, targets) - targets * frozen_unless(sharpened, log_q)
        sharpening = _mean(log_ratio)
        if second is not None:
            (second,) = at_least_float32(second)
            second, held = (frozen_unless(consistent, x) for x in (second, centres))
            ensemble = log_assignments(second, held).exp()
        consistency = sharpening.new_zeros(())
        if ensemble is not None:
            consistency = _mean((frozen_unless(consistent, log_q).exp() - ensemble).square())
        total = weighted_sum(
            torch.stack([weights.supervised, weights.sharpening, weights.consistency]),
            torch.stack([cross_entropy, sharpening, consistency]),
        )
        return LossTerms(cross_entropy, sharpening, consistency, total, log_q.exp().detach())


def _cross_entropy(logits: Tensor, labels: Tensor) -> Tensor:
    return F.cross_entropy(logits, labels) if labels.shape[0] else logits.new_zeros(())


def _mean(values: Tensor) -> Tensor:
    """The mean; zero of nothing."""
    return values.sum() / max(values.numel(), 1)
