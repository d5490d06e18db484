"""How many classes there are: estimates that read no hidden label.

What is known is a label of some rows: the true one of labeled images, or the prediction of a seen
class by a trained model. All features are compared by cosine.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lps_sweep.indices import directions, silhouette
from lps_sweep.results.feature_quality import right_predictions

UNKNOWN = -1
"""Label of a row whose class nobody knows."""
FOLDS = 3
"""Parts of the seen classes, each of which plays novel once."""
USED = 0.1
"""Part of the mean count of the heads with a prediction, from which on a head counts as used."""
MOST_TRIED = 24
"""Numbers of clusters that are tried before a search narrows down."""
SILHOUETTE_ROWS = 1000
"""Rows, evenly spaced, whose silhouette is taken: its distances grow with their square."""
N_INIT = 3

Ids = NDArray[np.int64]


@dataclass(frozen=True)
class Found:
    """What one estimator says of one trial.

    Attributes:
        number: Classes in all, seen ones included.
        folds: The same with the labels of one fold of the seen classes hidden, fold by fold; empty
            where there are too few classes, or labels are not read.
        seen: Numbers found so, fold by fold, among the rows with a label alone: the right number
            is that of the seen classes.
    """

    number: int
    folds: tuple[int, ...] = ()
    seen: tuple[int, ...] = ()


class Clusterings:
    """k-means of the same rows, one for each number of clusters, computed when first asked for.

    On one thread, so that the result is the same on every machine load.

    Args:
        features: (N, d), finite.
        seed: Of the first centres.
    """

    def __init__(self, features: NDArray[Any], seed: int) -> None:
        self.rows = directions(features)
        self._seed = seed
        self._ids: dict[int, Ids] = {}

    def __call__(self, num_clusters: int) -> Ids:
        """The cluster (N,) of each row."""
        from sklearn.cluster import KMeans
        from sklearn.exceptions import ConvergenceWarning
        from threadpoolctl import threadpool_limits

        if num_clusters not in self._ids:
            with threadpool_limits(limits=1), warnings.catch_warnings():
                warnings.simplefilter("ignore", ConvergenceWarning)  # fewer different rows
                means = KMeans(num_clusters, n_init=N_INIT, random_state=self._seed)
                self._ids[num_clusters] = means.fit_predict(self.rows).astype(np.int64)
        return self._ids[num_clusters]


def by_labels(clusterings: Clusterings, labels: Ids, most: int) -> int | None:
    """The number of clusters that agrees best with the labels: GCD's search (2022, section 3.3).

    k-means of all rows, for each number from that of the labeled classes to `most`; the rows with
    a label are matched with their classes (Hungarian algorithm), and the highest accuracy decides.

    Args:
        clusterings: Of N rows.
        labels: (N,) class ids, or `UNKNOWN`.
        most: Largest number that is tried.

    Returns:
        The number; None with fewer than two labeled classes, since one cluster then agrees
        perfectly, or fewer rows than labeled classes.
    """
    known = labels != UNKNOWN
    least = len(np.unique(labels[known]))

    def accuracy(k: int) -> float:
        return float(right_predictions(labels[known], clusterings(k)[known]).mean())

    return best_number(accuracy, least, min(most, len(labels))) if least > 1 else None


def by_silhouette(clusterings: Clusterings, labels: Ids, most: int) -> int | None:
    """The number of clusters with the highest silhouette, two and the labeled classes at least.

    Args:
        clusterings: Of N rows.
        labels: (N,) class ids, or `UNKNOWN`; only how many there are is read.
        most: Largest number that is tried.

    Returns:
        The number; None with too few rows.
    """
    count, least = len(labels), len(np.unique(labels[labels != UNKNOWN]))
    rows = np.linspace(0, count - 1, min(count, SILHOUETTE_ROWS)).astype(np.int64)

    def score(k: int) -> float:
        found = silhouette(clusterings.rows[rows], clusterings(k)[rows])
        return float(np.nan_to_num(found, nan=-1.0))

    return best_number(score, max(2, least), min(most, count - 1))


def used_heads(predictions: Ids) -> int:
    """Heads with at least `USED` of the mean count of those with any of `predictions` (N,).

    No more than the model has, so that this says something only of one that has too many.
    """
    counts = np.unique(predictions, return_counts=True)[1]
    return int((counts >= USED * counts.mean()).sum())


def estimates(features: NDArray[Any], labels: Ids, seed: int, most: int) -> dict[str, Found]:
    """By name, what the estimators that cluster features say; nothing of one that cannot tell.

    Args:
        features: (N, d), finite.
        labels: (N,) class ids, or `UNKNOWN`.
        seed: Of k-means.
        most: Largest number that is tried.
    """
    known = labels != UNKNOWN
    every, seen = Clusterings(features, seed), Clusterings(features[known], seed)
    hidden = [np.where(fold, UNKNOWN, labels) for fold in folds(labels)]
    found = {}
    for name, estimator in {"accuracy": by_labels, "silhouette": by_silhouette}.items():
        number = estimator(every, labels, most)
        of_folds = [estimator(every, one, most) for one in hidden]
        of_seen = [estimator(seen, one[known], most) for one in hidden]
        if number is not None:
            found[name] = Found(number, _numbers(of_folds), _numbers(of_seen))
    return found


def folds(labels: Ids) -> list[NDArray[np.bool_]]:
    """Rows (N,) of each of `FOLDS` parts of the labeled classes; none without two left over."""
    classes = np.unique(labels[labels != UNKNOWN])
    parts = [classes[start::FOLDS] for start in range(min(FOLDS, len(classes)))]
    return [np.isin(labels, part) for part in parts if len(classes) - len(part) > 1]


def best_number(score: Callable[[int], float], least: int, most: int) -> int | None:
    """The whole number from `least` to `most` with the highest score; None if there is no number.

    Of equally good ones the middle. Up to `MOST_TRIED` are all tried; of more, evenly spaced ones,
    and then those around the best, until no number beside it is left out.
    """
    if least > most:
        return None
    tried: dict[int, float] = {}
    step, low, high = -(-(most - least + 1) // MOST_TRIED), least, most
    while True:
        tried |= {k: score(k) for k in {*range(low, high + 1, step), high} - tried.keys()}
        highest = max(tried.values())
        best = sorted(k for k, value in tried.items() if value == highest)
        middle = best[(len(best) - 1) // 2]
        if step == 1:
            return middle
        low, high, step = max(least, middle - step), min(most, middle + step), -(-step // 4)


def _numbers(found: Sequence[int | None]) -> tuple[int, ...]:
    return tuple(number for number in found if number is not None)
