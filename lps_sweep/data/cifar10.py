"""CIFAR-10: 50,000 colour training images of ten classes, 32 x 32."""

from __future__ import annotations

from pathlib import Path

from lps_sweep.config import DataConfig
from lps_sweep.data.cifar import CifarFormat, find_files, read_files
from lps_sweep.data.image_set import ImageSet

FORMAT = CifarFormat(
    title="CIFAR-10",
    folder="cifar-10-batches-py",
    archive="https://www.cs.toronto.edu/~kriz/cifar-10-python.tar.gz",
    label_key=b"labels",
    class_names=(
        "airplane",
        "automobile",
        "bird",
        "cat",
        "deer",
        "dog",
        "frog",
        "horse",
        "ship",
        "truck",
    ),
)
CHECKSUMS = {
    "data_batch_1": "c99cafc152244af753f735de768cd75f",
    "data_batch_2": "d4bba439e000b95fd0a9bffe97cbabec",
    "data_batch_3": "54ebc095f3ab1f0389bbae665268c751",
    "data_batch_4": "634d18415352ddfa80567beed471001a",
    "data_batch_5": "482c414d41f54cd18b22e5b47cb7c3cb",
}
"""MD5 of the files of training images, in the order of training."""


def find(data: DataConfig) -> tuple[Path, ...]:
    """The five batches of training images, below its `data_root` or ``data``.

    Raises:
        BadInputError: They are not there; lists every place that was looked at.
    """
    return find_files(data.data_root, tuple(CHECKSUMS), FORMAT)


def read(files: tuple[Path, ...]) -> ImageSet:
    """The training images, (50000, 3, 32, 32), in the order of the files.

    Raises:
        BadInputError: A file is damaged.
    """
    return read_files(files, CHECKSUMS, FORMAT)
