"""A twelfth of Fashion-MNIST at half its size: 500 training images of each class, 14 x 14, grey.

Photographs of clothing that a CPU trains on in seconds, where handwritten digits say too little.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from lps_sweep.data import digits, fashion_mnist
from lps_sweep.data.sets import DataSet, ImageSet, Recipe

PER_CLASS = 500


def read(files: tuple[Path, ...]) -> ImageSet:
    """A part of the images in `files`, (5000, 1, 14, 14), always the same.

    Of each class as many as there are up to `PER_CLASS`, drawn at random, in the order of the
    files. A pixel is the mean of four, halves rounded up.

    Raises:
        BadInputError: As `fashion_mnist.read`.
    """
    whole = fashion_mnist.read(files)
    draw = np.random.RandomState(0)
    drawn = [
        draw.permutation(np.flatnonzero(whole.labels == label))[:PER_CLASS]
        for label in range(whole.num_classes)
    ]
    rows = np.sort(np.concatenate(drawn))
    num_images, channels, height, width = whole.images[rows].shape
    fours = whole.images[rows].reshape(num_images, channels, height // 2, 2, width // 2, 2)
    sums = fours.sum((3, 5), dtype=np.uint16)
    return ImageSet(
        images=((sums + 2) // 4).astype(np.uint8),
        labels=whole.labels[rows],
        num_classes=whole.num_classes,
        class_names=whole.class_names,
    )


DATA_SET = DataSet(
    title="Fashion-MNIST, a twelfth of it at 14 x 14",
    num_classes=len(fashion_mnist.CLASS_NAMES),
    recipe=Recipe(mean=(0.2863,), std=(0.3303,), views="affine"),
    find=fashion_mnist.find,
    read=read,
    preset={**digits.DATA_SET.preset, "epochs": 12, "pretrain_epochs": 40},
)
"""The constants are those of these images."""
