"""Both levels of DS3L for a linear classifier, in loops over floats; slopes are differences."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from tests.methods.lps_reference import Matrix, softmax

Vector = list[float]


@dataclass(frozen=True)
class Setting:
    """Sizes and settings; theta holds (S, D) weights and S biases, phi those of the network."""

    first: Matrix
    second: Matrix
    third: Matrix
    labels: list[int]
    num_seen: int
    width: int
    coefficient: float
    virtual_lr: float
    labeled_rows_only: bool = False


def _affine(weights: Vector, num_outputs: int, x: Vector) -> Vector:
    d = len(x)
    return [
        sum(weights[k * d + j] * x[j] for j in range(d)) + weights[num_outputs * d + k]
        for k in range(num_outputs)
    ]


def slow_weight(phi: Vector, p: Vector, width: int) -> float:
    split = width * len(p) + width
    hidden = [max(v, 0.0) for v in _affine(phi[:split], width, p)]
    return 1 / (1 + math.exp(-_affine(phi[split:], 1, hidden)[0]))


def _cross_entropy(theta: Vector, num_seen: int, rows: Matrix, labels: list[int]) -> float:
    return sum(
        -math.log(softmax(_affine(theta, num_seen, x))[y])
        for x, y in zip(rows, labels, strict=False)
    )


def slow_lower(theta: Vector, phi: Vector, given: Setting, targets: Matrix) -> float:
    """The lower loss, the targets of the second pass being given."""
    n = len(given.labels)
    divisor = n if given.labeled_rows_only else len(given.first)
    labeled = _cross_entropy(theta, given.num_seen, given.first, given.labels) / divisor
    mass = total = 0.0
    for x1, x2, target in zip(given.first[n:], given.second[n:], targets, strict=True):
        w = slow_weight(phi, softmax(_affine(theta, given.num_seen, x1)), given.width)
        p = softmax(_affine(theta, given.num_seen, x2))
        total += w * sum((a - b) ** 2 for a, b in zip(p, target, strict=True)) / len(p)
        mass += w
    return labeled + given.coefficient * total / (mass if mass > 0 else 1.0)


def slow_targets(theta: Vector, given: Setting) -> Matrix:
    rows = given.first[len(given.labels) :]
    return [softmax(_affine(theta, given.num_seen, x)) for x in rows]


def slow_upper(theta: Vector, phi: Vector, given: Setting) -> float:
    """The labeled loss after the virtual step."""
    targets = slow_targets(theta, given)
    slope = differences(lambda moved: slow_lower(moved, phi, given, targets), theta, 1e-3)
    virtual = [a - given.virtual_lr * b for a, b in zip(theta, slope, strict=True)]
    loss = _cross_entropy(virtual, given.num_seen, given.third, given.labels)
    return loss / len(given.labels)


def differences(function: Callable[[Vector], float], x: Vector, h: float) -> Vector:
    """The gradient by central differences of fourth order."""
    found = []
    for i in range(len(x)):
        at = [function([*x[:i], x[i] + k * h, *x[i + 1 :]]) for k in (-2, -1, 1, 2)]
        found.append((at[0] - 8 * at[1] + 8 * at[2] - at[3]) / (12 * h))
    return found
