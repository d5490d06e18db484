"""RandAugment as FixMatch's strong view uses it: fourteen operations, two per sample, cutout.

Every sample draws two operations with replacement, a magnitude for each, whether each is applied,
and the place of the cutout. Two kernels take the same decisions and give the same bits:
`grouped_operations`, for CPUs, sorts the samples by the operation that they drew; in
`fixed_operations`, for GPUs, no shape and no branch depends on a draw.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from lps_sweep.data.pixel_ops import BLENDS, TABLES, blend, looked_up, pixel_op
from lps_sweep.data.random import to_range
from lps_sweep.data.warp import MAGNITUDES, WARPS, warp_images

PIXEL_OPS = tuple(sorted({**TABLES, **BLENDS}))
OPERATIONS = ("Identity", *WARPS, *PIXEL_OPS)
"""The pool of fourteen; a sample's draw is an index into it."""

ROUNDS = 2
"""Operations that are drawn per sample."""

CUTOUT_GREY = 127

AUGMENT_COLUMNS = 4 * ROUNDS + 2
"""Draws that a sample's operations and cutout take."""

Operations = Callable[[Tensor, Tensor, Tensor, Tensor], Tensor]
"""A kernel: one operation to each of the images; arguments as of `grouped_operations`."""


@dataclass(frozen=True)
class AugmentDraws:
    """What happens to each sample.

    Attributes:
        operation: int64 (B, ROUNDS), index into OPERATIONS.
        magnitude: int64 (B, ROUNDS) in 1..9.
        applied: bool (B, ROUNDS), true with probability 1/2.
        negative: bool (B, ROUNDS), the sign of a geometric operation's argument.
        cut_top: int64 (B,), first row of the cutout, from 0 to three quarters of H.
        cut_left: int64 (B,), first column of the cutout, likewise.
    """

    operation: Tensor
    magnitude: Tensor
    applied: Tensor
    negative: Tensor
    cut_top: Tensor
    cut_left: Tensor


def draw_augments(words: Tensor, height: int, width: int) -> AugmentDraws:
    """Decisions from random words (B, AUGMENT_COLUMNS) of `random.bits`."""
    columns = words[:, : 4 * ROUNDS].reshape(-1, 4, ROUNDS)
    operation, magnitude, applied, negative = columns.unbind(1)
    return AugmentDraws(
        operation=to_range(operation, len(OPERATIONS)),
        magnitude=to_range(magnitude, MAGNITUDES) + 1,
        applied=applied >= 1 << 31,
        negative=negative >= 1 << 31,
        cut_top=_cut_start(words[:, -2], height),
        cut_left=_cut_start(words[:, -1], width),
    )


def grouped_operations(
    images: Tensor, operation: Tensor, magnitude: Tensor, negative: Tensor
) -> Tensor:
    """One operation to each sample, group by group: the host waits for the sizes of the groups.

    Args:
        images: uint8 (B, C, H, W), C = 1 or 3.
        operation: int64 (B,), index into OPERATIONS.
        magnitude: int64 (B,) in 1..9.
        negative: bool (B,), the sign of a geometric operation's argument.
    """
    order = torch.argsort(operation, stable=True)
    counts = torch.bincount(operation, minlength=len(OPERATIONS)).tolist()
    ends = list(itertools.accumulate(counts))
    result = images.index_select(0, order)
    operation, magnitude, negative = operation[order], magnitude[order], negative[order]
    last_warp = len(WARPS)
    if counts[0] < ends[last_warp]:
        group = slice(ends[0], ends[last_warp])
        result[group] = warp_images(
            result[group], operation[group], magnitude[group], negative[group]
        )
    for place, name in enumerate(PIXEL_OPS, start=last_warp + 1):
        if counts[place]:
            group = slice(ends[place - 1], ends[place])
            result[group] = pixel_op(name, result[group], magnitude[group])
    return result.index_select(0, torch.argsort(order))


def fixed_operations(
    images: Tensor, operation: Tensor, magnitude: Tensor, negative: Tensor
) -> Tensor:
    """One operation to each sample, bit for bit `grouped_operations`.

    Every sample goes through every operation and keeps the result of its own. That is cheap because
    the fourteen come down to three: a gather from other places, a gather from a table of values,
    and a blend. The host waits for nothing, and one recorded call serves all draws.
    """
    numbers = {name: number for number, name in enumerate(OPERATIONS)}
    # A sample has one operation, so what follows finds either a changed image or the original.
    images = warp_images(images, operation, magnitude, negative)
    table = torch.arange(256, device=images.device).to(torch.uint8)
    for name, make in TABLES.items():
        drawn = (operation == numbers[name])[:, None, None]
        table = torch.where(drawn, make(images, magnitude), table)
    images = looked_up(images, table)
    other = images  # a blend of an image with itself is the image
    for name, other_image in BLENDS.items():
        drawn = (operation == numbers[name])[:, None, None, None]
        other = torch.where(drawn, other_image(images).to(torch.uint8), other)
    return blend(other, images, magnitude)


def augment(
    images: Tensor, draws: AugmentDraws, operations: Operations = grouped_operations
) -> Tensor:
    """Both rounds of operations, then the cutout, on uint8 (B, C, H, W), C = 1 or 3."""
    for turn in range(ROUNDS):
        images = operations(
            images,
            torch.where(draws.applied[:, turn], draws.operation[:, turn], 0),
            draws.magnitude[:, turn],
            draws.negative[:, turn],
        )
    return cut_out(images, draws.cut_top, draws.cut_left)


def cut_out(images: Tensor, top: Tensor, left: Tensor) -> Tensor:
    """A grey rectangle in each sample, from (top, left) on, half the side and one pixel long.

    The extra pixel comes from Pillow, whose rectangles include their far edge.
    """
    height, width = images.shape[2:]
    inside = (_span(top, height)[:, :, None] & _span(left, width)[:, None, :])[:, None]
    # Bit masks, which a CPU applies to many pixels at once, unlike a choice per pixel.
    return images & ~inside | inside & CUTOUT_GREY


def _span(start: Tensor, side: int) -> Tensor:
    """Which of the `side` places the cutout covers: uint8 (B, side), all bits or none."""
    place = torch.arange(side, device=start.device)
    start = start[:, None]
    inside = (place >= start) & (place <= start + side // 2)
    return inside.to(torch.uint8) * 255


def _cut_start(words: Tensor, side: int) -> Tensor:
    """First place of a cutout whose centre is uniform over 0..side, clipped at 0."""
    return ((words * side - ((side // 2) << 31)) >> 32).clamp(min=0)
