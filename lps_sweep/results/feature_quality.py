"""How well features keep classes apart: neighbours, silhouette, and which predictions are right."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

NEIGHBOURS = 15
"""Neighbours that vote on the class of an image."""

Floats = NDArray[np.float64]


def normalised(features: NDArray[Any]) -> Floats:
    """Rows of unit length, as the cosine head sees them; (n, d). A row of zeros stays."""
    x = np.asarray(features, dtype=np.float64)
    length = np.linalg.norm(x, axis=1, keepdims=True)
    return np.asarray(x / np.where(length > 0, length, 1.0))


def knn_accuracy(features: NDArray[Any], classes: NDArray[Any], k: int = NEIGHBOURS) -> float:
    """Percent of the rows whose class is the commonest among the `k` nearest others, by cosine.

    Of equally common classes the one with the nearest neighbour wins; of equally near rows the
    first. NaN below two rows.
    """
    n = len(features)
    if n < 2:
        return float("nan")
    near = np.argsort(_distances(features, own=np.inf), axis=1, kind="stable")[:, : min(k, n - 1)]
    votes = np.asarray(classes)[near]
    counts = (votes[:, :, None] == votes[:, None, :]).sum(2)
    winners = votes[np.arange(n), counts.argmax(1)]
    return float(100 * (winners == classes).mean())


def silhouette(features: NDArray[Any], classes: NDArray[Any]) -> float:
    """Mean silhouette of `classes` by cosine distance, -1 to 1; a class of one row counts 0.

    Rousseeuw, J. Comput. Appl. Math. 20 (1987). NaN below two classes.
    """
    ids, inverse = np.unique(classes, return_inverse=True)
    if len(ids) < 2:
        return float("nan")
    distances = _distances(features, own=0.0)
    member = np.eye(len(ids))[inverse]
    sizes = member.sum(0)
    sums = distances @ member
    own = sizes[inverse]
    within = sums[np.arange(len(inverse)), inverse] / np.maximum(own - 1, 1)
    means = np.where(member > 0, np.inf, sums / sizes)
    between = means.min(1)
    largest = np.maximum(within, between)
    score = np.where(
        (own > 1) & (largest > 0), (between - within) / np.where(largest > 0, largest, 1), 0
    )
    return float(score.mean())


def right_predictions(targets: NDArray[Any], predictions: NDArray[Any]) -> NDArray[np.bool_]:
    """Which predictions are right once their ids are matched with the classes, (n,).

    One matching over all images (Hungarian algorithm), as in the accuracy All.
    """
    from scipy.optimize import linear_sum_assignment

    targets, predictions = np.asarray(targets), np.asarray(predictions)
    if not targets.size:
        return np.zeros(0, dtype=np.bool_)
    counts = np.zeros((int(predictions.max()) + 1, int(targets.max()) + 1), dtype=np.int64)
    np.add.at(counts, (predictions, targets), 1)
    ids, classes = linear_sum_assignment(counts, maximize=True)
    class_of = np.full(len(counts), -1)
    class_of[ids] = classes
    return np.asarray(class_of[predictions] == targets)


def _distances(features: NDArray[Any], own: float) -> Floats:
    x = normalised(features)
    distances = np.clip(1.0 - x @ x.T, 0.0, None)
    np.fill_diagonal(distances, own)
    return np.asarray(distances)
