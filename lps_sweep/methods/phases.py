"""Phases of a training, and how a weight rises at the start of one."""

from __future__ import annotations

import math

RATE = 5.0
"""A weight starts from exp(-RATE) of its end."""


def phase_length(share: float, num_epochs: int, free: int) -> int:
    """Epochs of a phase: the share of all epochs, rounded, and at least one if it is above 0.

    Args:
        share: From 0 to 1.
        num_epochs: Epochs of the whole training.
        free: Epochs that it can have at most, >= 0.
    """
    return min(max(1, math.floor(share * num_epochs + 0.5)), free) if share > 0 else 0


def rampup(done: float, length: float) -> float:
    """exp(-5 (1 - x)^2) with x = min(done / length, 1): from 0.0067 up to 1, where it stays.

    Args:
        done: Epochs that are over, >= 0.
        length: Epochs until it is 1; with 0 it is 1 from the start.
    """
    missing = 1.0 - min(done / length, 1.0) if length > 0 else 0.0
    return math.exp(-RATE * missing**2)
