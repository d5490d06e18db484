"""Random resized crop, per sample, on batches of uint8 images: Pillow's own pixels.

A box of random area and shape is cut out of each image and resized to a square, bilinearly with
Pillow's antialiasing: what torchvision's ``RandomResizedCrop`` does with a Pillow image, bit for
bit under the same decisions. Pillow resizes the columns, rounds to uint8, and then the rows, each
with weights of 22 bits after the point; all of that is integer arithmetic on any device. From
version 13 on Pillow begins with the rows where they shrink much more than the columns, which can
move a pixel by one; the reference was made with an older one, and its order is kept here.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from lps_sweep.data.random import to_range

MAX_ASPECT = 4 / 3
"""Width over height of a box lies between the reciprocal of this and this."""

ATTEMPTS = 10
"""Boxes that are drawn; the first that fits is taken, the whole image if none does."""

BOX_COLUMNS = 2 * ATTEMPTS + 2
"""Draws that a sample's box takes."""

WEIGHT_BITS = 22
"""Of Pillow's fixed-point weights."""


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
    columns = _taps(draws.left, draws.width, side, images.shape[3])
    narrow = _weighted(images, columns, 3)
    return _weighted(narrow, _taps(draws.top, draws.height, side, images.shape[2]), 2)


def _taps(start: Tensor, length: Tensor, side: int, longest: int) -> list[tuple[Tensor, Tensor]]:
    """Source places, int64 (B, side), and weights, int32 (B, side), of each target place.

    In float64 and in the order of Pillow's own computation, whose rounding is part of the result.
    """
    num_taps = math.ceil(2 * max(1.0, longest / side))
    scale = length.double()[:, None] / side
    reach = scale.clamp(min=1.0)
    steepness = torch.ones_like(reach) / reach
    centre = (torch.arange(side, dtype=torch.float64, device=start.device) + 0.5) * scale
    first = (centre - reach + 0.5).clamp(min=0.0).floor()
    stop = torch.minimum((centre + reach + 0.5).floor(), length.double()[:, None])
    total = torch.zeros_like(centre)
    heights = []
    for tap in range(num_taps):
        distance = (tap + first - centre + 0.5) * steepness
        height = (1 - distance.abs()).clamp(min=0.0) * (first + tap < stop)
        total = total + height
        heights.append(height)
    last = (length - 1)[:, None]
    return [
        (
            start[:, None] + torch.minimum(first.long() + tap, last),
            (height / total * 2.0**WEIGHT_BITS + 0.5).to(torch.int32),
        )
        for tap, height in enumerate(heights)
    ]


def _weighted(images: Tensor, taps: list[tuple[Tensor, Tensor]], dim: int) -> Tensor:
    """The weighted sums of the pixels at `taps` along dimension `dim`, 2 or 3, as uint8."""
    batch, channels = images.shape[:2]
    shape = [batch, channels, *images.shape[2:]]
    shape[dim] = taps[0][0].shape[1]
    along = (batch, 1, -1, 1) if dim == 2 else (batch, 1, 1, -1)
    total = torch.full(shape, 1 << WEIGHT_BITS - 1, dtype=torch.int32, device=images.device)
    for place, weight in taps:
        pixels = images.gather(dim, place.view(along).expand(shape))
        total.addcmul_(pixels.to(torch.int32), weight.view(along))
    return (total >> WEIGHT_BITS).clamp_(max=255).to(torch.uint8)
