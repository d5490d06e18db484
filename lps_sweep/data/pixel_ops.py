"""The operations of RandAugment that change pixel values, on batches of uint8 images.

Four come down to a table of 256 values per channel, four to a blend with another image. They take
uint8 (B, C, H, W) with C = 3 (red, green, blue) or C = 1 (grey) and the magnitudes (B,), int64 in
1..9, and give what Pillow gives, bit for bit: it blends in float32 and truncates. A grey image
stands for three equal channels, on which every operation leaves the channels equal.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping

import torch
from torch import Tensor


def pixel_op(name: str, images: Tensor, magnitude: Tensor) -> Tensor:
    """The operation `name`, of `TABLES` or `BLENDS`, to each image."""
    if name in BLENDS:
        return blend(BLENDS[name](images), images, magnitude)
    return looked_up(images, TABLES[name](images, magnitude))


def looked_up(images: Tensor, tables: Tensor) -> Tensor:
    """The values of `tables`, uint8 (B, C or 1, 256), at those of the images."""
    batch, channels = images.shape[:2]
    flat = images.reshape(batch, channels, -1).long()
    return tables.expand(batch, channels, 256).gather(2, flat).view(images.shape)


def _values(images: Tensor) -> Tensor:
    """0 to 255, uint8 (256,)."""
    return torch.arange(256, device=images.device).to(torch.uint8)


def _auto_contrast(images: Tensor, _: Tensor) -> Tensor:
    """Each channel stretched so that its darkest value is 0 and its brightest 255."""
    flat = images.flatten(2)
    low, high = flat.amin(2).double()[..., None], flat.amax(2).double()[..., None]
    # A number divided by a tensor is computed as number times reciprocal, which rounds twice.
    scale = torch.div(torch.full_like(low, 255.0), (high - low).clamp_(min=1.0))
    values = torch.arange(256, dtype=torch.float64, device=images.device)
    table = (values * scale + -low * scale).clamp_(0, 255).to(torch.uint8)
    return torch.where(high > low, table, values.to(torch.uint8))


def _equalize(images: Tensor, _: Tensor) -> Tensor:
    """Each channel's histogram levelled, by Pillow's integer formula."""
    flat = images.flatten(2).long()
    histogram = torch.zeros(*flat.shape[:2], 256, dtype=torch.int64, device=flat.device)
    histogram.scatter_add_(2, flat, torch.ones_like(flat))
    brightest = histogram.gather(2, flat.amax(2, keepdim=True))
    step = (flat.shape[2] - brightest) // 255
    below = histogram.cumsum(2) - histogram
    divisor = step.clamp(min=1)
    table = ((divisor // 2 + below) // divisor).clamp_(max=255)
    return torch.where(step > 0, table.to(torch.uint8), _values(images))


def _posterize(images: Tensor, magnitude: Tensor) -> Tensor:
    """The lowest bits cleared; 4 to 7 are kept."""
    dropped = 4 - (4 * magnitude) // 10
    kept = (256 - (1 << dropped)).to(torch.uint8)
    return _values(images) & kept[:, None, None]


def _solarize(images: Tensor, magnitude: Tensor) -> Tensor:
    """Values from the threshold 256 - int(25.6 m) on are inverted."""
    values = _values(images)
    threshold = (256 - (256 * magnitude) // 10).to(torch.uint8)
    return values ^ ((values >= threshold[:, None, None]).to(torch.uint8) * 255)


def grey(images: Tensor) -> Tensor:
    """Pillow's luminance, int64 (B, 1, H, W)."""
    if images.shape[1] == 1:
        return images.long()
    red, green, blue = images.int().unbind(1)
    return ((red * 19595 + green * 38470 + blue * 7471 + 0x8000) >> 16).long()[:, None]


def _mean_grey(images: Tensor) -> Tensor:
    """The rounded mean of each grey image, int64 (B, 1, 1, 1)."""
    flat = grey(images).flatten(1)
    mean = (2 * flat.sum(1) + flat.shape[1]) // (2 * flat.shape[1])
    return mean[:, None, None, None]


def _smooth(images: Tensor) -> Tensor:
    """Weights 1 around 5 over 13, uint8 (B, C, H, W); the outermost pixels stay."""
    whole = images.to(torch.int16)
    pairs = whole[:, :, :-1] + whole[:, :, 1:]
    across = pairs[:, :, :-1] + whole[:, :, 2:]
    pairs = across[..., :-1] + across[..., 1:]
    weighted = pairs[..., :-1] + across[..., 2:] + 4 * whole[:, :, 1:-1, 1:-1]
    # The exact quotient lies at least 1/26 away from where rounding changes.
    result = images.clone()
    result[:, :, 1:-1, 1:-1] = (weighted.float() / 13 + 0.5).to(torch.uint8)
    return result


def blend(other: Tensor, images: Tensor, magnitude: Tensor) -> Tensor:
    """`other` plus factor times the difference, in float32, truncated."""
    start = other.float()
    return (start + _factor(magnitude) * (images.float() - start)).to(torch.uint8)


def _factor(magnitude: Tensor) -> Tensor:
    """The enhancers' weight of the image itself, float32 (B, 1, 1, 1): 0.14 to 0.86."""
    return _factors(magnitude.device)[magnitude][:, None, None, None]


@functools.lru_cache(maxsize=8)
def _factors(device: torch.device) -> Tensor:
    """The weight by magnitude, float32 (10,); made once, since making it waits for the device."""
    factors = [m * 0.9 / 10 + 0.05 for m in range(10)]
    return torch.tensor(factors, dtype=torch.float32, device=device)


TABLES: Mapping[str, Callable[[Tensor, Tensor], Tensor]] = {
    "AutoContrast": _auto_contrast,
    "Equalize": _equalize,
    "Posterize": _posterize,
    "Solarize": _solarize,
}
"""What becomes of each value: uint8 (B, C or 1, 256), of the images and magnitudes."""

BLENDS: Mapping[str, Callable[[Tensor], Tensor]] = {
    "Brightness": torch.zeros_like,
    "Color": grey,
    "Contrast": _mean_grey,
    "Sharpness": _smooth,
}
"""The other image of a blend, (B, C or 1, H or 1, W or 1), of the images."""
