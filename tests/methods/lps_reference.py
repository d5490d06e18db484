"""The loss of LPS from its definition, in loops over Python floats."""

from __future__ import annotations

import math
from dataclasses import dataclass

from lps_sweep.methods.lps import LPSConfig

Matrix = list[list[float]]


@dataclass(frozen=True)
class Fixed:
    """What carries no gradient."""

    pi_hat: list[float]
    mask: list[bool]
    pseudo_labels: list[int]


def softmax(z: list[float]) -> list[float]:
    top = max(z)
    e = [math.exp(v - top) for v in z]
    return [v / sum(e) for v in e]


def slow_estimate(
    weak2: Matrix, labels: list[int], num_seen: int, lambda_seen: float, lambda_novel: float
) -> Fixed:
    mask, pseudo_labels, total = [], [], [0.0] * len(weak2[0])
    for i, z in enumerate(weak2):
        p = softmax(z)
        t = p.index(max(p))
        confident = max(p) >= (lambda_seen if t < num_seen else lambda_novel)
        if i < len(labels):
            t, confident = labels[i], True
        mask.append(confident)
        pseudo_labels.append(t)
        total = [a + confident * b for a, b in zip(total, p, strict=True)]
    return Fixed([v / sum(total) for v in total], mask, pseudo_labels)


def slow_total(
    views: tuple[Matrix, Matrix, Matrix], num_labeled: int, fixed: Fixed, config: LPSConfig
) -> float:
    """The weighted sum, with pi_hat, mask and pseudo-labels as given."""
    weak1, weak2, strong = views
    num_rows, num_classes = len(weak1), len(weak1[0])
    pi_hat, mask, targets = fixed.pi_hat, fixed.mask, fixed.pseudo_labels
    if config.margin_kl == "prior_to_estimate":
        kl = sum(math.log(1 / num_classes / p) / num_classes for p in pi_hat)
    else:
        kl = sum(p * math.log(p * num_classes) for p in pi_hat)
    margins = [kl * config.C * p / max(pi_hat) for p in pi_hat]

    def cross_entropy(z: list[float], t: int) -> float:
        return -math.log(softmax([v + margins[t] * (k == t) for k, v in enumerate(z)])[t])

    total = 0.0
    for i in range(num_rows):
        if i < num_labeled:
            total += cross_entropy(weak1[i], targets[i]) / num_labeled
        elif mask[i]:
            total += cross_entropy(strong[i], targets[i]) / (num_rows - num_labeled)
    mean = [sum(softmax(z)[k] for z in weak1) / num_rows for k in range(num_classes)]
    total += config.w_entropy * sum(p * math.log(p) for p in mean)
    pc, uc = _slow_contrastive(weak2 + strong, mask * 2, targets * 2, config)
    return total + config.eta1 * pc + config.eta2 * uc


def _slow_contrastive(
    z: Matrix, mask: list[bool], targets: list[int], config: LPSConfig
) -> tuple[float, float]:
    def similarity(i: int, j: int) -> float:
        dot = sum(a * b for a, b in zip(z[i], z[j], strict=True))
        if config.contrast_norm == "cosine":
            dot /= math.hypot(*z[i]) * math.hypot(*z[j])
        return math.exp(dot / config.tau)

    confident = [i for i, m in enumerate(mask) if m]
    low = [i for i, m in enumerate(mask) if not m]
    pc = uc = 0.0
    for i in confident:
        others = [j for j in confident if j != i]
        positives = [similarity(i, j) for j in others if targets[j] == targets[i]]
        whole = sum(similarity(i, j) for j in others)
        pc -= math.log(sum(positives) / len(positives) / whole) / len(confident)
    among = range(len(z)) if config.uc_neg == "batch" else low
    for i in low:
        whole = sum(similarity(i, j) for j in among if j != i)
        own = similarity(i, (i + len(z) // 2) % len(z))
        uc -= math.log(own / whole) / len(z if config.uc_norm == "batch" else low)
    return pc, uc
