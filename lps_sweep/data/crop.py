"""Random crop with a horizontal flip, per sample, on batches of uint8 images.

The decisions are tensors of whole numbers, one row a sample, apart from the kernel that applies
them: another kernel for another device takes the same decisions and gives the same pixels.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from lps_sweep.data.random import to_range

PADDING = 4
"""Border in pixels on each side, from which the crop is taken, for images of 32 x 32."""

CROP_COLUMNS = 3
"""Draws that a sample's crop and flip take."""


@dataclass(frozen=True)
class CropDraws:
    """Where each sample is cropped, and whether it is mirrored.

    Attributes:
        flip: bool (B,), mirrored left to right with probability 1/2.
        top: int64 (B,) in 0..2 * padding, first row of the crop in the padded image.
        left: int64 (B,), first column, likewise.
    """

    flip: Tensor
    top: Tensor
    left: Tensor


def draw_crops(words: Tensor, padding: int = PADDING) -> CropDraws:
    """Decisions from random words (B, CROP_COLUMNS) of `random.bits`."""
    places = 2 * padding + 1
    return CropDraws(
        flip=words[:, 0] >= 1 << 31,
        top=to_range(words[:, 1], places),
        left=to_range(words[:, 2], places),
    )


def crop_then_flip(images: Tensor, draws: CropDraws) -> Tensor:
    """The weak view: crop out of a border of zeros, then mirror; shape and size are kept.

    Args:
        images: uint8 (B, C, H, W).
        draws: One decision a sample.
    """
    batch, channels, height, width = images.shape
    padded = functional.pad(images, (PADDING,) * 4).view(batch, channels, -1)
    columns = torch.arange(width, device=images.device)
    columns = torch.where(draws.flip[:, None], width - 1 - columns, columns) + draws.left[:, None]
    rows = torch.arange(height, device=images.device) + draws.top[:, None]
    return _take(padded, rows, columns, width + 2 * PADDING)


def flip_then_crop(images: Tensor, draws: CropDraws, padding: int = PADDING) -> Tensor:
    """First steps of the strong view: mirror, then crop out of a reflected border.

    The border repeats the image without its edge row, as numpy's ``reflect`` does, so that a
    side must be longer than `padding`.

    Args:
        images: uint8 (B, C, H, W).
        draws: One decision a sample, drawn for this padding.
        padding: Border in pixels.
    """
    batch, channels, height, width = images.shape
    rows = _reflected(draws.top, height, padding)
    columns = _reflected(draws.left, width, padding)
    columns = torch.where(draws.flip[:, None], width - 1 - columns, columns)
    return _take(images.reshape(batch, channels, -1), rows, columns, width)


def _reflected(start: Tensor, side: int, padding: int) -> Tensor:
    """Source coordinates (B, side) of a crop that begins at `start` in the padded image."""
    place = torch.arange(-padding, side - padding, device=start.device) + start[:, None]
    return (side - 1) - ((side - 1) - place.abs()).abs()


def _take(flat: Tensor, rows: Tensor, columns: Tensor, row_length: int) -> Tensor:
    """Pixels at rows (B, H) and columns (B, W) of `flat` images (B, C, any * row_length)."""
    batch, channels, _ = flat.shape
    index = (rows[:, :, None] * row_length + columns[:, None, :]).view(batch, 1, -1)
    taken = flat.gather(2, index.expand(batch, channels, -1))
    return taken.view(batch, channels, rows.shape[1], columns.shape[1])
