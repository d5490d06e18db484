"""The loss of OpenNCD: fixed shapes, no host synchronisation, numbers as 0-d tensors."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from lps_sweep.losses.pairwise import pairwise
from lps_sweep.losses.switches import frozen_unless, weighted_sum
from lps_sweep.methods.hyper import Hyper, at_least_float32
from lps_sweep.methods.orca.partners import partners

GROUP_FLOOR = 1e-8
"""Added to a group's probability inside a logarithm (reference behaviour)."""

PROTOTYPE_CONSTANT = 1e-7
"""Added once a prototype to the divergence from the prior (reference behaviour)."""


@dataclass(frozen=True)
class Groups:
    """Which prototypes belong together.

    Attributes:
        of: (P,) int64, from 0, the group of each prototype.
        count: 0-d float, number of groups, of which none need be empty.
    """

    of: Tensor
    count: Tensor

    def membership(self, dtype: torch.dtype) -> Tensor:
        """(P, P), 1 at a prototype and its group; groups beyond `count` are columns of zeros."""
        columns = torch.arange(self.of.shape[0], device=self.of.device)
        return (self.of.unsqueeze(1) == columns).to(dtype)

    def log_prior(self, dtype: torch.dtype) -> Tensor:
        """(P,): each group has the same share, which its prototypes have in equal parts."""
        size = (self.of.unsqueeze(1) == self.of).sum(1).to(dtype)
        return -(self.count.to(dtype) * size).log()


@dataclass(frozen=True)
class OpenNCDTerms:
    """The terms of one batch, 0-d and not weighted; gradients are those of `total`.

    Attributes:
        prototype: Pairwise term of the prototypes of weak1 and of the partners' weak2.
        group: Cross-entropy of the groups of one view with those of the other, both ways.
        classification: Cross-entropy of the groups of the labeled rows with their labels.
        entropy: KL(mean assignment || prior over prototypes), and a constant.
        total: prototype + w_group group + w_classification classification + w_entropy entropy.
    """

    prototype: Tensor
    group: Tensor
    classification: Tensor
    entropy: Tensor
    total: Tensor


def openncd_terms(
    first: Tensor,
    second: Tensor,
    projections: Tensor,
    labels: Tensor,
    *,
    draws: Tensor,
    groups: Groups,
    warmed_up: Tensor,
    hyper: Hyper,
) -> OpenNCDTerms:
    """The loss of one batch, in at least float32, also under autocast.

    A term of weight zero adds nothing to `total` or its gradient, even where it is not finite.
    The projections decide who is whose partner and get no gradient from that.

    Args:
        first: (B, P), cosines with the prototypes over tau, of weak1, labeled rows first.
        second: (B, P), those of weak2.
        projections: (B, d), of weak1.
        labels: (n_l,) int64, labels of the labeled rows, below P.
        draws: (B,) uniform in [0, 1), for the partners of the labeled rows.
        groups: Groups of the prototypes; from label on, a group is a class.
        warmed_up: 0-d, 0 in the warm-up and 1 after it: factor of `w_classification`.
        hyper: Weights.
    """
    with torch.autocast(first.device.type, enabled=False):
        first, second = at_least_float32(first, second)
        weights = torch.stack([hyper.w_group, warmed_up * hyper.w_classification, hyper.w_entropy])
        on = weights != 0
        membership = groups.membership(first.dtype)
        prototype = pairwise(first, second[partners(projections, labels, draws)])
        group = _group_term(
            torch.softmax(frozen_unless(on[0], first), dim=1) @ membership,
            torch.softmax(frozen_unless(on[0], second), dim=1) @ membership,
        )
        labeled = frozen_unless(on[1], first[: labels.shape[0]])
        classification = _classification(torch.softmax(labeled, dim=1) @ membership, labels)
        entropy = _divergence(frozen_unless(on[2], first), groups.log_prior(first.dtype))
        switched = weighted_sum(weights, torch.stack([group, classification, entropy]))
        return OpenNCDTerms(prototype, group, classification, entropy, prototype + switched)


def _group_term(first: Tensor, second: Tensor) -> Tensor:
    """Both are targets, with gradient, and both are predictions."""
    one = second * (first + GROUP_FLOOR).log()
    other = first * (second + GROUP_FLOOR).log()
    return -(one + other).sum(1).mean() / 2


def _classification(labeled: Tensor, labels: Tensor) -> Tensor:
    """Zero without labeled rows."""
    of_labels = labeled.gather(1, labels.unsqueeze(1))
    return -(of_labels + GROUP_FLOOR).log().sum() / max(labels.shape[0], 1)


def _divergence(logits: Tensor, log_prior: Tensor) -> Tensor:
    mean = torch.softmax(logits, dim=1).mean(0)
    log_mean = mean.clamp(min=torch.finfo(mean.dtype).tiny).log()
    return torch.dot(mean, log_mean - log_prior) + PROTOTYPE_CONSTANT * mean.shape[0]
