"""Three views of an image by Pillow and torchvision, and their rate on one core."""

from __future__ import annotations

import functools
import random
import statistics
import time
from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor
from torchvision import transforms

from lps_sweep.data import pil_reference as pil
from lps_sweep.data.randaugment import OPERATIONS
from lps_sweep.data.views import CIFAR

SIDE = 32
RATE_BATCH = 256
"""Images of a turn when the rate is measured."""


def rand_augment(picture: Image.Image) -> Image.Image:
    """Two operations drawn with replacement, each applied with probability 1/2, then cutout."""
    for name in random.choices(OPERATIONS, k=2):
        operation = pil.Operation(name, random.randint(1, 9), random.random() < 0.5)
        if random.random() < 0.5:
            picture = pil.apply_operation(picture, operation)
    centre = random.random() * SIDE, random.random() * SIDE
    top, left = (int(max(0.0, place - SIDE // 4)) for place in centre)
    return pil.cut_out(picture, top, left)


def transforms_of(view: str) -> Callable[[Image.Image], Tensor]:
    """The transform of ``weak``, ``strong`` or ``plain`` pictures of 32 x 32 in colour."""
    finish = [transforms.ToTensor(), transforms.Normalize(CIFAR.mean, CIFAR.std)]
    flip = transforms.RandomHorizontalFlip()
    steps = {
        "weak": [transforms.RandomCrop(SIDE, padding=4), flip],
        "strong": [
            flip,
            transforms.RandomCrop(SIDE, padding=4, padding_mode="reflect"),
            rand_augment,
        ],
        "plain": [],
    }
    composed: Callable[[Image.Image], Tensor] = transforms.Compose([*steps[view], *finish])
    return composed


class Views(torch.utils.data.Dataset[tuple[list[Tensor], int]]):
    """Images with their label, as float32 (3, 32, 32) views.

    Args:
        pixels: uint8 (N, 32, 32, 3).
        labels: int64 (N,).
        train: Whether to draw two weak views and a strong one, or to leave the image plain.
    """

    def __init__(self, pixels: NDArray[np.uint8], labels: NDArray[np.int64], train: bool) -> None:
        self._pixels = pixels
        self._labels = labels
        weak, strong = transforms_of("weak"), transforms_of("strong")
        self._transforms = [weak, weak, strong] if train else [transforms_of("plain")]

    def __len__(self) -> int:
        """Number of images."""
        return len(self._pixels)

    def __getitem__(self, row: int) -> tuple[list[Tensor], int]:
        """The views and the label of an image."""
        picture = Image.fromarray(self._pixels[row])
        return [transform(picture) for transform in self._transforms], int(self._labels[row])


@functools.lru_cache(maxsize=1)
def triples_per_second() -> float:
    """Triples per second of CPU time that one process makes, without a loader."""
    generator = np.random.default_rng(0)
    pixels = generator.integers(0, 256, (RATE_BATCH, SIDE, SIDE, 3), dtype=np.uint8)
    views = Views(pixels, np.zeros(RATE_BATCH, dtype=np.int64), train=True)
    rates = []
    for _ in range(4):
        started = time.process_time()
        for row in range(RATE_BATCH):
            views[row]
        rates.append(RATE_BATCH / (time.process_time() - started))
    return statistics.median(rates[1:])
