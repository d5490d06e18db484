"""The loss of LPS: fixed shapes, no host synchronisation, numbers as 0-d tensors."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from lps_sweep.losses.adaptive_margin import adaptive_margin, class_margins
from lps_sweep.losses.contrast import contrast_rows
from lps_sweep.losses.distribution import estimate_distribution, kl_divergences
from lps_sweep.losses.entropy import negative_entropy
from lps_sweep.losses.pseudo_label_contrastive import pseudo_label_contrastive
from lps_sweep.losses.switches import cleared_unless, frozen_unless, weighted_sum
from lps_sweep.losses.unsupervised_contrastive import unsupervised_contrastive
from lps_sweep.methods.hyper import Hyper, at_least_float32
from lps_sweep.methods.lps.thresholds import lambda_novel


@dataclass(frozen=True)
class Estimate:
    """What the model believes of a batch, from weak2 and without gradient.

    Attributes:
        pi_hat: (K,), estimated class distribution.
        kl_prior_to_estimate: 0-d, KL(uniform || pi_hat), the margin's factor by default.
        kl_estimate_to_prior: 0-d, KL(pi_hat || uniform), what the paper's Figure 4 shows.
        mask: (B,) bool, labeled or confident.
        pseudo_labels: (B,) int64, labels of labeled rows, predictions on weak2 of the others.
        confidence: (B,), largest probability on weak2.
    """

    pi_hat: Tensor
    kl_prior_to_estimate: Tensor
    kl_estimate_to_prior: Tensor
    mask: Tensor
    pseudo_labels: Tensor
    confidence: Tensor


@dataclass(frozen=True)
class LossTerms(Estimate):
    """The estimate, and the terms of one batch. Gradients are those of `total`.

    Attributes:
        margin_labeled: 0-d, adaptive margin loss of the labeled rows, on weak1.
        margin_unlabeled: 0-d, that of the confident unlabeled rows, on strong.
        pc: 0-d, pseudo-label contrastive clustering of weak2 and strong.
        uc: 0-d, unsupervised contrastive loss of weak2 and strong.
        entropy: 0-d, the regulariser R of weak1, between -log K and 0.
        total: 0-d, margin_labeled + margin_unlabeled + eta1 pc + eta2 uc + w_entropy entropy.
    """

    margin_labeled: Tensor
    margin_unlabeled: Tensor
    pc: Tensor
    uc: Tensor
    entropy: Tensor
    total: Tensor


@torch.no_grad()
def estimate(
    weak2: Tensor,
    labels: Tensor,
    hyper: Hyper,
    *,
    num_seen: int,
    progress: Tensor,
    pi_hat_before: Tensor | None = None,
) -> Estimate:
    """Pseudo-labels, confident rows and class distribution, equation 4.

    Args:
        weak2: (B, K) logits, float32 or float64, labeled rows first.
        labels: (n_l,) int64, labels of the labeled rows.
        hyper: Thresholds and `pi_ema`.
        num_seen: Classes 0 to num_seen - 1 are seen.
        progress: 0-d, in [0, 1).
        pi_hat_before: (K,), the previous estimate, of which `pi_ema` is kept; zeros or None
            where there is none.
    """
    num_labeled = labels.shape[0]
    probabilities = torch.softmax(weak2, dim=1)
    confidence, pseudo_labels = probabilities.max(dim=1)
    threshold_novel = lambda_novel(
        hyper.lambda_novel_shape,
        hyper.lambda_novel_start,
        hyper.lambda_novel_end,
        progress.to(weak2.dtype),
    )
    thresholds = torch.where(pseudo_labels < num_seen, hyper.lambda_seen, threshold_novel)
    mask = confidence >= thresholds
    mask[:num_labeled] = True
    pseudo_labels[:num_labeled] = labels
    pi_hat = estimate_distribution(probabilities, mask)
    if pi_hat_before is not None:
        kept = torch.where(pi_hat_before.sum() > 0, hyper.pi_ema, 0.0)
        pi_hat = kept * pi_hat_before + (1 - kept) * pi_hat
    prior_to_estimate, estimate_to_prior = kl_divergences(pi_hat)
    return Estimate(pi_hat, prior_to_estimate, estimate_to_prior, mask, pseudo_labels, confidence)


def loss_terms(
    weak1: Tensor, weak2: Tensor, strong: Tensor, num_labeled: int, given: Estimate, hyper: Hyper
) -> LossTerms:
    """The terms and their weighted sum, equation 8, with the estimate held fixed.

    A term of weight zero adds nothing to `total` or its gradient, even where it is not finite.

    Args:
        weak1: (B, K) logits, float32 or float64, labeled rows first.
        weak2: The same rows, second weak view.
        strong: The same rows, strong view.
        num_labeled: n_l.
        given: From `estimate`.
        hyper: Weights, C, tau and the switches.
    """
    kl = getattr(given, "kl_" + hyper.margin_kl)
    margins = class_margins(given.pi_hat, kl, hyper.C)
    targets = given.pseudo_labels
    margin_labeled = adaptive_margin(weak1[:num_labeled], targets[:num_labeled], margins)
    margin_unlabeled = adaptive_margin(
        strong[num_labeled:], targets[num_labeled:], margins, given.mask[num_labeled:]
    )
    pc, uc = _contrastive(weak2, strong, given, hyper)
    entropy = negative_entropy(frozen_unless(hyper.w_entropy != 0, weak1))
    weights = torch.stack([hyper.eta1, hyper.eta2, hyper.w_entropy])
    switched = weighted_sum(weights, torch.stack([pc, uc, entropy]))
    return LossTerms(
        margin_labeled=margin_labeled,
        margin_unlabeled=margin_unlabeled,
        pc=pc,
        uc=uc,
        entropy=entropy,
        total=margin_labeled + margin_unlabeled + switched,
        **vars(given),
    )


def _contrastive(
    weak2: Tensor, strong: Tensor, given: Estimate, hyper: Hyper
) -> tuple[Tensor, Tensor]:
    """PC and UC from one similarity matrix; rows that no term of weight reads are cleared."""
    with_pc, with_uc = hyper.eta1 != 0, hyper.eta2 != 0
    read_if_confident = with_pc | with_uc if hyper.uc_neg == "batch" else with_pc
    is_read = torch.where(given.mask, read_if_confident, with_uc)
    views = torch.stack([weak2, strong])
    rows = contrast_rows(
        cleared_unless(is_read.unsqueeze(1), views).flatten(0, 1),
        given.pseudo_labels,
        given.mask,
        hyper.tau,
        contrast_norm=hyper.contrast_norm,
        uc_neg=hyper.uc_neg,
    )
    rows = rows + (views.detach() * 0.0).sum((0, 2))  # reports NaN for a cleared row
    return (
        pseudo_label_contrastive(rows, given.mask),
        unsupervised_contrastive(rows, given.mask, uc_norm=hyper.uc_norm),
    )


def lps_terms(
    weak1: Tensor,
    weak2: Tensor,
    strong: Tensor,
    labels: Tensor,
    hyper: Hyper,
    *,
    num_seen: int,
    progress: Tensor,
    pi_hat_before: Tensor | None = None,
) -> LossTerms:
    """The loss of one batch, in at least float32, also under autocast.

    Args:
        weak1: (B, K) logits of the first weak view, labeled rows first.
        weak2: The same rows, second weak view: pseudo-labels, confidence and pi_hat come from it.
        strong: The same rows, strong view.
        labels: (n_l,) int64, labels of the labeled rows, below `num_seen`.
        hyper: Numbers and switches.
        num_seen: Classes 0 to num_seen - 1 are seen.
        progress: 0-d, in [0, 1).
        pi_hat_before: (K,), the previous estimate; zeros or None where there is none.
    """
    with torch.autocast(weak1.device.type, enabled=False):
        weak1, weak2, strong = at_least_float32(weak1, weak2, strong)
        given = estimate(
            weak2,
            labels,
            hyper,
            num_seen=num_seen,
            progress=progress,
            pi_hat_before=pi_hat_before,
        )
        return loss_terms(weak1, weak2, strong, labels.shape[0], given, hyper)
