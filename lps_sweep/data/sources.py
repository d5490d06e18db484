"""The table of data sets, and how one is read by its name.

A data set is a module with two functions: ``find(data) -> tuple[Path, ...]``, the files that it is
read from, and ``read(files) -> ImageSet``. What it has besides is optional: ``SIZES``, true where
the stored size of its images is a choice, and ``ROUNDED_DOWN``, where it is not ``labeled``.
"""

from __future__ import annotations

import functools
from importlib import import_module
from pathlib import Path
from typing import Protocol, cast

from lps_sweep.config import DataConfig
from lps_sweep.data.image_set import ImageSet
from lps_sweep.errors import BadInputError, nearest

SOURCES = {
    "digits": "lps_sweep.data.digits",
    "fashion_mnist": "lps_sweep.data.fashion_mnist",
    "cifar10": "lps_sweep.data.cifar10",
    "cifar100": "lps_sweep.data.cifar100",
    "imagenet100": "lps_sweep.data.imagenet100",
}
"""Name of a data set -> the module that reads it."""


class Source(Protocol):
    """What the module of a data set offers."""

    def find(self, data: DataConfig) -> tuple[Path, ...]:
        """The files of the training images; BadInputError where they are missing."""

    def read(self, files: tuple[Path, ...]) -> ImageSet:
        """The training images in `files`; BadInputError where a file is damaged."""


def load(data: DataConfig) -> ImageSet:
    """The training images of `data`, in the order of the data set's own files.

    Raises:
        BadInputError: Unknown name, a size that is no choice, missing files or a damaged file.
    """
    return _source(data.dataset).read(_find(data))


def fingerprint(data: DataConfig) -> str:
    """SHA-256 (hex) of what `load` gives: pixels and labels, wherever the files lie.

    Read once in a process as long as path, size and time of change of the files stay the same.

    Raises:
        BadInputError: Unknown name, a size that is no choice, missing files or a damaged file.
    """
    files = _find(data)
    return _fingerprint(data.dataset, files, tuple(_stamp(file) for file in files))


def rounded_part(dataset: str) -> str:
    """The part of a batch that the reference rounds down for this data set, for `batch_rows`.

    Raises:
        BadInputError: Unknown name.
    """
    return str(getattr(_source(dataset), "ROUNDED_DOWN", "labeled"))


@functools.lru_cache(maxsize=16)
def _fingerprint(dataset: str, files: tuple[Path, ...], stamps: tuple[tuple[int, int], ...]) -> str:
    del stamps  # part of the cache's key only
    return _source(dataset).read(files).fingerprint()


def _find(data: DataConfig) -> tuple[Path, ...]:
    source = _source(data.dataset)
    if data.image_size != DataConfig.image_size and not getattr(source, "SIZES", False):
        raise BadInputError(
            f"the images of {data.dataset} have one size; leave image_size away",
            where="image_size",
        )
    try:
        return source.find(data)
    except (OSError, RuntimeError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise BadInputError(f"{data.data_root}: {reason}", where="data_root") from error


def _stamp(file: Path) -> tuple[int, int]:
    stat = file.stat()
    return stat.st_size, stat.st_mtime_ns


def _source(dataset: str) -> Source:
    if dataset not in SOURCES:
        raise BadInputError(
            f"unknown data set {dataset!r}; {nearest(dataset, SOURCES)}", where="dataset"
        )
    return cast(Source, import_module(SOURCES[dataset]))
