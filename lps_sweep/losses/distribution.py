"""The estimated class distribution and its distance from the uniform prior."""

from __future__ import annotations

import math

import torch
from torch import Tensor

PI_HAT_FLOOR = 1e-12
"""Smallest class probability inside a logarithm; pi_hat itself is left as it is."""


def estimate_distribution(probabilities: Tensor, counted: Tensor) -> Tensor:
    """pi_hat, equation 4: the sum of the predictions of the counted rows, normalised.

    Labeled rows count with their predictions too, not with their labels (reference behaviour).
    With no counted row nothing is known, and the estimate is uniform, which gives no margin.

    Args:
        probabilities: (B, K), rows sum to 1.
        counted: (B,) bool, labeled or confident.

    Returns:
        (K,), sums to 1.
    """
    total = torch.where(counted.unsqueeze(1), probabilities, 0.0).sum(0)
    mass = total.sum()
    return torch.where(mass == 0, 1.0 / probabilities.shape[1], total / mass)


def kl_divergences(pi_hat: Tensor) -> tuple[Tensor, Tensor]:
    """KL(uniform || pi_hat) and KL(pi_hat || uniform), 0-d, in nats.

    The first grows without bound as a class empties; with the floor under pi_hat it stays below
    log(1e12). The second is at most log K.
    """
    log_pi_hat = pi_hat.clamp(min=PI_HAT_FLOOR).log()
    log_num_classes = math.log(pi_hat.shape[0])
    prior_to_estimate = -log_pi_hat.mean() - log_num_classes
    estimate_to_prior = torch.dot(pi_hat, log_pi_hat) + log_num_classes
    return prior_to_estimate, estimate_to_prior
