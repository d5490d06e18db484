"""The views of ImageNet, drawn from square images that are 8/7 as large as a view.

From stored images of 256 they are the reference's: 224 pixels, a border of 28, a cutout of 112.
The views of other stored sizes have the same proportions.
"""

from __future__ import annotations

import torch
from torch import Tensor

from lps_sweep.data.crop import CROP_COLUMNS, draw_crops, flip_then_crop
from lps_sweep.data.randaugment import (
    AUGMENT_COLUMNS,
    Operations,
    augment,
    draw_augments,
    grouped_operations,
)
from lps_sweep.data.random import Key, bits
from lps_sweep.data.resized_crop import BOX_COLUMNS, draw_boxes, resize_boxes
from lps_sweep.data.simclr import simclr_view

MIN_AREA = 0.5
"""Smallest share of the image in a weak or strong view."""


def view_side(stored_side: int) -> int:
    """Side of the views of square images: 224 for 256."""
    return 7 * stored_side // 8


def border(side: int) -> int:
    """Reflected border of a strong view, in pixels: 28 for 224."""
    return side // 8


def imagenet_weak(images: Tensor, key: Key) -> Tensor:
    """Random resized crop, then flip: uint8 (B, C, S, S) to uint8 (B, C, 7/8 S, 7/8 S)."""
    words = bits((len(images), BOX_COLUMNS + 1), key, images.device)
    cropped = _resized(images, words)
    mirrored = words[:, -1] >= 1 << 31
    return torch.where(mirrored[:, None, None, None], cropped.flip(3), cropped)


def imagenet_strong(
    images: Tensor, key: Key, operations: Operations = grouped_operations
) -> Tensor:
    """Random resized crop, flip, crop with a reflected border, RandAugment, cutout.

    Shapes as in `imagenet_weak`, C = 1 or 3; bit for bit `pil_reference.imagenet_strong_view`
    under the same decisions.
    """
    columns = (BOX_COLUMNS, CROP_COLUMNS, AUGMENT_COLUMNS)
    words = bits((len(images), sum(columns)), key, images.device)
    of_box, of_crop, of_augment = words.split(columns, dim=1)  # type: ignore[no-untyped-call]
    view = _resized(images, of_box)
    padding = border(view.shape[3])
    view = flip_then_crop(view, draw_crops(of_crop, padding), padding)
    return augment(view, draw_augments(of_augment, *view.shape[2:]), operations)


def imagenet_simclr(images: Tensor, key: Key) -> Tensor:
    """`simclr_view` at the size of a view: float32 (B, C, 7/8 S, 7/8 S) in 0..255."""
    return simclr_view(images, key, view_side(images.shape[3]))


def centre_crop(images: Tensor) -> Tensor:
    """The test transform: the middle 7/8 of the side."""
    stored = images.shape[3]
    side = view_side(stored)
    start = (stored - side) // 2
    return images[:, :, start : start + side, start : start + side]


def _resized(images: Tensor, words: Tensor) -> Tensor:
    stored = images.shape[3]
    draws = draw_boxes(words[:, :BOX_COLUMNS], stored, MIN_AREA)
    return resize_boxes(images, draws, view_side(stored))
