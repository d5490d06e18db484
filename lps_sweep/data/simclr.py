"""The view of SimCLR pre-training for colour or grey images, per sample, in batches.

Random resized crop (area .2 to 1, sides 3:4 to 4:3), horizontal flip, colour jitter (.4, .4, .4,
.1) with probability .8, grey with probability .2. The ranges are those of torchvision's
transforms; the pixels are not, by intent: crops end at fractions of a pixel and values stay
float32, a crop that does not fit is shortened rather than drawn again, the jitter's order is
brightness, contrast, saturation, hue, and hue is a turn of the YIQ colour plane.
"""

from __future__ import annotations

import functools
import math

import torch
from torch import Tensor
from torch.nn import functional

from lps_sweep.data.random import Key, bits, to_uniform

MIN_AREA = 0.2
MAX_ASPECT = 4 / 3
JITTER = 0.4
"""Factors of brightness, contrast and saturation lie within 1 +- this."""
HUE_TURN = 0.1
"""Hue moves within +- this share of a full turn."""
JITTER_PROBABILITY = 0.8
GREY_PROBABILITY = 0.2

_COLUMNS = 11
_LUMINANCE = (0.299, 0.587, 0.114)


def simclr_view(images: Tensor, key: Key, side: int = 0) -> Tensor:
    """A SimCLR view of uint8 (B, C, H, W), C = 1 or 3: float32 (B, C, H', W') in 0..255.

    H' and W' are `side`, or those of the images if it is 0. A grey image stands for three equal
    channels: saturation, hue and grey leave it as it is.
    """
    draws = to_uniform(bits((len(images), _COLUMNS), key, images.device)).unbind(1)
    area, aspect, right, down, flip, jitter, light, contrast, saturation, hue, grey = draws
    view = resized_crop(images.float(), area, aspect, right, down, flip < 0.5, side)
    jittered = (jitter < JITTER_PROBABILITY).float()

    def factor(draw: Tensor) -> Tensor:
        return (1 + JITTER * (2 * draw - 1) * jittered)[:, None, None, None]

    view = view.mul_(factor(light)).clamp_(0, 255)
    mean = _grey(view).mean((1, 2, 3), keepdim=True)
    view = torch.lerp(mean, view, factor(contrast)).clamp_(0, 255)
    if view.shape[1] == 1:
        return view
    view = torch.lerp(_grey(view), view, factor(saturation)).clamp_(0, 255)
    turn = 2 * math.pi * HUE_TURN * (2 * hue - 1) * jittered
    view = _hue_matrices(turn).matmul(view.flatten(2)).view(view.shape).clamp_(0, 255)
    return torch.where((grey < GREY_PROBABILITY)[:, None, None, None], _grey(view), view)


def resized_crop(
    images: Tensor,
    area: Tensor,
    aspect: Tensor,
    right: Tensor,
    down: Tensor,
    flip: Tensor,
    side: int = 0,
) -> Tensor:
    """Bilinear crops stretched to one size, without antialiasing.

    Args:
        images: float32 (B, C, H, W).
        area: Draws in [0, 1), (B,), of the crop's area between MIN_AREA and 1.
        aspect: Of the logarithm of width over height, within +- log MAX_ASPECT.
        right: Of the horizontal place; 0 is the leftmost that fits.
        down: Of the vertical place; 0 is the topmost that fits.
        flip: bool (B,), which crops to mirror.
        side: Of the result, in pixels; 0 for the images' own height and width.
    """
    area = MIN_AREA + (1 - MIN_AREA) * area
    root = torch.exp((aspect - 0.5) * math.log(MAX_ASPECT))
    width = (area.sqrt() * root).clamp_(max=1.0)
    height = (area.sqrt() / root).clamp_(max=1.0)
    zero = torch.zeros_like(width)
    theta = torch.stack(
        (
            torch.where(flip, -width, width),
            zero,
            (1 - width) * (2 * right - 1),
            zero,
            height,
            (1 - height) * (2 * down - 1),
        ),
        dim=1,
    ).view(-1, 2, 3)
    height_out, width_out = (side, side) if side else images.shape[2:]
    size = [*images.shape[:2], height_out, width_out]
    grid = functional.affine_grid(theta, size, align_corners=False)
    return functional.grid_sample(images, grid, padding_mode="border", align_corners=False)


def _grey(view: Tensor) -> Tensor:
    """Luminance (B, 1, H, W)."""
    if view.shape[1] == 1:
        return view
    red, green, blue = (weight * view[:, i] for i, weight in enumerate(_LUMINANCE))
    return (red + green + blue)[:, None]


def _hue_matrices(turn: Tensor) -> Tensor:
    """Colour matrices (B, 3, 3) that turn the chroma by `turn` (B,) in radians, keeping grey."""
    still, along, across = _hue_parts(turn.device)
    turn = turn[:, None, None]
    matrices: Tensor = still + torch.cos(turn) * along + torch.sin(turn) * across
    return matrices


@functools.lru_cache(maxsize=8)
def _hue_parts(device: torch.device) -> tuple[Tensor, Tensor, Tensor]:
    """What a turn keeps, and the factors of its cosine and sine: float32 (3, 3) each.

    Made once: to bring them to a device is to wait for it.
    """
    to_yiq = torch.tensor(
        [_LUMINANCE, (0.595716, -0.274453, -0.321263), (0.211456, -0.522591, 0.311135)],
        dtype=torch.float64,
    )
    back = torch.linalg.inv(to_yiq)
    still = back[:, :1] @ to_yiq[:1]
    along = back[:, 1:] @ to_yiq[1:]
    across = back[:, 2:] @ to_yiq[1:2] - back[:, 1:2] @ to_yiq[2:]
    still, along, across = (part.to(device, torch.float32) for part in (still, along, across))
    return still, along, across
