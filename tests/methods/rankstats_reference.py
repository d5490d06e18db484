"""RankStats from its definition, in loops over Python floats."""

from __future__ import annotations

import math
from dataclasses import dataclass

Matrix = list[list[float]]


@dataclass(frozen=True)
class SlowTerms:
    cross_entropy: float
    pairwise: float
    consistency: float
    cross_entropy_novel: float


def softmax(z: list[float]) -> list[float]:
    top = max(z)
    e = [math.exp(v - top) for v in z]
    return [v / sum(e) for v in e]


def top_set(row: list[float], topk: int) -> set[int]:
    return set(sorted(range(len(row)), key=lambda d: row[d])[-topk:])


def slow_positive(features: Matrix, topk: int) -> list[list[bool]]:
    tops = [top_set(row, topk) for row in features]
    return [[one == other for other in tops] for one in tops]


def slow_terms(
    first: tuple[Matrix, Matrix],
    second: tuple[Matrix, Matrix],
    features: Matrix,
    labels: list[int],
    num_seen: int,
    topk: int,
) -> SlowTerms:
    """`first` and `second` are the two heads, each with its two views."""
    n_l, n_u = len(labels), len(features) - len(labels)
    is_joint = len(first[0][0]) > num_seen
    cross_entropy = sum(
        -math.log(softmax(z)[y]) / n_l for z, y in zip(first[0], labels, strict=False)
    )
    positive = slow_positive(features[n_l:], topk)
    pairwise = novel = 0.0
    for i in range(n_u):
        p = softmax(second[0][n_l + i])
        for j in range(n_u):
            same = sum(a * b for a, b in zip(p, softmax(second[1][n_l + j]), strict=True))
            pairwise -= math.log((same if positive[i][j] else 1 - same) + 1e-7) / n_u**2
        if is_joint:
            place = num_seen + p.index(max(p))
            novel -= math.log(softmax(first[0][n_l + i])[place]) / n_u
    consistency = 0.0
    for one, other in (first, second):
        cells = len(one) * len(one[0])
        for a, b in zip(one, other, strict=True):
            consistency += math.dist(softmax(a), softmax(b)) ** 2 / cells
    return SlowTerms(cross_entropy, pairwise, consistency, novel)
