"""The loss of NACH from its definition, in loops over Python floats."""

from __future__ import annotations

import math
from dataclasses import dataclass

from tests.methods.finite import Matrix
from tests.methods.lps_reference import softmax


@dataclass(frozen=True)
class Fixed:
    """What carries no gradient."""

    partners: list[int]
    confidence: list[float]
    predicted: list[int]
    mask: list[bool]
    pi_hat: list[float]


def cosine(a: list[float], b: list[float]) -> float:
    return sum(x * y for x, y in zip(a, b, strict=True)) / (math.hypot(*a) * math.hypot(*b))


def slow_partners(features: Matrix, labels: list[int], draws: list[float], k: int) -> list[int]:
    found = []
    for i, row in enumerate(features):
        if i < len(labels):
            same = [j for j, label in enumerate(labels) if label == labels[i] and j != i]
            found.append(same[int(draws[i] * len(same))] if same else i)
            continue
        near = {j: cosine(row, other) for j, other in enumerate(features) if j != i}
        j = max(near, key=lambda j: near[j]) if near else i
        of_labeled = sorted(
            (1.0 if m == j else cosine(features[m], features[j]) for m in range(len(labels))),
            reverse=True,
        )
        refused = len(labels) >= k and near[j] < of_labeled[k - 1]
        found.append(i if refused else j)
    return found


def slow_fixed(
    features: Matrix,
    weak2: Matrix,
    labels: list[int],
    draws: list[float],
    *,
    num_seen: int,
    k: int,
    thresholds: tuple[float, float],
) -> Fixed:
    confidence, predicted, mask, total = [], [], [], [0.0] * len(weak2[0])
    for z in weak2:
        p = softmax(z)
        confidence.append(max(p))
        predicted.append(p.index(max(p)))
        mask.append(max(p) >= thresholds[predicted[-1] >= num_seen])
        total = [a + mask[-1] * b for a, b in zip(total, p, strict=True)]
    sure = sum(mask)
    pi_hat = [v / sure if sure else 1 / len(total) for v in total]
    return Fixed(slow_partners(features, labels, draws, k), confidence, predicted, mask, pi_hat)


def slow_total(
    views: tuple[Matrix, Matrix, Matrix],
    labels: list[int],
    fixed: Fixed,
    weights: tuple[float, float, float],
) -> float:
    """Weights of the pairwise term, the pseudo-label term and the entropy."""
    weak1, weak2, strong = views
    num_rows, num_classes = len(weak1), len(weak1[0])
    total = 0.0
    for z, y in zip(weak1, labels, strict=False):
        total -= math.log(softmax(z)[y]) / len(labels)
    for i, j in enumerate(fixed.partners):
        p, q = softmax(weak1[i]), softmax(weak2[j])
        product = sum(a * b for a, b in zip(p, q, strict=True))
        total -= weights[0] * math.log(product) / num_rows
    for z, t, sure in zip(strong, fixed.predicted, fixed.mask, strict=True):
        if sure:
            e = [math.exp(v) * pi for v, pi in zip(z, fixed.pi_hat, strict=True)]
            total -= weights[1] * math.log(e[t] / sum(e)) / num_rows
    mean = [sum(softmax(z)[c] for z in weak1) / num_rows for c in range(num_classes)]
    return total + weights[2] * sum(p * math.log(p) for p in mean)
