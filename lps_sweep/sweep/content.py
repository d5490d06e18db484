"""Content hashes of what a configuration reads, computed once per data set, split and file."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lps_sweep.config import Config, DataConfig, SplitConfig
from lps_sweep.data import (
    OpenWorldSplit,
    batch_rows,
    classes_of_head,
    data_set,
    load,
    make_split,
    save_split,
    split_fingerprint,
)
from lps_sweep.errors import MissingInputError, StorageError
from lps_sweep.files import sha256_file
from lps_sweep.plan import Content


def content_of(config: Config) -> Content:
    """The hashes of the data, the split and the released weights of `config`.

    Raises:
        MissingInputError: The data set or the file of weights is missing or damaged.
        BadInputError: The data set is unknown, the split does not fit it, or no batch or number of
            classes fits the split.
    """
    return Content(*_of_images(config), *_of_weights(config))


class ContentIfThere:
    """`content_of` for who only looks: what is missing is noted, and no error.

    Attributes:
        missing: What is wrong with images and with files of weights, by what names them.
    """

    def __init__(self) -> None:
        self.missing: dict[DataConfig | str, MissingInputError] = {}

    def __call__(self, config: Config) -> Content:
        """The hashes of `config`; in place of one that is not known, the settings in words."""
        data, split, weights = config.data, config.split, config.pretrain.pretrained
        images = self._read(data, _of_images, config) or (f"missing: {data}", f"missing: {split}")
        released = self._read(weights, _of_weights, config) or (f"missing: {weights}",)
        return Content(*images, *released)

    def knows(self, config: Config) -> bool:
        """Whether nothing that makes the identity of `config` is missing."""
        return config.data not in self.missing and config.pretrain.pretrained not in self.missing

    def knows_trunk(self, config: Config) -> bool:
        """Whether nothing that makes the recipe of its trunk is missing."""
        return (config.pretrain.pretrained or config.data) not in self.missing

    def notes(self) -> list[str]:
        """What is missing, each in a line."""
        what = {
            named: "weights" if isinstance(named, str) else f"images of {named.dataset}"
            for named in self.missing
        }
        return [f"{what[named]}: {_in_a_line(error)}" for named, error in self.missing.items()]

    def _read(
        self, named: DataConfig | str, read: Callable[[Config], tuple[str, ...]], config: Config
    ) -> tuple[str, ...]:
        """What `read` gives; nothing where it is missing, which is looked for once."""
        if named not in self.missing:
            try:
                return read(config)
            except MissingInputError as error:
                self.missing[named] = error
        return ()


def split_name(fingerprint: str) -> str:
    """The name of the file of the split with this fingerprint."""
    return f"split-{fingerprint[:16]}.npz"


def keep_splits(configs: Iterable[Config], results: Path) -> None:
    """Saves each split once below ``artefacts``, named by its content.

    Raises:
        StorageError: A file cannot be written.
    """
    for split, config in {content_of(config).split: config for config in configs}.items():
        path = results / "artefacts" / split_name(split)
        if not path.exists():
            save_split(_split(config.data, config.split)[0], path)


def _in_a_line(error: MissingInputError) -> str:
    """What is wrong, without the key that names it: a place that was looked at, or a file."""
    if error.looked:
        return f"not there; looked in {'; '.join(error.looked)}"
    text = str(error).partition("\n")[0]
    return text.removeprefix(f"{error.where}: ") if error.where.isidentifier() else text


def _of_images(config: Config) -> tuple[str, ...]:
    split, hashes = _split(config.data, config.split)
    rounded_down = data_set(config.data.dataset).rounded_down
    batch_rows(split, config.loop.batch_size, rounded_down, config.loop.labeled_share)
    classes_of_head(split, config.head.assumed_classes)
    return hashes


@functools.cache
def _split(data: DataConfig, settings: SplitConfig) -> tuple[OpenWorldSplit, tuple[str, str]]:
    labels, num_classes, content = _labels(data)
    split = make_split(labels, num_classes, settings)
    return split, (content, split_fingerprint(split))


@functools.cache
def _labels(data: DataConfig) -> tuple[NDArray[np.int64], int, str]:
    """What a split needs to know of the images, and their fingerprint."""
    images = load(data)
    return images.labels, images.num_classes, images.fingerprint()


def _of_weights(config: Config) -> tuple[str, ...]:
    """SHA-256 of the file, read again when its size or time of change is another."""
    pretrained = config.pretrain.pretrained
    if not pretrained:
        return ("",)
    try:
        file = Path(pretrained).expanduser()
        stat = file.stat()
        return (_sha256(file, stat.st_size, stat.st_mtime_ns),)
    except RuntimeError as error:  # ~name of nobody
        raise MissingInputError(f"{pretrained}: {error}", where="pretrained") from error
    except (OSError, StorageError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise MissingInputError(f"{file.absolute()}: {reason}", where="pretrained") from error


@functools.lru_cache(maxsize=16)
def _sha256(file: Path, size: int, changed_ns: int) -> str:
    del size, changed_ns  # part of the cache's key only
    return sha256_file(file)
