"""Content hashes of what a configuration reads, computed once per data set, split and file."""

from __future__ import annotations

import functools
from pathlib import Path

from lps_sweep.config import Config, DataConfig, SplitConfig
from lps_sweep.data import fingerprint, load, make_split, split_fingerprint
from lps_sweep.errors import BadInputError, StorageError
from lps_sweep.files import sha256_file
from lps_sweep.plan import Content


def content_of(config: Config) -> Content:
    """The hashes of the data, the split and the released weights of `config`.

    Raises:
        BadInputError: The data set is unknown, missing or damaged, the split does not fit it, or
            the file of weights cannot be read.
    """
    return _content(config.data, config.split)._replace(
        weights=_weights(config.pretrain.pretrained)
    )


@functools.cache
def _content(data: DataConfig, split: SplitConfig) -> Content:
    images = load(data)
    made = make_split(images.labels, images.num_classes, split)
    return Content(fingerprint(data), split_fingerprint(made))


def _weights(pretrained: str) -> str:
    """SHA-256 of the file, read again when its size or time of change is another."""
    if not pretrained:
        return ""
    file = Path(pretrained).expanduser()
    try:
        stat = file.stat()
        return _sha256(file, stat.st_size, stat.st_mtime_ns)
    except (OSError, StorageError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise BadInputError(f"{file.absolute()}: {reason}", where="pretrained") from error


@functools.lru_cache(maxsize=16)
def _sha256(file: Path, size: int, changed_ns: int) -> str:
    del size, changed_ns  # part of the cache's key only
    return sha256_file(file)
