"""How well features keep classes apart: neighbours, and which predictions are right."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from lps_sweep.indices import directions
from lps_sweep.metrics import contingency, match

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
    x = directions(features)
    distances = np.clip(1.0 - x @ x.T, 0.0, None)
    np.fill_diagonal(distances, np.inf)
    near = np.argsort(distances, axis=1, kind="stable")[:, : min(k, n - 1)]
    votes = np.asarray(classes)[near]
    counts = (votes[:, :, None] == votes[:, None, :]).sum(2)
    winners = votes[np.arange(n), counts.argmax(1)]
    return float(100 * (winners == classes).mean())


def right_predictions(targets: NDArray[Any], predictions: NDArray[Any]) -> NDArray[np.bool_]:
    """Which predictions are right once their ids are matched with the classes, (n,).

    One matching over all images (Hungarian algorithm), as in the accuracy All.
    """
    targets, predictions = np.asarray(targets), np.asarray(predictions)
    if not targets.size:
        return np.zeros(0, dtype=np.bool_)
    table, ids = contingency(targets, predictions, int(targets.max()) + 1)
    return np.asarray(match(table)[np.searchsorted(ids, predictions)] == targets)
