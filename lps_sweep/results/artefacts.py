"""Arrays that a finished trial leaves for confusion tables and figures: one hashed npz a trial."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lps_sweep.errors import StorageError
from lps_sweep.files import atomic_write, inside, read_file, sha256_bytes
from lps_sweep.results.records import FileRef

ARTEFACTS = "artefacts"

_SAFE_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,127}")


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
    if not _SAFE_NAME.fullmatch(trial_id):
        raise ValueError(f"{trial_id!r} cannot be a file name")
    content, named = io.BytesIO(), dict[str, Any](arrays)
    np.savez_compressed(content, **named)
    relative = f"{ARTEFACTS}/{trial_id}-{attempt}.npz"
    atomic_write(inside(results_dir, relative), content.getvalue())
    return FileRef(relative, sha256_bytes(content.getvalue()))


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
        with np.load(io.BytesIO(content), allow_pickle=False) as archive:
            return {name: archive[name] for name in archive.files}
    except (ValueError, OSError, EOFError, AttributeError, zipfile.BadZipFile) as error:
        raise StorageError(f"{path} holds no arrays: {error}") from error
