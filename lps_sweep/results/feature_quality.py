"""How well features keep classes apart: neighbours, and which predictions are right."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from lps_sweep.indices import directions

NEIGHBOURS = 15
"""Neighbours that vote on the class of an image."""


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


def _distances(features: NDArray[Any], own: float) -> NDArray[np.float64]:
    x = directions(features)
    distances = np.clip(1.0 - x @ x.T, 0.0, None)
    np.fill_diagonal(distances, own)
    return np.asarray(distances)
