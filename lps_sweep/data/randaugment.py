"""RandAugment as FixMatch's strong view uses it: fourteen operations, two per sample, cutout.

Every sample draws two operations with replacement, a magnitude for each, whether each is applied,
and the place of the cutout. Two kernels take the same decisions and give the same bits:
`grouped_operations` here, which sorts the samples by the operation that they drew, for CPUs, and
`fixed_randaugment.fixed_operations` for GPUs.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from lps_sweep.data import pixel_ops
from lps_sweep.data.random import to_range
from lps_sweep.data.warp import MAGNITUDES, WARPS, warp_images

PIXEL_OPS: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "AutoContrast": pixel_ops.auto_contrast,
    "Brightness": pixel_ops.brightness,
    "Color": pixel_ops.color,
    "Contrast": pixel_ops.contrast,
    "Equalize": pixel_ops.equalize,
    "Posterize": pixel_ops.posterize,
    "Sharpness": pixel_ops.sharpness,
    "Solarize": pixel_ops.solarize,
}
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
    group = slice(ends[0], ends[last_warp])
    if counts[0] < ends[last_warp]:
        result[group] = warp_images(
            result[group], operation[group] - 1, magnitude[group], negative[group]
        )
    for place, pixel_op in enumerate(PIXEL_OPS.values(), start=last_warp + 1):
        if counts[place]:
            group = slice(ends[place - 1], ends[place])
            result[group] = pixel_op(result[group], magnitude[group])
    return result.index_select(0, torch.argsort(order))


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
