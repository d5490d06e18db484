"""Content hashes of what a configuration reads, computed once per data set, split and file."""

from __future__ import annotations

import functools
from pathlib import Path

from lps_sweep.config import Config, DataConfig, SplitConfig
from lps_sweep.data import (
    OpenWorldSplit,
    batch_rows,
    classes_of_head,
    fingerprint,
    load,
    make_split,
    rounded_part,
    split_fingerprint,
)
from lps_sweep.errors import BadInputError, StorageError
from lps_sweep.files import sha256_file
from lps_sweep.plan import Content


def content_of(config: Config) -> Content:
    """The hashes of the data, the split and the released weights of `config`.

    Raises:
        BadInputError: The data set is unknown, missing or damaged, the split does not fit it, no
            batch or number of classes fits the split, or the file of weights cannot be read.
    """
    split, hashes = _split(config.data, config.split)
    batch_rows(split, config.loop.batch_size, rounded_part(config.data.dataset))
    classes_of_head(split, config.head.assumed_classes)
    return hashes._replace(weights=_weights(config.pretrain.pretrained))


def split_of(config: Config) -> OpenWorldSplit:
    """The open-world split of `config`."""
    return _split(config.data, config.split)[0]


@functools.cache
def _split(data: DataConfig, settings: SplitConfig) -> tuple[OpenWorldSplit, Content]:
    images = load(data)
    split = make_split(images.labels, images.num_classes, settings)
    return split, Content(fingerprint(data), split_fingerprint(split))


def _weights(pretrained: str) -> str:
    """SHA-256 of the file, read again when its size or time of change is another."""
    if not pretrained:
        return ""
    try:
        file = Path(pretrained).expanduser()
        stat = file.stat()
        return _sha256(file, stat.st_size, stat.st_mtime_ns)
    except RuntimeError as error:  # ~name of nobody
        raise BadInputError(f"{pretrained}: {error}", where="pretrained") from error
    except (OSError, StorageError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise BadInputError(f"{file.absolute()}: {reason}", where="pretrained") from error


@functools.lru_cache(maxsize=16)
def _sha256(file: Path, size: int, changed_ns: int) -> str:
    del size, changed_ns  # part of the cache's key only
    return sha256_file(file)
