"""The loss of NACH: fixed shapes, no host synchronisation, numbers as 0-d tensors."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from lps_sweep.losses.adaptive_margin import adaptive_margin
from lps_sweep.losses.distribution import PI_HAT_FLOOR, estimate_distribution
from lps_sweep.losses.entropy import negative_entropy
from lps_sweep.losses.pairwise import pairwise
from lps_sweep.losses.switches import frozen_unless, weighted_sum
from lps_sweep.methods.hyper import Hyper, at_least_float32
from lps_sweep.methods.orca.partners import partners
from lps_sweep.methods.protocol import TailOutput


@dataclass(frozen=True)
class Estimate:
    """What the model believes of a batch, from weak2 and without gradient.

    Attributes:
        confidence: (B,), largest probability.
        pseudo_labels: (B,) int64, predictions, of labeled rows too.
        mask: (B,) bool, confident.
        novel_threshold: 0-d.
        pi_hat: (K,), class distribution of the confident rows; uniform where there are none.
    """

    confidence: Tensor
    pseudo_labels: Tensor
    mask: Tensor
    novel_threshold: Tensor
    pi_hat: Tensor


@dataclass(frozen=True)
class LossTerms(Estimate):
    """The estimate and the terms of one batch, 0-d and not weighted.

    Attributes:
        partners: (B,) int64, whose weak2 each row of weak1 is paired with.
        cross_entropy: That of the labeled rows, on weak1.
        pairwise: Pairwise term of weak1 and the partners' weak2.
        pseudo: Aligned cross-entropy of the confident rows, on strong, over all rows.
        entropy: The regulariser R of weak1, between -log K and 0.
        total: cross_entropy + w_pairwise pairwise + w_pseudo pseudo + w_entropy entropy.
    """

    partners: Tensor
    cross_entropy: Tensor
    pairwise: Tensor
    pseudo: Tensor
    entropy: Tensor
    total: Tensor


@torch.no_grad()
def filtered_partners(features: Tensor, labels: Tensor, draws: Tensor, rank: int) -> Tensor:
    """ORCA's partners (B,), where an unlabeled row may refuse its own and is paired with itself.

    It keeps its nearest row j if it is at least as near to j as the labeled row of rank `rank`
    by nearness to j. A labeled j is its own first. With fewer labeled rows than `rank` no row
    refuses.

    Args:
        features: (B, d), labeled rows first.
        labels: (n_l,) int64, labels of the labeled rows.
        draws: (B,) uniform in [0, 1), for the labeled rows.
        rank: k, from 1.
    """
    found, num_labeled = partners(features, labels, draws), labels.shape[0]
    if num_labeled < rank:
        return found
    directions = F.normalize(features, dim=1)
    similarity = directions @ directions.T
    bound = similarity[:num_labeled].topk(rank, dim=0).values[-1]
    itself = torch.arange(found.shape[0], device=found.device)
    kept = similarity[itself, found] >= bound[found]
    kept[:num_labeled] = True
    return torch.where(kept, found, itself)


def gap_sums(confidence: Tensor, pseudo_labels: Tensor, num_seen: int, gap_rule: str) -> Tensor:
    """What one batch adds to the sums of an epoch, (4,).

    Mean confidence of the rows predicted seen and 1, the same for novel. Without a row predicted
    novel the mean is 0 (reference behaviour). Without one predicted seen it is NaN with the rule
    "reference"; with "guarded" mean and count are 0.

    Args:
        confidence: (B,), largest probabilities on weak2, of labeled rows too.
        pseudo_labels: (B,) int64, predictions.
        num_seen: Classes 0 to num_seen - 1 are seen.
        gap_rule: "guarded" or "reference".
    """
    seen = pseudo_labels < num_seen
    num_rows = torch.stack([seen.sum(), (~seen).sum()]).to(confidence.dtype)
    totals = torch.stack([torch.where(seen, confidence, 0.0), torch.where(seen, 0.0, confidence)])
    means = totals.sum(1) / num_rows.clamp(min=1)
    counts = torch.ones_like(means)
    if gap_rule == "reference":
        means[0] = torch.where(num_rows[0] == 0, torch.nan, means[0])
    else:
        counts[0] = num_rows[0].clamp(max=1)
    return torch.stack([means[0], counts[0], means[1], counts[1]])


def gap_of(sums: Tensor, before: Tensor) -> Tensor:
    """Mean confidence of predicted seen rows less that of predicted novel rows, 0-d.

    Both are means over steps of the means of `gap_sums`.

    Args:
        sums: (4,), from `gap_sums`, added up over an epoch.
        before: 0-d, what is given where no step counts.
    """
    means = sums[0::2] / sums[1::2]
    return torch.where(sums[1] == 0, before, means[0] - means[1])


def novel_threshold(gap: Tensor, hyper: Hyper) -> Tensor:
    """Confidence from which a row predicted novel counts, 0-d.

    With the rule "reference" a negative gap puts it above the seen threshold, and even above 1.
    """
    reduction = torch.minimum(hyper.gap_scale * gap, hyper.max_reduction)
    if hyper.gap_rule == "guarded":
        reduction = reduction.clamp(min=0)
    threshold: Tensor = hyper.lambda_seen - reduction
    return threshold


@torch.no_grad()
def estimate(weak2: Tensor, num_seen: int, gap: Tensor, hyper: Hyper) -> Estimate:
    """Predictions, confident rows and their class distribution, from logits (B, K)."""
    probabilities = torch.softmax(weak2, dim=1)
    confidence, pseudo_labels = probabilities.max(dim=1)
    of_novel = novel_threshold(gap.to(weak2.dtype), hyper)
    mask = confidence >= torch.where(pseudo_labels < num_seen, hyper.lambda_seen, of_novel)
    pi_hat = estimate_distribution(probabilities, mask)
    return Estimate(confidence, pseudo_labels, mask, of_novel, pi_hat)


def nach_terms(
    weak1: TailOutput,
    weak2: Tensor,
    strong: Tensor,
    labels: Tensor,
    *,
    draws: Tensor,
    num_seen: int,
    gap: Tensor,
    neighbour_rank: int,
    hyper: Hyper,
) -> LossTerms:
    """The loss of one batch, in at least float32, also under autocast.

    A term of weight zero adds nothing to `total` or its gradient, even where it is not finite.
    The features decide who is whose partner and get no gradient from that.

    Args:
        weak1: Output for the first weak view, labeled rows first.
        weak2: (B, K) logits of the same rows, second weak view.
        strong: (B, K), strong view.
        labels: (n_l,) int64, labels of the labeled rows.
        draws: (B,) uniform in [0, 1), for the partners of the labeled rows.
        num_seen: Classes 0 to num_seen - 1 are seen.
        gap: 0-d, of the previous epoch.
        neighbour_rank: k of the filter of pairs.
        hyper: Thresholds and weights.
    """
    with torch.autocast(weak2.device.type, enabled=False):
        first, second, strong, features = at_least_float32(
            weak1.logits, weak2, strong, weak1.features
        )
        given = estimate(second, num_seen, gap, hyper)
        found = filtered_partners(features, labels, draws, neighbour_rank)
        num_labeled, no_margin = labels.shape[0], torch.zeros_like(given.pi_hat)
        cross_entropy = adaptive_margin(first[:num_labeled], labels, no_margin)
        with_pairs = hyper.w_pairwise != 0
        pairs = pairwise(frozen_unless(with_pairs, first), frozen_unless(with_pairs, second)[found])
        # A prior of uniform shape would shift all logits of a row alike, so it is left out.
        aligned = frozen_unless(hyper.w_pseudo != 0, strong) + _log(given.pi_hat)
        pseudo = adaptive_margin(aligned, given.pseudo_labels, no_margin, given.mask)
        entropy = negative_entropy(frozen_unless(hyper.w_entropy != 0, first))
        weights = torch.stack([hyper.w_pairwise, hyper.w_pseudo, hyper.w_entropy])
        switched = weighted_sum(weights, torch.stack([pairs, pseudo, entropy]))
        return LossTerms(
            partners=found,
            cross_entropy=cross_entropy,
            pairwise=pairs,
            pseudo=pseudo,
            entropy=entropy,
            total=cross_entropy + switched,
            **vars(given),
        )


def _log(pi_hat: Tensor) -> Tensor:
    """Finite also for a class that no confident row may be of."""
    return pi_hat.clamp(min=PI_HAT_FLOOR).log()
