"""Views of small grey images: a random affine map per sample, then light, noise and a cutout.

Made for digits of 8 x 8 pixels, alone or in a row, which must not be mirrored and are too small for
the paper's crop and fourteen operations.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from lps_sweep.data.random import Key, bits, fold_key, normal_like, to_range, to_uniform


@dataclass(frozen=True)
class AffineRanges:
    """How far a view may depart from the image; each value is drawn uniformly per sample.

    Attributes:
        degrees: Rotation, within +- this.
        shift_ratio: Shift along each axis, within +- this share of the shorter side.
        scale_ratio: The size is multiplied by 1 +- up to this.
        shear: Horizontal shear, within +- this slope.
        contrast: Pixel values are multiplied by 1 +- up to this.
        brightness: Added to all values, within +- this share of full white.
        noise: Standard deviation of the noise per pixel as a share of full white, from 0 to this.
        cutout_px: Side of a black square, a whole number of pixels from 0 to this.
    """

    degrees: float
    shift_ratio: float
    scale_ratio: float
    shear: float = 0.0
    contrast: float = 0.0
    brightness: float = 0.0
    noise: float = 0.0
    cutout_px: int = 0


WEAK = AffineRanges(degrees=8.0, shift_ratio=0.10, scale_ratio=0.08)
STRONG = AffineRanges(
    degrees=20.0,
    shift_ratio=0.15,
    scale_ratio=0.15,
    shear=0.2,
    contrast=0.4,
    brightness=0.2,
    noise=0.25,
    cutout_px=3,
)

_COLUMNS = 11
_NOISE_STREAM = 1


def weak_affine(images: Tensor, key: Key) -> Tensor:
    """Rotation, shift and scale within `WEAK`; uint8 (B, C, H, W) to float32 in 0..255."""
    words = bits((len(images), _COLUMNS), key, images.device)
    return _warp(images, _centred(words[:, :5]), WEAK)


def strong_affine(images: Tensor, key: Key) -> Tensor:
    """All of `STRONG`; uint8 (B, C, H, W) to float32 in units of 0..255, not clipped to them."""
    words = bits((len(images), _COLUMNS), key, images.device)
    centred = _centred(words[:, :8])
    view = _warp(images, centred, STRONG)
    gain = 1 + STRONG.contrast * centred[:, 5, None, None, None]
    offset = 255 * STRONG.brightness * centred[:, 6, None, None, None]
    # The eighth column serves as a number in [0, 1).
    level = 127.5 * STRONG.noise * (centred[:, 7, None, None, None] + 1)
    noise = normal_like(images.shape, fold_key(*key, _NOISE_STREAM), images.device)
    view = view.mul_(gain).add_(offset).add_(noise.mul_(level))
    return view.masked_fill_(_square(words[:, 8:], images.shape[2], images.shape[3]), 0.0)


def _centred(words: Tensor) -> Tensor:
    """Random words as float32 in [-1, 1)."""
    return to_uniform(words).mul_(2).sub_(1)


def _warp(images: Tensor, centred: Tensor, ranges: AffineRanges) -> Tensor:
    """Bilinear samples of `images` under affine maps drawn from `centred` (B, >= 5)."""
    turn, shift_x, shift_y, grow, slope = centred[:, :5].unbind(1)
    angle = turn * math.radians(ranges.degrees)
    zoom = 1 / (1 + ranges.scale_ratio * grow)
    cos, sin = torch.cos(angle) * zoom, torch.sin(angle) * zoom
    shear = ranges.shear * slope
    height, width = images.shape[2:]
    # Coordinates run from -1 to 1 across each side, so a share of a side counts twice.
    reach, side = 2 * ranges.shift_ratio, min(height, width)
    theta = torch.stack(
        (
            *(cos, (cos * shear - sin) * (height / width), reach * (side / width) * shift_x),
            *(sin * (width / height), sin * shear + cos, reach * (side / height) * shift_y),
        ),
        dim=1,
    ).view(-1, 2, 3)
    grid = functional.affine_grid(theta, list(images.shape), align_corners=False)
    return functional.grid_sample(images.float(), grid, align_corners=False)


def _square(words: Tensor, height: int, width: int) -> Tensor:
    """The cutout's pixels, bool (B, 1, H, W), from words (B, 3): its side, top and left."""
    side = to_range(words[:, 0], STRONG.cutout_px + 1)
    top = to_range(words[:, 1], height + 1 - side)
    left = to_range(words[:, 2], width + 1 - side)
    rows = torch.arange(height, device=words.device) - top[:, None]
    columns = torch.arange(width, device=words.device) - left[:, None]
    in_rows = (rows >= 0) & (rows < side[:, None])
    in_columns = (columns >= 0) & (columns < side[:, None])
    return (in_rows[:, :, None] & in_columns[:, None, :])[:, None]
