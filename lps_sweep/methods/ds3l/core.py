"""The two levels of DS3L: fixed shapes, no host synchronisation, numbers as 0-d tensors."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from lps_sweep.losses.switches import weighted_sum
from lps_sweep.methods.hyper import Hyper, at_least_float32

Forward = Callable[[Mapping[str, Tensor], Sequence[Tensor]], Sequence[Tensor]]
"""The classifier with given weights: rows of one or more views -> (B, S) logits of each."""

RAMP_RATE = 5.0


@dataclass(frozen=True)
class LowerTerms:
    """The loss that trains the classifier.

    Attributes:
        labeled: 0-d, cross-entropy of the labeled rows on the first pass.
        consistency: (B - n_l,), how far the second pass of an unlabeled row is from the first.
        weighted: 0-d, its weighted mean.
        total: 0-d, labeled + coefficient weighted.
    """

    labeled: Tensor
    consistency: Tensor
    weighted: Tensor
    total: Tensor


@dataclass(frozen=True)
class UpperTerms:
    """The loss that trains the weight network, and how it came about.

    Attributes:
        weights: (B - n_l,), in 0..1.
        lower: The lower level with these weights, with gradient into them.
        virtual: The classifier's weights after the virtual step.
        upper: 0-d, mean cross-entropy of the labeled rows with those.
    """

    weights: Tensor
    lower: LowerTerms
    virtual: dict[str, Tensor]
    upper: Tensor


def ramp(step: Tensor, length: Tensor, largest: Tensor) -> Tensor:
    """The ramp of the coefficient: largest exp(-5 (1 - min(step / length, 1))^2), 0-d.

    Args:
        step: 0-d, the number of this step, from 1.
        length: 0-d, steps until the largest is reached, > 0.
        largest: 0-d.
    """
    return largest * torch.exp(-RAMP_RATE * (1 - (step / length).clamp(max=1.0)) ** 2)


def row_weights(network: nn.Module, first: Tensor, num_labeled: int) -> Tensor:
    """(B - n_l,), the weights of the unlabeled rows, from (B, S) logits of the first pass."""
    with torch.autocast(first.device.type, enabled=False):
        (first,) = at_least_float32(first)
        weights: Tensor = network(torch.softmax(first[num_labeled:], dim=1))
        return weights


def lower_terms(
    first: Tensor,
    second: Tensor,
    labels: Tensor,
    weights: Tensor,
    coefficient: Tensor,
    hyper: Hyper,
) -> LowerTerms:
    """The lower level, in at least float32, also under autocast.

    The first pass of a row is the target of the second, without gradient. Labeled rows have no
    consistency (reference behaviour). The labeled term is divided by B (reference) or n_l. Where
    the weights are all zero their mean is not divided by their sum.

    Args:
        first: (B, S) logits of the first pass, labeled rows first.
        second: (B, S) logits of the second pass.
        labels: (n_l,) int64, below S.
        weights: (B - n_l,), in 0..1.
        coefficient: 0-d, lambda at this step.
        hyper: `labeled_norm`.
    """
    num_labeled = labels.shape[0]
    with torch.autocast(first.device.type, enabled=False):
        first, second = at_least_float32(first, second)
        labeled = F.cross_entropy(first[:num_labeled], labels, reduction="sum")
        labeled = labeled / max(first.shape[0] if hyper.labeled_norm == "batch" else num_labeled, 1)
        target = torch.softmax(first[num_labeled:].detach(), dim=1)
        consistency = (torch.softmax(second[num_labeled:], dim=1) - target).square().mean(dim=1)
        mass = weights.sum()
        weighted = torch.dot(weights, consistency) / torch.where(mass > 0, mass, 1.0)
        total = labeled + weighted_sum(coefficient, weighted)
    return LowerTerms(labeled, consistency, weighted, total)


def upper_terms(
    forward: Forward,
    parameters: Mapping[str, Tensor],
    passes: tuple[Tensor, Tensor, Tensor],
    labels: Tensor,
    network: nn.Module,
    coefficient: Tensor,
    hyper: Hyper,
) -> UpperTerms:
    """The upper level: labeled loss after a virtual step of the lower one.

    The gradient reaches the weight network through the virtual step, and there through the
    weights, their sum and the probabilities that they come from.

    Args:
        forward: The classifier as a function of its weights.
        parameters: Its weights, by name.
        passes: What `forward` takes: two passes of all rows and a third of the labeled ones.
        labels: (n_l,) int64, below S.
        network: The weight network.
        coefficient: 0-d, lambda at this step.
        hyper: `virtual_lr` and `labeled_norm`.
    """
    first, second = forward(parameters, passes[:2])
    weights = row_weights(network, first, labels.shape[0])
    lower = lower_terms(first, second, labels, weights, coefficient, hyper)
    gradients = torch.autograd.grad(lower.total, list(parameters.values()), create_graph=True)
    virtual = {
        name: weight - hyper.virtual_lr * gradient
        for (name, weight), gradient in zip(parameters.items(), gradients, strict=True)
    }
    (third,) = forward(virtual, passes[2:])
    with torch.autocast(third.device.type, enabled=False):
        (third,) = at_least_float32(third)
        upper = F.cross_entropy(third, labels)
    return UpperTerms(weights, lower, virtual, upper)
