from __future__ import annotations

import math

import numpy as np
import pytest

from lps_sweep.results.feature_quality import (
    knn_accuracy,
    normalised,
    right_predictions,
    silhouette,
)


def test_neighbours_vote_by_cosine() -> None:
    features = np.array([[1, 0], [100, 1], [1, 0.1], [0, 1], [0.1, 5], [0.02, 1.0]])
    classes = np.array([0, 0, 0, 1, 1, 1])
    assert knn_accuracy(features, classes, 2) == 100
    assert knn_accuracy(features, np.array([0, 0, 0, 1, 1, 0]), 2) == pytest.approx(100 * 4 / 6)
    assert math.isnan(knn_accuracy(features[:1], classes[:1]))


def test_a_tie_goes_to_the_nearest() -> None:
    angle = np.deg2rad([0, 5, 20])
    features = np.column_stack([np.cos(angle), np.sin(angle)])
    assert knn_accuracy(features, np.array([0, 0, 1]), 2) == pytest.approx(100 * 2 / 3)


def test_both_are_those_of_scikit_learn() -> None:
    metrics = pytest.importorskip("sklearn.metrics")
    draw = np.random.default_rng(0)
    classes = np.arange(90) % 4
    classes[0] = 7  # a class of one
    features = np.eye(8)[classes] * 2 + draw.normal(size=(90, 8))
    expected = metrics.silhouette_score(features, classes, metric="cosine")
    assert silhouette(features, classes) == pytest.approx(expected)
    from sklearn.model_selection import LeaveOneOut, cross_val_predict
    from sklearn.neighbors import KNeighborsClassifier

    voter = KNeighborsClassifier(5, metric="cosine", algorithm="brute")
    theirs = cross_val_predict(voter, features, classes, cv=LeaveOneOut())
    agreed = 100 * (theirs == classes).mean()
    assert knn_accuracy(features, classes, 5) == pytest.approx(agreed, abs=3), "ties differ"


def test_degenerate_features() -> None:
    assert math.isnan(silhouette(np.ones((4, 2)), np.zeros(4)))
    assert silhouette(np.ones((4, 2)), np.array([0, 0, 1, 1])) == 0
    assert normalised(np.zeros((2, 3))).tolist() == [[0.0] * 3] * 2


def test_right_after_one_matching() -> None:
    targets = np.array([0, 0, 1, 1, 2, 2, 2])
    predictions = np.array([0, 0, 5, 5, 3, 3, 0])
    assert right_predictions(targets, predictions).tolist() == [True] * 6 + [False]
    assert right_predictions(np.zeros(0, int), np.zeros(0, int)).tolist() == []
