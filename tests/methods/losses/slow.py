"""What losses are made of, in loops over Python floats, and gradients by differences."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

Matrix = list[list[float]]
STEP = 1e-5


def differences(loss: Callable[..., float], inputs: Sequence[Matrix]) -> list[Matrix]:
    """Central differences of `loss(*inputs)` with respect to every number of every input."""
    found: list[Matrix] = []
    for matrix in inputs:
        gradient = [[0.0] * len(row) for row in matrix]
        for i, row in enumerate(matrix):
            for j, value in enumerate(row):
                row[j] = value + STEP
                above = loss(*inputs)
                row[j] = value - STEP
                gradient[i][j] = (above - loss(*inputs)) / (2 * STEP)
                row[j] = value
        found.append(gradient)
    return found


def softmax(z: list[float], temperature: float = 1.0) -> list[float]:
    top = max(z)
    e = [math.exp((v - top) / temperature) for v in z]
    return [v / sum(e) for v in e]


def dot(a: list[float], b: list[float]) -> float:
    return sum(x * y for x, y in zip(a, b, strict=True))


def cosine(a: list[float], b: list[float]) -> float:
    return dot(a, b) / (math.hypot(*a) * math.hypot(*b))


def cross_entropy(rows: Matrix, labels: list[int]) -> float:
    """Mean over the labels of the first rows; zero of none."""
    found = (-math.log(softmax(z)[y]) for z, y in zip(rows, labels, strict=False))
    return sum(found) / max(len(labels), 1)


def negative_entropy(rows: Matrix) -> float:
    """Of the mean prediction."""
    predicted = zip(*(softmax(z) for z in rows), strict=True)
    means: list[float] = [sum(column) / len(rows) for column in predicted]
    return sum(p * math.log(p) for p in means)


def partners(features: Matrix, labels: list[int], draws: list[float]) -> list[int]:
    """A drawn row of the same label, or the nearest row of an unlabeled one."""
    found = []
    for i, row in enumerate(features):
        if i < len(labels):
            same = [j for j, label in enumerate(labels) if label == labels[i] and j != i]
            found.append(same[int(draws[i] * len(same))] if same else i)
            continue
        near = {j: cosine(row, other) for j, other in enumerate(features) if j != i}
        found.append(max(near, key=lambda j: near[j]) if near else i)
    return found


def pairwise(first: Matrix, second: Matrix, partners: list[int]) -> float:
    """Mean of -log <p_i, q_j> over rows i and their partners j."""
    p, q = ([softmax(z) for z in view] for view in (first, second))
    return -sum(math.log(dot(p[i], q[j])) for i, j in enumerate(partners)) / len(p)


def contrastive(rows: Matrix, groups: list[int], tau: float) -> float:
    """Mean over the rows of the mean over the others of their group of a log-ratio."""
    total = 0.0
    for i, row in enumerate(rows):
        e = {j: math.exp(cosine(row, other) / tau) for j, other in enumerate(rows) if j != i}
        whole = sum(e.values())
        positives = [math.log(e[j] / whole) for j in e if groups[j] == groups[i]]
        total -= sum(positives) / len(positives) / len(rows)
    return total
