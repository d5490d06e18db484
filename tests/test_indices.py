"""The columns that rules of selection read, against scikit-learn and on made cases."""

from __future__ import annotations

import numpy as np
import pytest

from lps_sweep.indices import COLUMNS, LAST_ONLY, NO_GROUPS, of_features, of_ids, subset

OF_FEATURES = ("silhouette", "silhouette_novel", "davies_bouldin", "calinski_harabasz")


def test_the_indices_are_those_of_scikit_learn() -> None:
    metrics = pytest.importorskip("sklearn.metrics")
    draw = np.random.default_rng(0)
    ids = draw.integers(0, 7, 200)
    ids[0] = 8  # a group of one
    features = np.eye(9)[ids] + draw.normal(size=(200, 9)).astype(np.float32)
    unit = features / np.linalg.norm(features, axis=1, keepdims=True)
    novel = ids >= 4
    found = of_features(features, ids, 4)
    assert found == pytest.approx(
        {
            "silhouette": metrics.silhouette_score(features, ids, metric="cosine"),
            "silhouette_novel": metrics.silhouette_score(
                features[novel], ids[novel], metric="cosine"
            ),
            "davies_bouldin": -metrics.davies_bouldin_score(unit, ids),
            "calinski_harabasz": metrics.calinski_harabasz_score(unit, ids),
        }
    )
    assert of_features(features, ids, None).keys() == set(OF_FEATURES) - {"silhouette_novel"}


def test_right_groups_have_more_of_each_index_than_wrong_ones() -> None:
    draw = np.random.default_rng(1)
    classes = np.arange(120) % 6
    features = 4 * np.eye(6)[classes] + draw.normal(size=(120, 6))
    right = of_features(features, classes, 3)
    merged = of_features(features, np.where(classes == 5, 4, classes), 3)
    shuffled = of_features(features, draw.permutation(classes), 3)
    for name in OF_FEATURES:
        assert right[name] > merged[name] > shuffled[name]


def test_collapsed_predictions_have_the_least_values() -> None:
    features, one = np.random.default_rng(2).normal(size=(20, 3)), np.zeros(20, dtype=np.int64)
    least = {"silhouette": -1.0, "silhouette_novel": -1.0, "calinski_harabasz": 0.0}
    least["davies_bouldin"] = NO_GROUPS
    assert of_features(features, one, 1) == least
    assert of_features(np.full((20, 3), np.nan), one, 1) == {}
    assert of_features(features[:0], one[:0], 1) == {}


def test_shares_of_ids() -> None:
    even = of_ids(np.arange(40) % 4, 4)
    assert even == {"kl_to_prior": pytest.approx(0), "balance": pytest.approx(1)}
    uneven = of_ids(np.array([0, 0, 0, 1]), 2)
    kl = 0.75 * np.log(0.75 / 0.5) + 0.25 * np.log(0.25 / 0.5)
    assert uneven == {"kl_to_prior": pytest.approx(-kl), "balance": pytest.approx(0.5)}
    empty = of_ids(np.zeros(5, dtype=np.int64), 4)
    assert empty == {"kl_to_prior": pytest.approx(-np.log(4)), "balance": 0}
    assert of_ids(np.zeros(0, dtype=np.int64), 4) == {}


def test_the_subset_is_fixed_and_even() -> None:
    assert subset(10, 4).tolist() == [0, 3, 6, 9]
    assert subset(3, 1000).tolist() == [0, 1, 2]
    assert subset(3, 0).tolist() == []
    assert set(OF_FEATURES) | LAST_ONLY < COLUMNS.keys()
