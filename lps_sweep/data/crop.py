"""Random crops with a horizontal flip, and random resized crops, per sample, on uint8 images.

The decisions are tensors of whole numbers, one row a sample, apart from the kernel that applies
them: another kernel for another device takes the same decisions and gives the same pixels.

A resized crop is a box of random area and shape, resized to a square, bilinearly with Pillow's
antialiasing: what torchvision's ``RandomResizedCrop`` does with a Pillow image, bit for bit under
the same decisions. Pillow resizes the columns, rounds to uint8, and then the rows, each with
weights of 22 bits after the point; all of that is integer arithmetic on any device. From version 13
on Pillow begins with the rows where they shrink much more than the columns, which can move a pixel
by one; the reference was made with an older one, and its order is kept here.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from lps_sweep.data.random import to_range

PADDING = 4
"""Border in pixels on each side, from which the crop is taken, for images of 32 x 32."""

CROP_COLUMNS = 3
"""Draws that a sample's crop and flip take."""


MAX_ASPECT = 4 / 3
"""Width over height of a box lies between the reciprocal of this and this."""

ATTEMPTS = 10
"""Boxes that are drawn; the first that fits is taken, the whole image if none does."""

BOX_COLUMNS = 2 * ATTEMPTS + 2
"""Draws that a sample's box takes."""

WEIGHT_BITS = 22
"""Of Pillow's fixed-point weights."""

CHUNK_PIXELS = 1 << 20
"""Values that a CPU works on at a time: what fits its cache is done six times faster."""

Taps = list[tuple[Tensor, Tensor]]
"""Source places, int64 (B, side), and weights, int32 (B, side), of each target place."""


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


@dataclass(frozen=True)
class BoxDraws:
    """The part of each sample that is cut out; all int64 (B,).

    Attributes:
        top: First row.
        left: First column.
        height: Number of rows.
        width: Number of columns.
    """

    top: Tensor
    left: Tensor
    height: Tensor
    width: Tensor


def draw_boxes(words: Tensor, side: int, min_area: float) -> BoxDraws:
    """Decisions from random words (B, BOX_COLUMNS) of `random.bits`, as torchvision takes them.

    Args:
        words: The random words.
        side: Of the square images.
        min_area: Smallest area of a box as a share of the image's; the largest is all of it.
    """
    draws = words[:, : 2 * ATTEMPTS].double() * 2.0**-32
    share, shape = draws.view(-1, ATTEMPTS, 2).unbind(2)
    area = side**2 * (min_area + (1 - min_area) * share)
    aspect = torch.exp((2 * shape - 1) * math.log(MAX_ASPECT))
    width = torch.sqrt(area * aspect).round().long()
    height = torch.sqrt(area / aspect).round().long()
    fits = (width <= side) & (height <= side)
    first = fits.to(torch.uint8).argmax(1, keepdim=True)
    width, height = (
        torch.where(fits.any(1), sides.gather(1, first).squeeze(1), side)
        for sides in (width, height)
    )
    return BoxDraws(
        top=to_range(words[:, -2], side + 1 - height),
        left=to_range(words[:, -1], side + 1 - width),
        height=height,
        width=width,
    )


def resize_boxes(images: Tensor, draws: BoxDraws, side: int) -> Tensor:
    """The boxes of uint8 images (B, C, H, W), resized to uint8 (B, C, side, side)."""
    rows = _taps(draws.top, draws.height, side, images.shape[2])
    columns = _taps(draws.left, draws.width, side, images.shape[3])
    chunk = len(images)
    if images.device.type == "cpu":
        chunk = max(1, CHUNK_PIXELS // images[0].numel())
    parts = []
    for start in range(0, len(images), chunk):
        part = slice(start, start + chunk)
        turned = images[part].transpose(2, 3).contiguous()
        turned = _weighted_rows(turned, columns, part).transpose(2, 3).contiguous()
        parts.append(_weighted_rows(turned, rows, part))
    return torch.cat(parts)


def _taps(start: Tensor, length: Tensor, side: int, longest: int) -> Taps:
    """What each target place is made of.

    In float64 and in the order of Pillow's own computation, whose rounding is part of the result.
    """
    num_taps = math.ceil(2 * max(1.0, longest / side))
    length = length[:, None]
    # A GPU divides by a plain number with its reciprocal, which rounds twice.
    scale = torch.div(length.double(), torch.full_like(length, side, dtype=torch.float64))
    reach = scale.clamp(min=1.0)
    steepness = torch.ones_like(reach) / reach
    centre = (torch.arange(side, dtype=torch.float64, device=start.device) + 0.5) * scale
    first = (centre - reach + 0.5).clamp(min=0.0).floor()
    stop = torch.minimum((centre + reach + 0.5).floor(), length.double())
    total = torch.zeros_like(centre)
    heights = []
    for tap in range(num_taps):
        distance = (tap + first - centre + 0.5) * steepness
        height = (1 - distance.abs()).clamp(min=0.0) * (first + tap < stop)
        total = total + height
        heights.append(height)
    return [
        (
            start[:, None] + torch.minimum(first.long() + tap, length - 1),
            (height / total * 2.0**WEIGHT_BITS + 0.5).to(torch.int32),
        )
        for tap, height in enumerate(heights)
    ]


def _weighted_rows(images: Tensor, taps: Taps, part: slice) -> Tensor:
    """The weighted sums of rows: uint8 (B, C, H, W) to uint8 (B, C, side, W).

    `images` are those of `part` of the batch that `taps` are of.

    Whole rows are fetched, which a CPU does an order of magnitude faster than single pixels.
    """
    batch, channels, height, width = images.shape
    rows = images.view(-1, width)
    start = torch.arange(0, len(rows), height, device=images.device).view(batch, channels, 1)
    shape = (batch, channels, taps[0][0].shape[1], width)
    total = torch.full(shape, 1 << WEIGHT_BITS - 1, dtype=torch.int32, device=images.device)
    for place, weight in taps:
        fetched = rows.index_select(0, (start + place[part, None]).flatten()).view(shape)
        total.addcmul_(fetched.to(torch.int32), weight[part, None, :, None])
    return (total >> WEIGHT_BITS).clamp_(max=255).to(torch.uint8)
