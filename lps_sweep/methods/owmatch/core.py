"""The loss of OwMatch: fixed shapes, no host synchronisation, numbers as 0-d tensors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from lps_sweep.losses.adaptive_margin import adaptive_margin
from lps_sweep.losses.switches import frozen_unless, weighted_sum
from lps_sweep.methods.hyper import Hyper, at_least_float32
from lps_sweep.methods.owmatch.assignment import Queue, assignment, with_labels
from lps_sweep.methods.owmatch.thresholds import Means


@dataclass(frozen=True)
class Memory:
    """What a step leaves to the next.

    Attributes:
        weak1: Queue of the first weak view.
        weak2: That of the second.
        means: Behind the thresholds.
    """

    weak1: Queue
    weak2: Queue
    means: Means


@dataclass(frozen=True)
class LossTerms:
    """The terms of one batch; gradients are those of `total`.

    Attributes:
        codes: Soft labels (B, K) of weak1 and of weak2, without gradient.
        thresholds: (K,), before the step.
        mask: (B,) bool, confident.
        pseudo_labels: (B,) int64, predictions on weak2, of labeled rows too.
        supervised: 0-d, cross-entropy of the labeled rows, on weak1.
        clustering: 0-d, cross-entropy with the codes, all rows.
        confidence: 0-d, cross-entropy of the confident rows, on strong, over all rows.
        total: 0-d, supervised + w_clustering clustering + w_confidence confidence.
        memory: With this batch in the queues and in the means.
    """

    codes: tuple[Tensor, Tensor]
    thresholds: Tensor
    mask: Tensor
    pseudo_labels: Tensor
    supervised: Tensor
    clustering: Tensor
    confidence: Tensor
    total: Tensor
    memory: Memory


@torch.no_grad()
def code(
    logits: Tensor, labels: Tensor, queue: Queue, hyper: Hyper, scale: float, num_rounds: int
) -> tuple[Tensor, Queue]:
    """The codes (B, K) of a batch, and the queue with the batch in it, which is assigned as one.

    Args:
        logits: (B, K), `scale` times cosines, labeled rows first.
        labels: (n_l,) int64; the logit of a label is raised to `scale` before.
        queue: Of the same view.
        hyper: `epsilon` and `queue_length`.
        scale: Largest logit possible.
        num_rounds: Rounds of the assignment.
    """
    hard = with_labels(logits, labels, scale)
    after = queue.after(hard, hyper.queue_length)
    codes = assignment(after.rows / (scale * hyper.epsilon), after.filled, num_rounds)
    return codes[-logits.shape[0] :], after


def owmatch_terms(
    weak1: Tensor,
    weak2: Tensor,
    strong: Tensor,
    labels: Tensor,
    memory: Memory,
    hyper: Hyper,
    *,
    num_seen: int,
    scale: float,
    num_rounds: int,
    crops: Sequence[Tensor] = (),
) -> LossTerms:
    """The loss of one batch, in at least float32, also under autocast.

    A term of weight zero adds nothing to `total` or its gradient, even where it is not finite.

    Args:
        weak1: (B, K) logits of the first weak view, labeled rows first.
        weak2: The same rows, second weak view: predictions and confidence come from it.
        strong: The same rows, strong view.
        labels: (n_l,) int64, labels of the labeled rows.
        memory: What the step before left.
        hyper: Numbers.
        num_seen: Classes 0 to num_seen - 1 are seen.
        scale: Largest logit possible.
        num_rounds: Rounds of the assignment.
        crops: Logits (B, K) of small crops of the same rows. With any, weak2 gives the codes
            alone, and weak1 and the crops are to agree with them.
    """
    with torch.autocast(weak1.device.type, enabled=False):
        weak1, weak2, strong, *crops = at_least_float32(weak1, weak2, strong, *crops)
        first, second = weak1.detach(), weak2.detach()
        code1, queue1 = code(first, labels, memory.weak1, hyper, scale, num_rounds)
        code2, queue2 = code(second, labels, memory.weak2, hyper, scale, num_rounds)
        clustering = _clustering(
            [frozen_unless(hyper.w_clustering != 0, x) for x in (weak1, weak2, *crops)],
            (code1, code2),
        )
        thresholds, mask, predicted, means = _judged(second, memory.means, num_seen, hyper)
        no_margin = torch.zeros_like(thresholds)
        supervised = adaptive_margin(weak1[: labels.shape[0]], labels, no_margin)
        confidence = adaptive_margin(
            frozen_unless(hyper.w_confidence != 0, strong), predicted, no_margin, mask
        )
        weights = torch.stack([hyper.w_clustering, hyper.w_confidence])
        switched = weighted_sum(weights, torch.stack([clustering, confidence]))
        return LossTerms(
            codes=(code1, code2),
            thresholds=thresholds,
            mask=mask,
            pseudo_labels=predicted,
            supervised=supervised,
            clustering=clustering,
            confidence=confidence,
            total=supervised + switched,
            memory=Memory(queue1, queue2, means),
        )


@torch.no_grad()
def _judged(
    weak2: Tensor, means: Means, num_seen: int, hyper: Hyper
) -> tuple[Tensor, Tensor, Tensor, Means]:
    """Thresholds (K,), confident rows, predictions (B,) of logits (B, K), and the means after."""
    probabilities = torch.softmax(weak2, dim=1)
    largest, predicted = probabilities.max(dim=1)
    thresholds = means.thresholds(num_seen, hyper.threshold_floor)
    after = means.after(probabilities, num_seen, hyper.threshold_kept)
    return thresholds, largest > thresholds[predicted], predicted, after


def _clustering(views: Sequence[Tensor], codes: tuple[Tensor, Tensor]) -> Tensor:
    """Mean cross-entropy with the codes, of weak1, weak2 and the crops, 0-d."""
    weak1, weak2, *crops = views
    pairs = [(x, codes[1]) for x in (weak1, *crops)]
    if not crops:
        pairs.append((weak2, codes[0]))
    rows = [-(wanted * torch.log_softmax(x, dim=1)).sum(1) for x, wanted in pairs]
    return torch.stack(rows).mean()
