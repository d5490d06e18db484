"""The split as a file, so that another program can use the very same one."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import numpy as np

from lps_sweep.data.split import NO_IMAGES, OpenWorldSplit, split_fingerprint
from lps_sweep.errors import StorageError
from lps_sweep.files import atomic_write, read_file

ARRAYS = ("labeled", "holdout", "unlabeled", "targets", "class_order")

_NO_ARRAYS = (OSError, EOFError, ValueError, MemoryError, StorageError, zipfile.BadZipFile)


def save_split(split: OpenWorldSplit, path: Path) -> None:
    """Writes `split` to the npz file `path`; the file is there whole or not at all.

    Raises:
        StorageError: The file cannot be written.
    """
    content = io.BytesIO()
    np.savez(
        content,
        allow_pickle=False,
        labeled=split.labeled,
        holdout=split.holdout,
        unlabeled=split.unlabeled,
        targets=split.targets,
        class_order=np.array(split.class_order, dtype=np.int64),
        fold=split.fold,
        num_seen=np.int64(split.num_seen),
        fingerprint=np.array(split_fingerprint(split)),
    )
    atomic_write(path, content.getvalue())


def load_split(path: Path) -> OpenWorldSplit:
    """The split in the npz file `path`; nothing in it is ever unpickled.

    Raises:
        StorageError: The file cannot be read, or is not what `save_split` wrote.
    """
    try:
        with np.load(io.BytesIO(read_file(path)), allow_pickle=False) as stored:
            arrays = {name: stored[name] for name in ARRAYS}
            arrays["fold"] = stored.get("fold", NO_IMAGES)
            num_seen, fingerprint = int(stored["num_seen"]), str(stored["fingerprint"])
    except (*_NO_ARRAYS, KeyError, TypeError) as error:
        raise StorageError(f"{path}: no split can be read: {error}") from error
    if any(getattr(a, "dtype", None) != np.int64 or a.ndim != 1 for a in arrays.values()):
        raise StorageError(f"{path}: damaged split: an array is not one-dimensional int64")
    class_order = tuple(arrays.pop("class_order").tolist())
    split = OpenWorldSplit(
        **arrays, num_seen=num_seen, num_classes=len(class_order), class_order=class_order
    )
    if split_fingerprint(split) != fingerprint:
        raise StorageError(f"{path}: damaged split: its content does not match its fingerprint")
    return split
