"""The operations of RandAugment that change pixel values, on batches of uint8 images.

Each takes uint8 (B, C, H, W) with C = 3 (red, green, blue) or C = 1 (grey) and the magnitudes
(B,), int64 in 1..9, and gives what Pillow gives, bit for bit; a grey image stands for three equal
channels, on which every operation leaves the channels equal. Pillow blends in float32 and
truncates, and equalizes and stretches contrast by tables of 256 values per channel.
"""

from __future__ import annotations

import functools

import torch
from torch import Tensor


def auto_contrast(images: Tensor, _: Tensor) -> Tensor:
    """Each channel stretched so that its darkest value is 0 and its brightest 255."""
    flat = images.reshape(-1, images.shape[2] * images.shape[3])
    return auto_contrast_table(flat).gather(1, flat.long()).view(images.shape)


def equalize(images: Tensor, _: Tensor) -> Tensor:
    """Each channel's histogram levelled, by Pillow's integer formula."""
    flat = images.reshape(-1, images.shape[2] * images.shape[3]).long()
    return equalize_table(flat).gather(1, flat).view(images.shape)


def auto_contrast_table(flat: Tensor) -> Tensor:
    """What AutoContrast makes of each value, uint8 (n, 256).

    Args:
        flat: The values of n channels of an image, (n, H * W), of any type of whole numbers.
    """
    low, high = flat.amin(1).double()[:, None], flat.amax(1).double()[:, None]
    # A number divided by a tensor is computed as number times reciprocal, which rounds twice.
    scale = torch.div(torch.full_like(low, 255.0), (high - low).clamp_(min=1.0))
    values = torch.arange(256, dtype=torch.float64, device=flat.device)
    table = (values * scale + -low * scale).clamp_(0, 255).to(torch.uint8)
    return torch.where(high > low, table, values.to(torch.uint8))


def equalize_table(flat: Tensor) -> Tensor:
    """What Equalize makes of each value, uint8 (n, 256).

    Args:
        flat: The values of n channels of an image, int64 (n, H * W).
    """
    histogram = torch.zeros(len(flat), 256, dtype=torch.int64, device=flat.device)
    histogram.scatter_add_(1, flat, torch.ones_like(flat))
    brightest = histogram.gather(1, flat.amax(1, keepdim=True))
    step = (flat.shape[1] - brightest) // 255
    below = histogram.cumsum(1) - histogram
    divisor = step.clamp(min=1)
    table = ((divisor // 2 + below) // divisor).clamp_(max=255)
    table = torch.where(step > 0, table, torch.arange(256, device=flat.device))
    return table.to(torch.uint8)


def brightness(images: Tensor, magnitude: Tensor) -> Tensor:
    """Blend with black."""
    return (_factor(magnitude) * images.float()).to(torch.uint8)


def color(images: Tensor, magnitude: Tensor) -> Tensor:
    """Blend with the grey image."""
    return blend(grey(images), images, magnitude)


def contrast(images: Tensor, magnitude: Tensor) -> Tensor:
    """Blend with one grey, the rounded mean of the grey image."""
    return blend(mean_grey(grey(images)), images, magnitude)


def sharpness(images: Tensor, magnitude: Tensor) -> Tensor:
    """Blend with the smoothed image."""
    return blend(smooth(images), images, magnitude)


def posterize(images: Tensor, magnitude: Tensor) -> Tensor:
    """The lowest bits cleared; 4 to 7 are kept."""
    return images & kept_bits(magnitude)[:, None, None, None]


def solarize(images: Tensor, magnitude: Tensor) -> Tensor:
    """Values from the threshold 256 - int(25.6 m) on are inverted."""
    inverted = images >= solarize_threshold(magnitude)[:, None, None, None]
    return images ^ (inverted.to(torch.uint8) * 255)


def kept_bits(magnitude: Tensor) -> Tensor:
    """The bits that Posterize keeps, as masks, uint8 (B,)."""
    dropped = 4 - (4 * magnitude) // 10
    return (256 - (1 << dropped)).to(torch.uint8)


def solarize_threshold(magnitude: Tensor) -> Tensor:
    """The smallest value that Solarize inverts, uint8 (B,)."""
    return (256 - (256 * magnitude) // 10).to(torch.uint8)


def grey(images: Tensor) -> Tensor:
    """Pillow's luminance, int64 (B, 1, H, W)."""
    if images.shape[1] == 1:
        return images.long()
    red, green, blue = images.int().unbind(1)
    return ((red * 19595 + green * 38470 + blue * 7471 + 0x8000) >> 16).long()[:, None]


def mean_grey(luminance: Tensor) -> Tensor:
    """The rounded mean of each grey image (B, 1, H, W), int64 (B, 1, 1, 1)."""
    flat = luminance.flatten(1)
    mean = (2 * flat.sum(1) + flat.shape[1]) // (2 * flat.shape[1])
    return mean[:, None, None, None]


def smooth(images: Tensor) -> Tensor:
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
