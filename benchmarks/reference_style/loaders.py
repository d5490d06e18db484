"""Two loaders of two workers; the unlabeled batches are kept and come round again."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader

from benchmarks.frame import ANSWER_S
from benchmarks.reference_style.views import CIFAR, Views
from lps_sweep.data import ImageSet, OpenWorldSplit, batch_rows
from lps_sweep.data.sets import Recipe

NUM_WORKERS = 2
"""Of each of the two training loaders; the evaluation has one."""

EVALUATION_BATCH = 512

Batch = tuple[list[Tensor], Tensor]


class Loaders:
    """The batches of an epoch, and those of an evaluation.

    Args:
        images: The training images.
        split: Which of them are labeled.
        batch_size: Labeled and unlabeled rows together.
        recipe: Of their data set.
    """

    def __init__(
        self, images: ImageSet, split: OpenWorldSplit, batch_size: int, recipe: Recipe = CIFAR
    ) -> None:
        pixels = np.ascontiguousarray(images.images.transpose(0, 2, 3, 1))
        sizes = batch_rows(split, batch_size)
        self._training = [
            DataLoader(
                Views(pixels[rows], split.targets[rows], True, recipe),
                batch_size=size,
                shuffle=True,
                drop_last=True,
                num_workers=NUM_WORKERS,
                timeout=ANSWER_S,
            )
            for rows, size in zip((split.labeled, split.unlabeled), sizes, strict=True)
        ]
        plain = Views(pixels[split.unlabeled], split.targets[split.unlabeled], False, recipe)
        self._plain = DataLoader(
            plain, batch_size=EVALUATION_BATCH, num_workers=1, timeout=ANSWER_S
        )

    def epoch(self) -> Iterator[Batch]:
        """Three views (B, C, H, W) and the labels (n_l,) of each batch, labeled rows first."""
        labeled, unlabeled = self._training
        for (first, labels), (second, _) in zip(labeled, itertools.cycle(unlabeled), strict=False):
            views = [torch.cat(pair) for pair in zip(first, second, strict=True)]
            yield views, labels

    def evaluation(self) -> Iterator[tuple[Tensor, Tensor]]:
        """Plain images and their targets."""
        for (images,), targets in self._plain:
            yield images, targets
