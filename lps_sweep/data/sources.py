"""The table of data sets, and how one is read by its name."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from importlib import import_module
from types import MappingProxyType

from lps_sweep.data.config import DataConfig
from lps_sweep.data.sets import DataSet, ImageSet
from lps_sweep.errors import BadInputError, MissingInputError, nearest
from lps_sweep.files import not_regular

NAMES = (
    "digits",
    "numbers",
    "fashion_mnist",
    "fashion_mnist_small",
    "cifar10",
    "cifar100",
    "imagenet100",
)
"""Each is a module beside this one, whose `DATA_SET` is all that is known of it."""

DATA_SETS: Mapping[str, DataSet] = MappingProxyType(
    {name: import_module(f"lps_sweep.data.{name}").DATA_SET for name in NAMES}
)


def data_set(name: str) -> DataSet:
    """The data set `name`.

    Raises:
        BadInputError: There is none of that name.
    """
    if name not in DATA_SETS:
        raise BadInputError(f"unknown data set {name!r}; {nearest(name, DATA_SETS)}", "dataset")
    return DATA_SETS[name]


def load(data: DataConfig) -> ImageSet:
    """The training images of `data`, in the order of the data set's own files.

    Raises:
        BadInputError: Unknown name, or a size that is no choice.
        MissingInputError: Files are missing, or one is damaged.
    """
    source = check_size(data.dataset, data.image_size)
    with _missing(data):
        files = source.find(data)
        for file in files:
            if reason := not_regular(file):
                raise BadInputError(f"no file of {data.dataset}: {reason}", where=str(file))
        return source.read(files)


def fingerprint(data: DataConfig) -> str:
    """SHA-256 (hex) of what `load` gives: pixels and labels, wherever the files lie.

    Raises:
        BadInputError: As `load`.
    """
    return load(data).fingerprint()


def check_size(name: str, image_size: int) -> DataSet:
    """The data set `name`, whose images may be stored with sides of `image_size` pixels.

    Raises:
        BadInputError: Unknown name, or a size that is no choice.
    """
    source = data_set(name)
    sizes = source.image_sizes
    if image_size in sizes:
        return source
    right = f"be a multiple of {sizes[0]} from {sizes[0]} to {sizes[-1]}"
    if len(sizes) == 1:
        right = f"be left away: the images of {name} have one size"
    raise BadInputError(f"must {right}, not {image_size}", where="image_size")


@contextlib.contextmanager
def _missing(data: DataConfig) -> Iterator[None]:
    """Whatever is wrong with the files that are read inside is a `MissingInputError`."""
    try:
        yield
    except MissingInputError:
        raise
    except BadInputError as error:
        text = str(error).removeprefix(f"{error.where}: ")
        raise MissingInputError(text, error.where) from error
    except (OSError, RuntimeError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise MissingInputError(f"{data.data_root}: {reason}", where="data_root") from error
