"""CIFAR's original files: pickles of Python 2, read without executing anything that is in them.

A pickle can name any function and have it called. These files need three names, those with which
numpy puts an array together; they get plain stand-ins here, every other name is refused, and the
bytes of the array are taken from the stand-in. `cifar10` and `cifar100` say which files there are.
"""

from __future__ import annotations

import hashlib
import io
import math
import pickle
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lps_sweep.data.config import DataConfig
from lps_sweep.data.sets import DataSet, ImageSet, Recipe, find_files
from lps_sweep.errors import BadInputError

SHAPE = (3, 32, 32)
"""Of an image; a row of the files has the red plane first, each plane row by row."""


@dataclass(frozen=True)
class Cifar:
    """What the two data sets differ in.

    Attributes:
        title: Name for people.
        folder: Folder that the authors' archive unpacks to, in which torchvision expects it.
        archive: Address of the archive.
        label_key: Entry of the files that holds the class ids.
        class_names: One name per class, by class id.
        checksums: MD5 (hex) of the files of training images by name, in the order of training.
    """

    title: str
    folder: str
    archive: str
    label_key: bytes
    class_names: tuple[str, ...]
    checksums: Mapping[str, str]

    def data_set(self) -> DataSet:
        """The data set; constants of the views are CIFAR-100's for both, as in the reference."""
        return DataSet(
            title=self.title,
            num_classes=len(self.class_names),
            recipe=Recipe(mean=(0.5071, 0.4867, 0.4408), std=(0.2675, 0.2565, 0.2761)),
            find=self.find,
            read=self.read,
        )

    def find(self, data: DataConfig) -> tuple[Path, ...]:
        """The files of training images, below its `data_root` or ``data``.

        Raises:
            MissingInputError: They are not there; lists every place that was looked at.
        """
        return find_files(
            data.data_root,
            Path(self.folder),
            tuple(self.checksums),
            title=self.title,
            advice=f"Get it by unpacking {self.archive}, or let torchvision download it",
        )

    def read(self, files: tuple[Path, ...]) -> ImageSet:
        """The images of `files` one after the other, (N, 3, 32, 32).

        Raises:
            BadInputError: That names the file which is damaged, or is not one of the data set.
        """
        parts = [self._read_batch(file) for file in files]
        return ImageSet(
            images=np.concatenate([rows for rows, _ in parts]).reshape(-1, *SHAPE),
            labels=np.concatenate([labels for _, labels in parts]),
            num_classes=len(self.class_names),
            class_names=self.class_names,
        )

    def _read_batch(self, file: Path) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
        """Rows (N, 3072) and class ids (N,) of one file."""
        try:
            content = file.read_bytes()
        except OSError as error:
            raise BadInputError(f"cannot be read: {error.strerror}", where=str(file)) from error
        found = hashlib.md5(content, usedforsecurity=False).hexdigest()
        if found != self.checksums[file.name]:
            raise BadInputError(
                f"not the file of {self.title}: its MD5 is {found}, not "
                f"{self.checksums[file.name]}; unpack {self.archive} again",
                where=str(file),
            )
        try:
            entries = unpickle(content)
            rows, labels = entries[b"data"].rows(), np.array(entries[self.label_key], np.int64)
            ImageSet(rows[:, None, None], labels, len(self.class_names), self.class_names)
        except Exception as error:  # a damaged pickle fails in ways without number
            message = f"no batch of {self.title}: {type(error).__name__}: {error}"
            raise BadInputError(message, where=str(file)) from error
        return rows, labels


class PickledArray:
    """Stands in for a numpy array in a pickle: takes its bytes, and makes no array of them."""

    def __init__(self, *_arguments: Any) -> None:
        self._state: Any = None

    def __setstate__(self, state: Any) -> None:
        """Takes (version, shape, type, column-major, bytes), as numpy writes them."""
        self._state = state

    def rows(self) -> NDArray[np.uint8]:
        """The array (N, 3072), read-only.

        Raises:
            ValueError: It is no such array of bytes.
        """
        _version, shape, kind, column_major, content = self._state
        if not isinstance(kind, PickledType) or kind.name != b"u1":
            raise ValueError("its images are not bytes")
        if shape[1:] != (math.prod(SHAPE),):
            raise ValueError(f"its images have shape {shape}")
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
