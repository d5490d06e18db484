"""The loss of SimGCD from its definition, in loops over Python floats."""

from __future__ import annotations

import math

from lps_sweep.methods.simgcd import SimGCDConfig
from tests.methods.finite import Matrix
from tests.methods.lps_reference import softmax


def slow_teacher(config: SimGCDConfig, epoch: float) -> float:
    """By the points of the line, for whole epochs."""
    n, start = config.warm_up_points, config.teacher_temperature_start
    width = config.teacher_temperature_end - start
    points = [start + width * i / (n - 1) for i in range(n)]
    return points[int(epoch)] if epoch < n else config.teacher_temperature_end


def slow_contrastive(rows: Matrix, groups: list[int], tau: float) -> float:
    """Mean over the rows of the mean over the others of their group of a log-ratio."""

    def e(i: int, j: int) -> float:
        dot = sum(a * b for a, b in zip(rows[i], rows[j], strict=True))
        return math.exp(dot / math.hypot(*rows[i]) / math.hypot(*rows[j]) / tau)

    total = 0.0
    for i, group in enumerate(groups):
        whole = sum(e(i, j) for j in range(len(rows)) if j != i)
        positives = [j for j, other in enumerate(groups) if other == group and j != i]
        total -= sum(math.log(e(i, j) / whole) for j in positives) / len(positives)
    return total / len(rows)


def slow_terms(
    views: tuple[Matrix, Matrix, Matrix, Matrix],
    targets: tuple[Matrix, Matrix],
    labels: list[int],
    config: SimGCDConfig,
) -> dict[str, float]:
    """Of cosines, projections, cosines, projections; `targets` are the teachers' predictions."""
    first, projected, second, projected2 = views
    n, num_rows, num_classes = len(labels), len(first), len(first[0])

    def predicted(row: list[float]) -> list[float]:
        return softmax([v / config.student_temperature for v in row])

    labeled = list(zip(first[:n] + second[:n], labels * 2, strict=True))
    mean = [0.0] * num_classes
    for row in first + second:
        mean = [m + p / num_rows / 2 for m, p in zip(mean, predicted(row), strict=True)]
    distilled = 0.0
    for rows, wanted in ((first, targets[1]), (second, targets[0])):
        for row, target in zip(rows, wanted, strict=True):
            pairs = zip(target, predicted(row), strict=True)
            distilled -= sum(t * math.log(p) for t, p in pairs) / num_rows / 2
    return {
        "cross_entropy": -sum(math.log(predicted(row)[y]) for row, y in labeled) / max(2 * n, 1),
        "distillation": distilled,
        "mean_entropy": math.log(num_classes) + sum(m * math.log(m) for m in mean),
        "contrastive": slow_contrastive(
            projected + projected2, list(range(num_rows)) * 2, config.contrastive_temperature
        ),
        "supervised_contrastive": slow_contrastive(
            projected[:n] + projected2[:n], labels * 2, config.supervised_temperature
        )
        if n
        else 0.0,
    }


def weighted(terms: dict[str, float], config: SimGCDConfig) -> float:
    share = config.w_supervised
    supervised = terms["cross_entropy"] + terms["supervised_contrastive"]
    alone = terms["distillation"] + terms["contrastive"]
    alone += config.w_mean_entropy * terms["mean_entropy"]
    return share * supervised + (1 - share) * alone
