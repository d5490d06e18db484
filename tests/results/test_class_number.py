"""How many classes: made mixtures whose number is known, slow computations, and poor input."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment
from sklearn.cluster import KMeans
from sklearn.metrics import silhouette_score

from lps_sweep.indices import directions
from lps_sweep.results.class_number import (
    N_INIT,
    UNKNOWN,
    Clusterings,
    Found,
    best_number,
    by_labels,
    by_silhouette,
    estimates,
    folds,
    used_heads,
)


def mixture(
    num_classes: int, num_seen: int, spread: float, seed: int = 0
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """30 rows of each class around an axis of its own; half of those of seen classes labeled."""
    draw = np.random.default_rng(seed)
    targets = np.repeat(np.arange(num_classes), 30)
    features = np.eye(num_classes)[targets] + spread * draw.normal(size=(len(targets), num_classes))
    is_known = (targets < num_seen) & (np.arange(len(targets)) % 2 == 0)
    return features, np.where(is_known, targets, UNKNOWN)


@pytest.mark.parametrize(("num_classes", "num_seen"), [(8, 4), (12, 6), (6, 5)])
def test_the_number_of_a_made_mixture_is_found(num_classes: int, num_seen: int) -> None:
    found = estimates(*mixture(num_classes, num_seen, 0.05), seed=0, most=20)
    of_folds = {"folds": (num_classes,) * 3, "seen": (num_seen,) * 3}
    assert found["silhouette"] == Found(num_classes, **of_folds)
    accuracy = found["accuracy"]
    assert accuracy.number == num_classes
    assert len(accuracy.folds) == len(accuracy.seen) == 3
    # That classes without a label are joined goes unnoticed: a fold of two can cost so many.
    assert all(abs(number - num_classes) <= 2 for number in accuracy.folds)
    assert all(num_seen - 2 <= number <= num_seen for number in accuracy.seen)


def test_the_search_by_labels_is_that_of_a_slow_scan() -> None:
    features, labels = mixture(7, 4, 0.35, seed=1)
    known = labels != UNKNOWN
    right = {}
    for k in range(4, 16):
        ids = KMeans(k, n_init=N_INIT, random_state=3).fit_predict(directions(features))[known]
        table = np.array(
            [[np.sum((ids == i) & (labels[known] == j)) for j in range(4)] for i in range(k)]
        )
        right[k] = table[linear_sum_assignment(table, maximize=True)].sum()
    best = [k for k, count in right.items() if count == max(right.values())]
    assert len(right) > len(best)
    assert by_labels(Clusterings(features, 3), labels, 15) == best[(len(best) - 1) // 2]


def test_the_search_by_silhouette_is_that_of_scikit_learn() -> None:
    features, labels = mixture(7, 4, 0.35, seed=1)
    scores = {}
    for k in range(2, 16):
        ids = KMeans(k, n_init=N_INIT, random_state=3).fit_predict(directions(features))
        scores[k] = silhouette_score(features, ids, metric="cosine")
    clusterings = Clusterings(features, 3)
    assert by_silhouette(clusterings, labels, 15) == max(scores, key=scores.__getitem__)
    many = np.where(np.arange(len(labels)) < 9, np.arange(len(labels)), UNKNOWN)
    right = {k: score for k, score in scores.items() if k >= 9}
    assert by_silhouette(clusterings, many, 15) == max(right, key=right.__getitem__)


@pytest.mark.parametrize(
    ("score", "least", "most", "best"),
    [
        (lambda k: -abs(k - 613), 5, 1000, 613),
        (lambda k: -abs(k - 5), 5, 1000, 5),
        (lambda k: -abs(k - 1000), 5, 1000, 1000),
        (lambda k: float(40 <= k <= 60), 30, 53, 46),
        (float, 3, 3, 3),
        (float, 4, 3, None),
    ],
)
def test_the_best_number_is_found_with_few_tries(
    score: Callable[[int], float], least: int, most: int, best: int | None
) -> None:
    tried: list[int] = []
    assert best_number(lambda k: tried.append(k) or score(k), least, most) == best  # type: ignore[func-returns-value]
    assert len(tried) == len(set(tried)) <= 60
    assert all(least <= k <= most for k in tried)


def test_one_labeled_class_or_none_tells_nothing_by_labels() -> None:
    features, labels = mixture(5, 2, 0.05)
    for left in (1, 0):
        few = np.where(labels < left, labels, UNKNOWN)
        assert by_labels(Clusterings(features, 0), few, 10) is None
        assert folds(few) == []
        found = estimates(features, few, 0, 10)
        assert list(found) == ["silhouette"]
        assert found["silhouette"].number == 5
    assert folds(labels) == [], "no fold leaves two classes"
    assert estimates(features, labels, 0, 10)["accuracy"].seen == ()


def test_folds_hide_each_labeled_class_once() -> None:
    labels = np.array([UNKNOWN, 0, 4, 4, 7, 9, UNKNOWN])
    hidden = folds(labels)
    assert [set(labels[fold].tolist()) for fold in hidden] == [{0, 9}, {4}, {7}]
    assert sum(map(np.sum, hidden)) == 5


def test_more_numbers_than_rows_are_not_tried() -> None:
    features, labels = mixture(2, 2, 0.05)
    few = np.array([0, 2, 30, 32])
    found = estimates(features[few], labels[few], 0, most=50)
    assert (found["accuracy"].number, found["silhouette"].number) == (2, 2)
    assert estimates(features[:2], labels[:2], 0, most=50) == {}
    assert estimates(features[:0], labels[:0], 0, most=50) == {}


def test_rows_that_are_all_the_same_are_no_error() -> None:
    labels = np.array([0, 1, 2, UNKNOWN] * 5)
    found = estimates(np.zeros((20, 3)), labels, 0, most=8)
    assert 3 <= found["accuracy"].number <= 8


def test_heads_below_a_tenth_of_the_mean_count_are_not_used() -> None:
    assert used_heads(np.repeat([0, 3, 9], [100, 100, 6])) == 2
    assert used_heads(np.repeat([0, 3, 9], [100, 100, 8])) == 3
    assert used_heads(np.array([7])) == 1
