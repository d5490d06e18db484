"""RandAugment's operations in fixed shapes, for GPUs: no shape and no branch depends on a draw.

Every sample goes through every operation and keeps the result of its own. That is cheap because
the fourteen come down to three: a gather from other places (the warps), a gather from a table of
256 values per channel (AutoContrast, Equalize, Posterize, Solarize), and a blend with another
image (Brightness, Color, Contrast, Sharpness). The host waits for nothing, and one recorded call
serves all draws.
"""

from __future__ import annotations

import torch
from torch import Tensor

from lps_sweep.data import pixel_ops
from lps_sweep.data.randaugment import OPERATIONS
from lps_sweep.data.warp import WARPS, warp_some

_NUMBER = {name: number for number, name in enumerate(OPERATIONS)}


def fixed_operations(
    images: Tensor, operation: Tensor, magnitude: Tensor, negative: Tensor
) -> Tensor:
    """One operation to each sample, bit for bit `randaugment.grouped_operations`."""
    warped = (operation > 0) & (operation <= len(WARPS))
    moved = warp_some(images, warped, operation - 1, magnitude, negative)
    # A sample has one operation, so what follows finds either a warped image or the original.
    looked_up = _looked_up(moved, operation, magnitude)
    return _blended(looked_up, operation, magnitude)


def _is(name: str, operation: Tensor) -> Tensor:
    """Whether each sample drew the operation, bool (B,)."""
    return operation == _NUMBER[name]


def _looked_up(images: Tensor, operation: Tensor, magnitude: Tensor) -> Tensor:
    """The operations that are a table of values; samples with others stay as they are."""
    batch, channels, height, width = images.shape
    flat = images.reshape(batch * channels, -1).long()
    values = torch.arange(256, device=images.device).to(torch.uint8)
    inverted = values >= pixel_ops.solarize_threshold(magnitude)[:, None]
    tables = {
        "Posterize": values & pixel_ops.kept_bits(magnitude)[:, None],
        "Solarize": values ^ (inverted.to(torch.uint8) * 255),
        "AutoContrast": pixel_ops.auto_contrast_table(flat).view(batch, channels, 256),
        "Equalize": pixel_ops.equalize_table(flat).view(batch, channels, 256),
    }
    table = values.expand(batch, channels, 256)
    for name, made in tables.items():
        made = made if made.ndim == 3 else made[:, None]
        table = torch.where(_is(name, operation)[:, None, None], made, table)
    return table.reshape(-1, 256).gather(1, flat).view(batch, channels, height, width)


def _blended(images: Tensor, operation: Tensor, magnitude: Tensor) -> Tensor:
    """The operations that are a blend; samples with others stay as they are."""
    grey = pixel_ops.grey(images)
    others = {
        "Brightness": torch.zeros_like(images),
        "Color": grey.to(torch.uint8),
        "Contrast": pixel_ops.mean_grey(grey).to(torch.uint8),
        "Sharpness": pixel_ops.smooth(images),
    }
    other = images  # a blend of an image with itself is the image
    for name, made in others.items():
        other = torch.where(_is(name, operation)[:, None, None, None], made, other)
    return pixel_ops.blend(other, images, magnitude)
