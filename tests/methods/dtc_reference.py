"""DTC from its definition, in loops over Python floats."""

from __future__ import annotations

import math
from dataclasses import dataclass

Matrix = list[list[float]]


@dataclass(frozen=True)
class SlowTerms:
    cross_entropy: float
    sharpening: float
    consistency: float


def slow_assignments(outputs: Matrix, centres: Matrix) -> Matrix:
    found = []
    for row in outputs:
        near = [1 / (1 + math.dist(row, centre) ** 2) for centre in centres]
        found.append([value / sum(near) for value in near])
    return found


def slow_targets(assignments: Matrix) -> Matrix:
    frequency = [sum(column) for column in zip(*assignments, strict=True)]
    found = []
    for row in assignments:
        sharp = [q * q / f for q, f in zip(row, frequency, strict=True)]
        found.append([value / sum(sharp) for value in sharp])
    return found


def slow_ensemble(epochs: list[Matrix], decay: float) -> Matrix:
    """The weighted mean of all epochs, the newest weighing most."""
    ages = range(len(epochs) - 1, -1, -1)
    weights = [decay**age for age in ages]
    return [
        [
            sum(w * q for w, q in zip(weights, cell, strict=True)) / sum(weights)
            for cell in zip(*rows, strict=True)
        ]
        for rows in zip(*epochs, strict=True)
    ]


def slow_ramp(done: int, length: int) -> float:
    return math.exp(-5 * (1 - done / length) ** 2) if done < length else 1.0


def slow_terms(
    outputs: Matrix,
    centres: Matrix,
    targets: Matrix,
    seen_logits: Matrix,
    labels: list[int],
    *,
    second: Matrix | None = None,
    ensemble: Matrix | None = None,
) -> SlowTerms:
    q = slow_assignments(outputs, centres)
    cells = len(q) * len(q[0])
    sharpening = 0.0
    for p_row, q_row in zip(targets, q, strict=True):
        for p, q_of in zip(p_row, q_row, strict=True):
            if p > 0:
                sharpening += p * (math.log(p) - math.log(q_of)) / cells
    other = slow_assignments(second, centres) if second is not None else ensemble
    squares = (
        0.0
        if other is None
        else sum(math.dist(a, b) ** 2 for a, b in zip(q, other, strict=True)) / cells
    )
    cross_entropy = 0.0
    for z, y in zip(seen_logits, labels, strict=True):
        cross_entropy += (math.log(sum(math.exp(v) for v in z)) - z[y]) / len(labels)
    return SlowTerms(cross_entropy, sharpening, squares)
