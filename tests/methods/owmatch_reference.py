"""The loss of OwMatch from its definition, in loops over Python floats."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from lps_sweep.methods.owmatch import OwMatchConfig
from tests.methods.finite import Matrix
from tests.methods.lps_reference import softmax


def slow_codes(scores: Matrix, num_rounds: int) -> Matrix:
    """Products and quotients of exponentials, with the sizes that the masses should have."""
    q = [[math.exp(s) for s in row] for row in scores]
    num_rows, num_classes = len(q), len(q[0])
    for _ in range(num_rounds):
        masses = [sum(row[k] for row in q) for k in range(num_classes)]
        q = [[v / m / num_classes for v, m in zip(row, masses, strict=True)] for row in q]
        q = [[v / sum(row) / num_rows for v in row] for row in q]
    return [[v * num_rows for v in row] for row in q]


def hardened(logits: Matrix, labels: list[int], scale: float) -> Matrix:
    rows = [list(row) for row in logits]
    for row, label in zip(rows, labels, strict=False):
        row[label] = scale
    return rows


@dataclass
class SlowMeans:
    """Of the two groups of classes, a confidence and the classes' probabilities each."""

    confidence: list[float]
    classes: list[list[float]]

    def update(self, probabilities: Matrix, num_seen: int, kept: float) -> None:
        for group, columns in enumerate((slice(0, num_seen), slice(num_seen, None))):
            rows = [p for p in probabilities if (p.index(max(p)) >= num_seen) == bool(group)]
            if not rows:
                continue
            mean = sum(max(p) for p in rows) / len(rows)
            self.confidence[group] = kept * self.confidence[group] + (1 - kept) * mean
            shares = [sum(column) / len(rows) for column in zip(*rows, strict=True)][columns]
            pairs = zip(self.classes[group], shares, strict=True)
            self.classes[group] = [kept * a + (1 - kept) * b for a, b in pairs]

    def thresholds(self, floor: float) -> list[float]:
        return [
            max(value / max(values) * confidence, floor)
            for confidence, values in zip(self.confidence, self.classes, strict=True)
            for value in values
        ]


@dataclass(frozen=True)
class Fixed:
    """What carries no gradient."""

    codes: tuple[Matrix, Matrix]
    mask: list[bool]
    predicted: list[int]


def slow_fixed(
    weak: tuple[Matrix, Matrix],
    labels: list[int],
    queues: tuple[Matrix, Matrix],
    thresholds: list[float],
    config: OwMatchConfig,
    scale: float,
) -> Fixed:
    """The queues hold what is assigned with the batch, without what the batch drove out."""
    codes = []
    for rows, queue in zip(weak, queues, strict=True):
        together = queue + hardened(rows, labels, scale)
        scores = [[z / (scale * config.epsilon) for z in row] for row in together]
        codes.append(slow_codes(scores, config.num_rounds)[-len(rows) :])
    probabilities = [softmax(row) for row in weak[1]]
    predicted = [p.index(max(p)) for p in probabilities]
    mask = [max(p) > thresholds[t] for p, t in zip(probabilities, predicted, strict=True)]
    return Fixed((codes[0], codes[1]), mask, predicted)


def slow_total(
    views: Sequence[Matrix], labels: list[int], fixed: Fixed, config: OwMatchConfig
) -> float:
    """Views weak1, weak2, strong and the crops."""
    weak1, weak2, strong, *crops = views
    num_rows, total = len(weak1), 0.0
    for z, y in zip(weak1, labels, strict=False):
        total -= math.log(softmax(z)[y]) / len(labels)
    for z, t, sure in zip(strong, fixed.predicted, fixed.mask, strict=True):
        total -= config.w_confidence * sure * math.log(softmax(z)[t]) / num_rows
    first, second = fixed.codes
    pairs = [(weak1, second)] + ([(x, second) for x in crops] if crops else [(weak2, first)])
    for view, code in pairs:
        for z, wanted in zip(view, code, strict=True):
            surprise = sum(w * math.log(p) for w, p in zip(wanted, softmax(z), strict=True))
            total -= config.w_clustering * surprise / num_rows / len(pairs)
    return total
