"""The loss and the graph of OpenNCD from their definitions, in loops over Python numbers."""

from __future__ import annotations

import math

from lps_sweep.methods.openncd import OpenNCDConfig
from tests.methods.finite import Matrix
from tests.methods.lps_reference import softmax


def cosine(a: list[float], b: list[float]) -> float:
    dot = sum(x * y for x, y in zip(a, b, strict=True))
    return dot / (math.hypot(*a) * math.hypot(*b))


def nearest_other(rows: Matrix, i: int) -> int:
    return max((j for j in range(len(rows)) if j != i), key=lambda j: cosine(rows[i], rows[j]))


def slow_partners(rows: Matrix, labels: list[int]) -> list[int]:
    """Of a batch in which no class has more than two labeled rows."""
    found = []
    for i, label in enumerate(labels):
        others = [j for j, other in enumerate(labels) if other == label and j != i]
        found.append(others[0] if others else i)
    return found + [nearest_other(rows, i) for i in range(len(labels), len(rows))]


def slow_terms(
    first: Matrix,
    second: Matrix,
    partners: list[int],
    labels: list[int],
    groups: list[int],
    count: int,
) -> dict[str, float]:
    """The terms, not weighted, of logits over prototypes and with the partners as given."""
    p, q = ([softmax(row) for row in view] for view in (first, second))
    num_rows, num_prototypes = len(p), len(groups)

    def grouped(row: list[float]) -> list[float]:
        return [
            sum(v for v, g in zip(row, groups, strict=True) if g == group) for group in range(count)
        ]

    pairs = 0.0
    for i, j in enumerate(partners):
        pairs -= math.log(sum(a * b for a, b in zip(p[i], q[j], strict=True))) / num_rows
    both = 0.0
    for i in range(num_rows):
        for a, b in zip(grouped(p[i]), grouped(q[i]), strict=True):
            both -= (b * math.log(a + 1e-8) + a * math.log(b + 1e-8)) / 2 / num_rows
    classification = 0.0
    for i, label in enumerate(labels):
        classification -= math.log(grouped(p[i])[label] + 1e-8) / len(labels)
    divergence = 0.0
    for a in range(num_prototypes):
        mean = sum(row[a] for row in p) / num_rows
        prior = 1 / (count * groups.count(groups[a]))
        divergence += mean * math.log(mean / prior) + 1e-7
    return {
        "prototype": pairs,
        "group": both,
        "classification": classification,
        "entropy": divergence,
    }


def weighted(terms: dict[str, float], warmed_up: float, config: OpenNCDConfig) -> float:
    return (
        terms["prototype"]
        + config.w_group * terms["group"]
        + config.w_classification * warmed_up * terms["classification"]
        + config.w_entropy * terms["entropy"]
    )


def slow_graph(nearest: list[list[int]], num_prototypes: int) -> Matrix:
    def entry(a: int, b: int) -> float:
        of_a, of_b, both = (
            sum(wanted <= set(row) for row in nearest) for wanted in ({a}, {b}, {a, b})
        )
        return both / min(of_a, of_b) if both else 0.0

    return [[entry(a, b) for b in range(num_prototypes)] for a in range(num_prototypes)]
