"""Fashion-MNIST: 60,000 grey training images of clothing, 28 x 28, in IDX files.

An IDX file of bytes starts with 0, 0, 8 and the number of dimensions; then comes each dimension
as a big-endian 32-bit integer; then the values, last dimension fastest.
"""

from __future__ import annotations

import gzip
import math
import struct
import zlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lps_sweep.data.config import DataConfig
from lps_sweep.data.sets import DataSet, ImageSet, Recipe, find_files
from lps_sweep.errors import BadInputError

_NAMES = "t-shirt/top trouser pullover dress coat sandal shirt sneaker bag"
CLASS_NAMES = (*_NAMES.split(), "ankle boot")
IMAGES_NAME = "train-images-idx3-ubyte"
LABELS_NAME = "train-labels-idx1-ubyte"
DEBIAN_FOLDER = Path("/usr/share/datasets/fashion-mnist")
MAX_BYTES = 100_000_000
"""More than twice what the images take: no more is unpacked of a damaged file."""


def find(data: DataConfig) -> tuple[Path, ...]:
    """The files of training images and labels, plain or packed, in the first folder with both.

    With `data_root`: that folder itself, then torchvision's layout ``FashionMNIST/raw`` in it.
    Without: ``data/FashionMNIST/raw`` in the working directory, then the folder of Debian's
    package. A plain file is taken before its ``.gz``.

    Raises:
        MissingInputError: No folder has both; lists every place that was looked at.
    """
    return find_files(
        data.data_root,
        Path("FashionMNIST/raw"),
        (IMAGES_NAME, LABELS_NAME),
        title="Fashion-MNIST",
        advice="Get it with Debian's package (apt-get install dataset-fashion-mnist), or let "
        "torchvision download it",
        elsewhere=(DEBIAN_FOLDER,),
        packed=True,
    )


def read(files: tuple[Path, ...]) -> ImageSet:
    """The training images, (N, 1, 28, 28), in the order of the files.

    Raises:
        BadInputError: A file is damaged, or the two do not belong together.
    """
    images, labels = read_idx(files[0], (28, 28)), read_idx(files[1], ())
    try:
        return ImageSet(images[:, None], labels.astype(np.int64), len(CLASS_NAMES), CLASS_NAMES)
    except ValueError as error:
        raise BadInputError(f"{error}, as those of {files[0]}", str(files[1])) from error


def read_idx(file: Path, item_shape: tuple[int, ...]) -> NDArray[np.uint8]:
    """The uint8 array (N, *item_shape) in `file`; gzip if the name ends in ``.gz``.

    Raises:
        BadInputError: The file cannot be read, is no IDX file of bytes, has items of another
            shape, or its content is shorter or longer than its header says.
    """
    try:
        with gzip.open(file) if file.suffix == ".gz" else file.open("rb") as stream:
            content = stream.read(MAX_BYTES)
    except (OSError, EOFError, zlib.error) as error:
        raise BadInputError(f"cannot be read: {error}", where=str(file)) from error
    num_items = int.from_bytes(content[4:8])
    header = struct.pack(
        f">4B{1 + len(item_shape)}I", 0, 0, 8, 1 + len(item_shape), num_items, *item_shape
    )
    length = len(header) + num_items * math.prod(item_shape)
    if not content.startswith(header) or len(content) != length:
        raise BadInputError(
            f"damaged: {len(content)} bytes, of which the first are "
            f"{content[: len(header)].hex()}; an IDX file of {num_items} items of shape "
            f"{item_shape} has {length}, and begins with {header.hex()}",
            where=str(file),
        )
    values = np.frombuffer(bytearray(content), np.uint8, offset=len(header))
    return values.reshape(num_items, *item_shape)


DATA_SET = DataSet(
    title="Fashion-MNIST",
    num_classes=len(CLASS_NAMES),
    recipe=Recipe(mean=(0.2190,) * 3, std=(0.3318,) * 3, border=2),
    find=find,
    read=read,
)
"""Padded to 32 x 32 and repeated, so that the paper's recipe for CIFAR-10 applies; the constants
are those of all training images after padding."""
