"""The confidence threshold of novel classes over training."""

from __future__ import annotations

import math
from typing import Literal

import torch
from torch import Tensor

LambdaNovelShape = Literal["constant", "linear", "cosine", "exponential", "step"]
EXPONENTIAL_RATE = 5.0
NUM_STEPS = 5


def lambda_novel(shape: LambdaNovelShape, start: Tensor, end: Tensor, progress: Tensor) -> Tensor:
    """lambda_novel at `progress`, 0-d.

    All shapes but "constant", which is `end` throughout, go from `start` at progress 0 towards
    `end` at progress 1. "exponential" rises fastest at first, with rate 5; "step" has five equal
    stretches, the first at `start`, and reaches `end` at progress 1 only.

    Args:
        shape: One of the five.
        start: 0-d.
        end: 0-d.
        progress: 0-d, in [0, 1].
    """
    match shape:
        case "constant":
            return end
        case "linear":
            covered = progress
        case "cosine":
            covered = (1 - torch.cos(math.pi * progress)) / 2
        case "exponential":
            last = math.exp(-EXPONENTIAL_RATE)
            covered = 1 - (torch.exp(-EXPONENTIAL_RATE * progress) - last) / (1 - last)
        case "step":
            covered = torch.floor(NUM_STEPS * progress) / NUM_STEPS
    return start + (end - start) * covered
