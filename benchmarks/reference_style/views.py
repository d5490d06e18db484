"""Three views of an image by Pillow and torchvision, and their rate on one core."""

from __future__ import annotations

import functools
import math
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

from lps_sweep.data import data_set
from lps_sweep.data.affine import STRONG, WEAK, AffineRanges
from lps_sweep.data.randaugment import OPERATIONS
from lps_sweep.data.sets import Recipe
from tests.data import pil_reference as pil

CIFAR = data_set("cifar10").recipe
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


def transforms_of(
    view: str, recipe: Recipe, height: int, width: int
) -> Callable[[Image.Image], Tensor]:
    """The transform of ``weak``, ``strong`` or ``plain`` pictures.

    Args:
        view: Which.
        recipe: Of the data set: views as those of CIFAR, for 32 x 32 in colour, or affine ones.
        height: Of the pictures.
        width: Likewise.
    """
    flip = transforms.RandomHorizontalFlip()
    paper = {
        "weak": [transforms.RandomCrop(SIDE, padding=4), flip],
        "strong": [
            flip,
            transforms.RandomCrop(SIDE, padding=4, padding_mode="reflect"),
            rand_augment,
        ],
    }
    affine = {
        "weak": [affine_map(WEAK, height, width)],
        "strong": [affine_map(STRONG, height, width)],
    }
    first: list[object] = {"paper": paper, "affine": affine}[recipe.views].get(view, [])
    after = [light_and_cutout] if (recipe.views, view) == ("affine", "strong") else []
    finish = [transforms.ToTensor(), *after, transforms.Normalize(recipe.mean, recipe.std)]
    composed: Callable[[Image.Image], Tensor] = transforms.Compose([*first, *finish])
    return composed


def affine_map(ranges: AffineRanges, height: int, width: int) -> Callable[[Image.Image], object]:
    """Rotation, shift, scale and shear of a grey picture, as `ranges` has them."""
    reach = ranges.shift_ratio * min(height, width)
    made: Callable[[Image.Image], object] = transforms.RandomAffine(
        ranges.degrees,
        translate=(reach / width, reach / height),
        scale=(1 - ranges.scale_ratio, 1 + ranges.scale_ratio),
        shear=math.degrees(math.atan(ranges.shear)),
        interpolation=transforms.InterpolationMode.BILINEAR,
    )
    return made


def light_and_cutout(picture: Tensor) -> Tensor:
    """Contrast, brightness, noise and a black square for a picture (1, H, W) of 0 to 1."""
    gain = 1 + random.uniform(-STRONG.contrast, STRONG.contrast)
    offset = random.uniform(-STRONG.brightness, STRONG.brightness)
    noise = torch.randn_like(picture) * random.uniform(0, STRONG.noise)
    picture = picture * gain + offset + noise
    side = random.randint(0, STRONG.cutout_px)
    top, left = (random.randint(0, size - side) for size in picture.shape[1:])
    picture[:, top : top + side, left : left + side] = 0
    return picture


class Views(torch.utils.data.Dataset[tuple[list[Tensor], int]]):
    """Images with their label, as float32 (C, H, W) views.

    Args:
        pixels: uint8 (N, H, W, C).
        labels: int64 (N,).
        train: Whether to draw two weak views and a strong one, or to leave the image plain.
        recipe: Of the data set.
    """

    def __init__(
        self,
        pixels: NDArray[np.uint8],
        labels: NDArray[np.int64],
        train: bool,
        recipe: Recipe = CIFAR,
    ) -> None:
        self._pixels = pixels[..., 0] if pixels.shape[3] == 1 else pixels  # as Pillow has grey
        self._labels = labels
        names = ("weak", "weak", "strong") if train else ("plain",)
        made = {name: transforms_of(name, recipe, *pixels.shape[1:3]) for name in {*names}}
        self._transforms = [made[name] for name in names]

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
