"""The loss of FixMatch and its open-world ids from their definitions, in loops over floats."""

from __future__ import annotations

import itertools
import math

from lps_sweep.methods.fixmatch import FixMatchConfig
from tests.methods.lps_reference import Matrix, softmax


def slow_pseudo_labels(weak: Matrix, config: FixMatchConfig) -> list[int | None]:
    """The class of each confident row, None for the others."""
    found: list[int | None] = []
    for z in weak:
        p = softmax([v / config.temperature for v in z])
        found.append(p.index(max(p)) if max(p) >= config.threshold else None)
    return found


def slow_total(
    weak: Matrix,
    strong: Matrix,
    labels: list[int],
    pseudo_labels: list[int | None],
    config: FixMatchConfig,
) -> float:
    """The weighted sum, with the pseudo-labels of the unlabeled rows as given."""
    total = sum(-math.log(softmax(z)[y]) for z, y in zip(weak, labels, strict=False))
    total /= max(len(labels), 1)
    unlabeled = strong[len(labels) :]
    for z, t in zip(unlabeled, pseudo_labels, strict=True):
        if t is not None:
            total += config.lambda_u * -math.log(softmax(z)[t]) / len(unlabeled)
    return total


def slow_clusters(rows: Matrix, num_clusters: int) -> list[int]:
    """The partition of smallest inertia of all there are, numbered by first row."""
    best: tuple[float, list[int]] = (math.inf, [])
    for ids in itertools.product(range(num_clusters), repeat=len(rows)):
        if set(ids) == set(range(num_clusters)):
            best = min(best, (_inertia(rows, ids), list(ids)))
    order = list(dict.fromkeys(best[1]))
    return [order.index(i) for i in best[1]]


def _inertia(rows: Matrix, ids: tuple[int, ...]) -> float:
    total = 0.0
    for cluster in set(ids):
        members = [row for row, i in zip(rows, ids, strict=True) if i == cluster]
        centre = [sum(column) / len(members) for column in zip(*members, strict=True)]
        total += sum(math.dist(row, centre) ** 2 for row in members)
    return total
