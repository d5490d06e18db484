"""Arrays that a finished trial leaves for confusion tables and figures: one hashed npz a trial."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lps_sweep.errors import StorageError
from lps_sweep.files import atomic_write, inside, is_name, read_file, sha256_bytes
from lps_sweep.results.records import FileRef
from lps_sweep.results.sidecars import FOLDER

_NO_ARRAYS = (ValueError, OSError, EOFError, AttributeError, MemoryError, RuntimeError)

MAX_CLASSES = 100_000
"""Above any class id, and small enough to count classes up to it."""

MAX_BYTES = 2**30
"""Most bytes of the arrays of an artefact: far above any, far below what fills a memory."""


def save_artefact(
    results_dir: Path, trial_id: str, attempt: int, arrays: Mapping[str, NDArray[Any]]
) -> FileRef:
    """Write `arrays` whole to ``artefacts/<trial_id>-<attempt>.npz``; equal arrays, equal bytes.

    Raises:
        ValueError: An array holds objects, or `trial_id` cannot be a file name.
        StorageError: The file cannot be written.
    """
    objects = [name for name, array in arrays.items() if np.asarray(array).dtype.hasobject]
    if objects:
        raise ValueError(f"arrays of objects cannot be kept: {', '.join(objects)}")
    if not is_name(trial_id):
        raise ValueError(f"{trial_id!r} cannot be a file name")
    content, named = io.BytesIO(), dict[str, Any](arrays)
    np.savez_compressed(content, **named)
    relative = artefact_path(trial_id, attempt)
    atomic_write(inside(results_dir, relative), content.getvalue())
    return FileRef(relative, sha256_bytes(content.getvalue()))


def artefact_path(trial_id: str, attempt: int) -> str:
    """Where an attempt leaves its arrays, relative to its results folder."""
    return f"{FOLDER}/{trial_id}-{attempt}.npz"


def load_artefact(results_dir: Path, ref: FileRef) -> dict[str, NDArray[Any]]:
    """The arrays of `ref`, after the hash of the file was found right; never runs pickled code.

    Raises:
        StorageError: The file is missing, damaged, or lies outside the results folder.
    """
    path = inside(results_dir, ref.path)
    content = read_file(path)
    if sha256_bytes(content) != ref.sha256:
        raise StorageError(f"{path} is damaged: its hash is not the recorded one")
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as parts:
            size = sum(part.file_size for part in parts.infolist())
        if size > MAX_BYTES:
            raise StorageError(f"{path} would unpack to {size} bytes, more than any artefact")
        with np.load(io.BytesIO(content), allow_pickle=False) as archive:
            arrays = {name: archive[name] for name in archive.files}
    except (*_NO_ARRAYS, zipfile.BadZipFile) as error:
        raise StorageError(f"{path} holds no arrays: {error}") from error
    others = [name for name, array in arrays.items() if not isinstance(array, np.ndarray)]
    if others:
        raise StorageError(f"{path} holds what is no array: {', '.join(others)}")
    return arrays


def load_trial_arrays(results_dir: Path, ref: FileRef) -> dict[str, NDArray[Any]]:
    """As `load_artefact`, of what training leaves: class ids of the unlabeled images and the like.

    Raises:
        StorageError: As `load_artefact`, or the arrays do not belong together.
    """
    arrays = load_artefact(results_dir, ref)
    if not _belong_together(arrays):
        raise StorageError(f"{inside(results_dir, ref.path)} is not what a trial leaves")
    return arrays


def _belong_together(arrays: Mapping[str, NDArray[Any]]) -> bool:
    targets, predictions = arrays.get("targets"), arrays.get("predictions")
    if not _are_ids(targets, MAX_CLASSES) or not _are_ids(predictions, MAX_CLASSES):
        return False
    estimate = arrays.get("pi_hat", np.empty((0, 0)))
    if estimate.ndim != 2 or estimate.dtype.kind != "f" or estimate.shape[1] > MAX_CLASSES:
        return False
    images = arrays.get("unlabeled_indices", np.arange(len(arrays["targets"])))
    features = arrays.get("features", np.empty((0, 0)))
    rows = arrays.get("feature_indices", np.empty(0, dtype=np.int64))
    return (
        _are_ids(images, 2**62)
        and len(images) == len(arrays["targets"]) == len(arrays["predictions"])
        and (features.ndim, features.dtype.kind, len(features)) == (2, "f", len(rows))
        and _are_ids(rows, 2**62)
        and bool(np.isin(rows, images).all())
    )


def _are_ids(array: NDArray[Any] | None, end: int) -> bool:
    """Whether it is a row of whole numbers from 0 up to below `end`."""
    if array is None or array.ndim != 1 or array.dtype.kind not in "iu":
        return False
    return bool(not array.size or (array.min() >= 0 and array.max() < end))
