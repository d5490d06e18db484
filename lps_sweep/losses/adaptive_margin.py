"""Adaptive margin loss, equations 3 and 5: cross-entropy that eases frequent classes."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from lps_sweep.losses.switches import frozen_unless


def class_margins(pi_hat: Tensor, kl: Tensor, C: Tensor) -> Tensor:
    """What is added to the logit of the target: kl * C * pi_hat / max(pi_hat), shape (K,).

    The paper writes the same quantity as a negative margin that is subtracted. It is largest for
    the class that the model favours, whose gradient it lowers. C = 0 gives exact zeros, whatever
    `pi_hat` and `kl` are: plain cross-entropy.

    Args:
        pi_hat: (K,), estimated class distribution, without gradient.
        kl: 0-d, distance of `pi_hat` from the uniform prior, without gradient.
        C: 0-d, margin of the most frequent class per unit of `kl`.
    """
    return torch.where(C == 0, 0.0, C * kl * pi_hat / pi_hat.max())


def adaptive_margin(
    logits: Tensor, targets: Tensor, margins: Tensor, counted: Tensor | None = None
) -> Tensor:
    """Mean over all rows of the counted rows' cross-entropy, with the target's margin added.

    Rows that are not counted add zero to the sum and to the gradient, even where their logits
    are not finite, but stay in the divisor (reference behaviour).

    Args:
        logits: (n, K).
        targets: (n,) int64, labels or pseudo-labels.
        margins: (K,), without gradient, from `class_margins`.
        counted: (n,) bool; all rows where it is None.

    Returns:
        0-d; zero for n = 0.
    """
    num_rows, num_classes = logits.shape
    if num_rows == 0:
        return logits.sum()
    if counted is not None:
        logits = frozen_unless(counted.unsqueeze(1), logits)
    is_target = targets.unsqueeze(1) == torch.arange(num_classes, device=logits.device)
    shifted = logits + torch.where(is_target, margins, 0.0)
    rows = F.cross_entropy(shifted, targets, reduction="none")
    if counted is not None:
        rows = torch.where(counted, rows, 0.0)
    return rows.mean()
