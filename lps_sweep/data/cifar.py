"""CIFAR's original files: pickles of Python 2, read without executing anything that is in them.

A pickle can name any function and have it called. These files need three names, those with which
numpy puts an array together; they get plain stand-ins here, every other name is refused, and the
bytes of the array are taken from the stand-in. `cifar10` and `cifar100` say which files there are.
"""

from __future__ import annotations

import hashlib
import io
import pickle
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lps_sweep.data.image_set import ImageSet
from lps_sweep.errors import BadInputError

SHAPE = (3, 32, 32)
"""Of an image; a row of the files has the red plane first, each plane row by row."""

ROW_LENGTH = 3 * 32 * 32


@dataclass(frozen=True)
class CifarFormat:
    """What the two data sets differ in.

    Attributes:
        title: Name for messages.
        folder: Folder that the authors' archive unpacks to, in which torchvision expects it.
        archive: Address of the archive.
        label_key: Entry of the files that holds the class ids.
        class_names: One name per class, by class id.
    """

    title: str
    folder: str
    archive: str
    label_key: bytes
    class_names: tuple[str, ...]


def find_files(data_root: str, names: Sequence[str], cifar: CifarFormat) -> tuple[Path, ...]:
    """The files `names`, in this order, in the first folder that has them all.

    With `data_root`: that folder itself, then the data set's own folder in it. Without: that
    folder below ``data`` in the working directory.

    Raises:
        BadInputError: No folder has them all; lists every place that was looked at.
    """
    root = Path(data_root).expanduser()
    folders = (root, root / cifar.folder) if data_root else (Path("data") / cifar.folder,)
    for folder in folders:
        files = tuple(folder / name for name in names)
        if all(file.is_file() for file in files):
            return files
    raise BadInputError(
        f"{cifar.title} is not there: {', '.join(names)} were looked for in\n"
        + "".join(f"  {_looked(folder.absolute(), names)}\n" for folder in folders)
        + f"Get it by unpacking {cifar.archive}, or let torchvision download it (its layout is "
        f"{cifar.folder}/{names[0]}), and name the folder with --set data_root=DIR",
        where="data_root",
    )


def read_files(files: Sequence[Path], checksums: Mapping[str, str], cifar: CifarFormat) -> ImageSet:
    """The images of `files` one after the other, (N, 3, 32, 32).

    Args:
        files: The files, in the order of training.
        checksums: MD5 (hex) by file name; a file with another one is refused.
        cifar: Which data set.

    Raises:
        BadInputError: That names the file which is damaged, or not what the data set consists of.
    """
    parts = [_read_batch(file, checksums[file.name], cifar) for file in files]
    return ImageSet(
        images=np.concatenate([rows for rows, _ in parts]).reshape(-1, *SHAPE),
        labels=np.concatenate([labels for _, labels in parts]),
        num_classes=len(cifar.class_names),
        class_names=cifar.class_names,
    )


def _looked(folder: Path, names: Sequence[str]) -> str:
    if not folder.is_dir():
        return f"{folder} (no such folder)"
    missing = [name for name in names if not (folder / name).is_file()]
    return f"{folder} (without {', '.join(missing)})"


def _read_batch(
    file: Path, checksum: str, cifar: CifarFormat
) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Rows (N, ROW_LENGTH) and class ids (N,) of one file."""
    try:
        content = file.read_bytes()
    except OSError as error:
        raise BadInputError(f"cannot be read: {error.strerror}", where=str(file)) from error
    found = hashlib.md5(content, usedforsecurity=False).hexdigest()
    if found != checksum:
        raise BadInputError(
            f"not the file of {cifar.title}: its MD5 is {found}, not {checksum}; "
            f"unpack {cifar.archive} again",
            where=str(file),
        )
    try:
        entries = unpickle(content)
        rows = entries[b"data"].rows()
        labels = _class_ids(entries[cifar.label_key], len(cifar.class_names))
        if len(rows) != len(labels):
            raise ValueError(f"{len(rows)} images, but {len(labels)} labels")
    except Exception as error:  # a damaged pickle fails in ways without number
        message = f"no batch of {cifar.title}: {type(error).__name__}: {error}"
        raise BadInputError(message, where=str(file)) from error
    return rows, labels


def _class_ids(labels: Any, num_classes: int) -> NDArray[np.int64]:
    if not isinstance(labels, list) or not all(type(label) is int for label in labels):
        raise TypeError("its labels are not a list of whole numbers")
    wrong = [label for label in labels if not 0 <= label < num_classes]
    if wrong:
        raise ValueError(f"label {wrong[0]}, but labels are 0..{num_classes - 1}")
    return np.array(labels, dtype=np.int64)


class PickledArray:
    """Stands in for a numpy array in a pickle: takes its bytes, and makes no array of them."""

    def __init__(self, *_arguments: Any) -> None:
        self._state: Any = None

    def __setstate__(self, state: Any) -> None:
        """Takes (version, shape, type, column-major, bytes), as numpy writes them."""
        self._state = state

    def rows(self) -> NDArray[np.uint8]:
        """The array (N, ROW_LENGTH), read-only.

        Raises:
            ValueError: It is no such array of bytes.
        """
        _version, shape, kind, column_major, content = self._state
        if not isinstance(kind, PickledType) or kind.name != b"u1":
            raise ValueError("its images are not bytes")
        if len(shape) != 2 or shape[1] != ROW_LENGTH:
            raise ValueError(f"its images have shape {shape}, not (N, {ROW_LENGTH})")
        values = np.frombuffer(content, dtype=np.uint8)
        return values.reshape(shape, order="F" if column_major else "C")


class PickledType:
    """Stands in for a numpy type in a pickle: keeps its name."""

    def __init__(self, name: bytes, *_rest: Any) -> None:
        self.name = name

    def __setstate__(self, state: Any) -> None:
        """Byte order and the like, which a type of single bytes does not have."""


STAND_INS: Mapping[tuple[str, str], Any] = {
    ("numpy.core.multiarray", "_reconstruct"): PickledArray,
    ("numpy", "ndarray"): None,
    ("numpy", "dtype"): PickledType,
}
"""What the names in a pickle become; `ndarray` is only ever an argument."""


class _Unpickler(pickle.Unpickler):
    def find_class(self, module_name: str, global_name: str, /) -> Any:
        if (module_name, global_name) not in STAND_INS:
            raise pickle.UnpicklingError(f"it asks for {module_name}.{global_name}; refused")
        return STAND_INS[module_name, global_name]


def unpickle(content: bytes) -> Any:
    """The entries of a pickle; text of Python 2 comes as bytes, arrays as `PickledArray`.

    Raises:
        pickle.UnpicklingError: It asks for any name but the three of an array. Other errors tell
            of damage.
    """
    return _Unpickler(io.BytesIO(content), encoding="bytes").load()
