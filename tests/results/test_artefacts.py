from __future__ import annotations

import io
import math
import stat
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from lps_sweep.errors import StorageError
from lps_sweep.files import atomic_write, sha256_bytes
from lps_sweep.indices import directions, silhouette
from lps_sweep.results import FileRef, save_artefact
from lps_sweep.results.artefacts import load_artefact, load_trial_arrays
from lps_sweep.results.feature_quality import knn_accuracy, right_predictions

ARRAYS: dict[str, NDArray[Any]] = {
    "predictions": np.arange(1000, dtype=np.int64) % 10,
    "features": np.linspace(0, 1, 600, dtype=np.float32).reshape(100, 6),
    "pi_hat": np.zeros((0, 10)),
    "class_names": np.array(["zero", "größer"]),
}


def test_arrays_come_back_as_they_were(tmp_path: Path) -> None:
    ref = save_artefact(tmp_path, "ab12", 3, ARRAYS)
    assert ref.path == "artefacts/ab12-3.npz"
    assert save_artefact(tmp_path / "again", "ab12", 3, ARRAYS) == ref
    loaded = load_artefact(tmp_path, ref)
    assert loaded.keys() == ARRAYS.keys()
    for name, array in loaded.items():
        assert array.dtype == ARRAYS[name].dtype
        np.testing.assert_array_equal(array, ARRAYS[name])
    path = tmp_path / ref.path
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


@pytest.mark.parametrize("damage", ["flip", "truncate", "empty", "delete", "swap"])
def test_a_damaged_file_is_refused_by_name(tmp_path: Path, damage: str) -> None:
    ref = save_artefact(tmp_path, "a", 1, {"x": np.arange(100)})
    path = tmp_path / ref.path
    content = path.read_bytes()
    other = tmp_path / save_artefact(tmp_path, "b", 1, {"x": np.arange(100) + 1}).path
    middle = len(content) // 2
    flipped = content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :]
    spoiled = {"flip": flipped, "truncate": content[:-10], "swap": other.read_bytes()}
    path.write_bytes(spoiled.get(damage, b""))
    if damage == "delete":
        path.unlink()
    with pytest.raises(StorageError, match=str(path)):
        load_artefact(tmp_path, ref)


@pytest.mark.parametrize("trial_id", ["../a", "a/b", "", ".hidden", "a" * 200, "a\0"])
def test_a_trial_id_that_is_no_file_name_is_refused(tmp_path: Path, trial_id: str) -> None:
    with pytest.raises(ValueError, match="cannot be a file name"):
        save_artefact(tmp_path, trial_id, 1, {"x": np.arange(2)})
    assert list(tmp_path.iterdir()) == []


def test_objects_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="arrays of objects cannot be kept: bad"):
        save_artefact(tmp_path, "a", 1, {"bad": np.array([{}, None], dtype=object)})


TRIAL = {
    "unlabeled_indices": np.array([3, 5, 8]),
    "targets": np.array([0, 1, 2]),
    "predictions": np.array([0, 2, 1]),
    "pi_hat": np.full((2, 3), 1 / 3, dtype=np.float32),
    "feature_indices": np.array([3, 8]),
    "features": np.zeros((2, 4), dtype=np.float32),
}


def test_what_a_trial_leaves_is_read(tmp_path: Path) -> None:
    read = load_trial_arrays(tmp_path, save_artefact(tmp_path, "a", 1, TRIAL))
    assert set(read) == set(TRIAL)
    some = {name: TRIAL[name] for name in ("targets", "predictions")}
    assert set(load_trial_arrays(tmp_path, save_artefact(tmp_path, "b", 1, some))) == set(some)


@pytest.mark.parametrize(
    "change",
    [
        {"targets": None},
        {"predictions": None},
        {"targets": np.array([0, 1, 2**60])},
        {"predictions": np.array([0, -1, 2])},
        {"predictions": np.array([0.0, 1.0, 2.0])},
        {"predictions": np.array([[0, 1, 2]])},
        {"predictions": np.array([0, 1])},
        {"unlabeled_indices": np.array([3, 5])},
        {"pi_hat": np.zeros(3)},
        {"feature_indices": np.array([3, 9])},
        {"feature_indices": np.array([3])},
        {"features": np.array([["a"], ["b"]])},
    ],
    ids=str,
)
def test_what_no_trial_leaves_is_refused(tmp_path: Path, change: dict[str, Any]) -> None:
    """A report must not count up to a class id that somebody made up."""
    arrays = {name: a for name, a in {**TRIAL, **change}.items() if a is not None}
    ref = save_artefact(tmp_path, "a", 1, arrays)
    with pytest.raises(StorageError, match="is not what a trial leaves"):
        load_trial_arrays(tmp_path, ref)


def test_what_would_fill_the_memory_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ref = save_artefact(tmp_path, "a", 1, {"x": np.zeros(10**6)})
    assert (tmp_path / ref.path).stat().st_size < 20_000
    monkeypatch.setattr("lps_sweep.results.artefacts.MAX_BYTES", 10**6)
    with pytest.raises(StorageError, match=r"would unpack to 8\d{6} bytes"):
        load_artefact(tmp_path, ref)


def test_a_shape_that_no_memory_holds_is_refused(tmp_path: Path) -> None:
    content = io.BytesIO()
    np.savez(content, x=np.zeros(3))
    lie = content.getvalue().replace(b"(3,), }" + b" " * 12, b"(9999999999999,), }", 1)
    assert lie != content.getvalue()
    atomic_write(tmp_path / "a.npz", lie)
    with pytest.raises(StorageError, match="holds no arrays"):
        load_artefact(tmp_path, FileRef("a.npz", sha256_bytes(lie)))


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
    assert math.isnan(knn_accuracy(np.ones((1, 2)), np.zeros(1)))
    assert silhouette(np.ones((4, 2)), np.array([0, 0, 1, 1])) == 0
    assert directions(np.zeros((2, 3))).tolist() == [[0.0] * 3] * 2


def test_right_after_one_matching() -> None:
    targets = np.array([0, 0, 1, 1, 2, 2, 2])
    predictions = np.array([0, 0, 5, 5, 3, 3, 0])
    assert right_predictions(targets, predictions).tolist() == [True] * 6 + [False]
    assert right_predictions(np.zeros(0, int), np.zeros(0, int)).tolist() == []
