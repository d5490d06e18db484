"""The loss of SimGCD: fixed shapes, no host synchronisation, numbers as 0-d tensors."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from lps_sweep.losses.entropy import negative_entropy
from lps_sweep.losses.supervised_contrastive import supervised_contrastive
from lps_sweep.losses.switches import frozen_unless, weighted_sum
from lps_sweep.losses.view_contrastive import view_contrastive
from lps_sweep.methods.hyper import Hyper, at_least_float32
from lps_sweep.methods.simgcd.config import SimGCDConfig

PUBLISHED_EPOCHS = 200
"""Length of the trainings for which the warm-up is published."""


@dataclass(frozen=True)
class LossTerms:
    """The terms of one batch, 0-d and not weighted; gradients are those of `total`.

    Attributes:
        cross_entropy: That of the labeled rows, of both views.
        distillation: Cross-entropy of each view with the other's sharper prediction, all rows.
        mean_entropy: log K less the entropy of the mean prediction of both views, >= 0.
        contrastive: Contrastive term of the projections of all rows.
        supervised_contrastive: That of the labeled rows, by label.
        total: With the share l of `w_supervised`, (1 - l) (distillation + w_mean_entropy
            mean_entropy + contrastive) + l (cross_entropy + supervised_contrastive).
    """

    cross_entropy: Tensor
    distillation: Tensor
    mean_entropy: Tensor
    contrastive: Tensor
    supervised_contrastive: Tensor
    total: Tensor


def teacher_temperature(config: SimGCDConfig, epoch: int, num_epochs: int) -> float:
    """What cosines are divided by for the targets of distillation, in an epoch from 0.

    Of n points on the line from start to end the first is that of epoch 0; the last stays.
    """
    point = float(epoch)
    if config.warm_up_clock == "training":
        point *= PUBLISHED_EPOCHS / num_epochs
    last = config.warm_up_points - 1
    covered = min(point / last, 1.0) if last else float(point >= 1)
    start, end = config.teacher_temperature_start, config.teacher_temperature_end
    return start + (end - start) * covered


def distillation(cosines: Tensor, others: Tensor, student: Tensor, teacher: Tensor) -> Tensor:
    """Mean cross-entropy of the rows' predictions with those of their other view, 0-d.

    Args:
        cosines: (B, K).
        others: (B, K), of the other view of the same rows; they get no gradient.
        student: 0-d, temperature of the predictions.
        teacher: 0-d, temperature of the other view's.
    """
    targets = torch.softmax(others.detach() / teacher, dim=1)
    return -(targets * torch.log_softmax(cosines / student, dim=1)).sum(1).mean()


def simgcd_terms(
    first: tuple[Tensor, Tensor],
    second: tuple[Tensor, Tensor],
    labels: Tensor,
    *,
    teacher: Tensor,
    hyper: Hyper,
) -> LossTerms:
    """The loss of one batch, in at least float32, also under autocast.

    A term of weight zero adds nothing to `total` or its gradient, even where it is not finite.

    Args:
        first: Cosines (B, K) with the class weights, and projections (B, d), of the first weak
            view, labeled rows first.
        second: The same rows, second weak view.
        labels: (n_l,) int64, labels of the labeled rows.
        teacher: 0-d, from `teacher_temperature`.
        hyper: Weights and temperatures.
    """
    with torch.autocast(first[0].device.type, enabled=False):
        share, num_labeled = hyper.w_supervised, labels.shape[0]
        weights = torch.stack(
            [share, 1 - share, (1 - share) * hyper.w_mean_entropy, 1 - share, share]
        )
        read = at_least_float32(*first, *second)
        cross, distilled, mean, contrasted, by_label = (
            [frozen_unless(weight != 0, x) for x in read] for weight in weights
        )
        tau = hyper.student_temperature
        labeled = torch.cat([cross[0][:num_labeled], cross[2][:num_labeled]])
        both_ways = (
            distillation(distilled[0], distilled[2], tau, teacher),
            distillation(distilled[2], distilled[0], tau, teacher),
        )
        entropy = negative_entropy(torch.cat([mean[0], mean[2]]) / tau)
        terms = (
            _cross_entropy(labeled / tau, labels.repeat(2)),
            (both_ways[0] + both_ways[1]) / 2,
            math.log(first[0].shape[1]) + entropy,
            view_contrastive(contrasted[1], contrasted[3], hyper.contrastive_temperature),
            supervised_contrastive(
                by_label[1][:num_labeled],
                by_label[3][:num_labeled],
                labels,
                hyper.supervised_temperature,
            ),
        )
        return LossTerms(*terms, total=weighted_sum(weights, torch.stack(terms)))


def _cross_entropy(logits: Tensor, labels: Tensor) -> Tensor:
    """Mean over the rows, 0-d; zero where there are none."""
    return F.cross_entropy(logits, labels) if labels.shape[0] else logits.sum()
