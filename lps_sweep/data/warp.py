"""The five geometric operations as tables of source pixels.

Pillow's nearest-neighbour affine transform walks over the source in 16.16 fixed-point steps, so
where a pixel comes from depends on the operation, its magnitude and sign and on the image's size
alone. All 5 x 9 x 2 cases are tabulated once a size with the same integer arithmetic; applying
them is then one gather for all samples, whichever of the operations they drew.
"""

from __future__ import annotations

import functools
import math

import torch
from torch import Tensor
from torch.nn import functional

WARPS = ("Rotate", "ShearX", "ShearY", "TranslateX", "TranslateY")
MAGNITUDES = 9
"""Magnitudes are the whole numbers 1..MAGNITUDES."""

NUM_CASES = len(WARPS) * MAGNITUDES * 2

Affine = tuple[float, float, float, float, float, float]


def warp_images(images: Tensor, operation: Tensor, magnitude: Tensor, negative: Tensor) -> Tensor:
    """Each sample warped by its own operation; pixels from outside the image are black.

    Args:
        images: uint8 (B, C, H, W).
        operation: int64 (B,): 1 is the first of WARPS; those of other numbers do not change.
        magnitude: int64 (B,) in 1..MAGNITUDES.
        negative: bool (B,), the sign of the argument.
    """
    batch, channels, height, width = images.shape
    case = ((operation - 1) * MAGNITUDES + magnitude - 1) * 2 + negative
    warped = (operation > 0) & (operation <= len(WARPS))
    table = _source_table(height, width, images.device)
    index = table[torch.where(warped, case, NUM_CASES)][:, None, :].expand(batch, channels, -1)
    with_black = functional.pad(images.reshape(batch, channels, -1), (0, 1))
    return with_black.gather(2, index).view(images.shape)


@functools.lru_cache(maxsize=8)
def _source_table(height: int, width: int, device: torch.device) -> Tensor:
    """Source pixel (row-major) of each target pixel, int64 (cases + 1, H * W); H * W is black.

    The last row leaves all pixels where they are. Made anew for another size or device; 36 MB for
    224 x 224.
    """
    cases = [
        _source_pixels(_affine(name, magnitude, sign, height, width), height, width)
        for name in WARPS
        for magnitude in range(1, MAGNITUDES + 1)
        for sign in (1, -1)
    ]
    return torch.stack([*cases, torch.arange(height * width)]).to(device)


def _affine(name: str, magnitude: int, sign: int, height: int, width: int) -> Affine:
    """Coefficients (a, b, c, d, e, f): target (x, y) shows source (ax + by + c, dx + ey + f)."""
    if name == "Rotate":
        return _rotation(sign * int(magnitude * 30 / 10), height, width)
    shift = magnitude * 0.3 / 10 * sign
    return {
        "ShearX": (1.0, shift, 0.0, 0.0, 1.0, 0.0),
        "ShearY": (1.0, 0.0, 0.0, shift, 1.0, 0.0),
        "TranslateX": (1.0, 0.0, float(int(shift * width)), 0.0, 1.0, 0.0),
        "TranslateY": (1.0, 0.0, 0.0, 0.0, 1.0, float(int(shift * height))),
    }[name]


def _rotation(degrees: int, height: int, width: int) -> Affine:
    """A counter-clockwise turn about the centre, rounded as Pillow's ``Image.rotate`` does."""
    angle = -math.radians(degrees % 360)
    cos, sin = round(math.cos(angle), 15), round(math.sin(angle), 15)
    minus_sin = round(-math.sin(angle), 15)
    x, y = width / 2, height / 2
    return (
        cos,
        sin,
        cos * -x + sin * -y + 0.0 + x,
        minus_sin,
        cos,
        minus_sin * -x + cos * -y + 0.0 + y,
    )


def _source_pixels(affine: Affine, height: int, width: int) -> Tensor:
    """Row-major source pixels (H * W,) by fixed point, `height * width` where there is none."""
    a, b, c, d, e, f = affine
    step_xx, step_xy, step_yx, step_yy = _fixed(a), _fixed(b), _fixed(d), _fixed(e)
    start_x, start_y = _fixed(c + a * 0.5 + b * 0.5), _fixed(f + d * 0.5 + e * 0.5)
    x, y = torch.arange(width), torch.arange(height)[:, None]
    source_x = (start_x + step_xy * y + step_xx * x) >> 16
    source_y = (start_y + step_yy * y + step_yx * x) >> 16
    inside = (source_x >= 0) & (source_x < width) & (source_y >= 0) & (source_y < height)
    return torch.where(inside, source_y * width + source_x, height * width).flatten()


def _fixed(value: float) -> int:
    """`value` as a 16.16 fixed-point number."""
    return math.floor(value * 65536.0 + 0.5)
