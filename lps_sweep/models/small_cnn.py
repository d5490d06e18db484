"""A network of 60,400 parameters (grey images) for the small images of digits."""

from __future__ import annotations

from torch import nn

from lps_sweep.models.network import Network
from lps_sweep.network_parts import NETWORK_PARTS

WIDTHS = (16, 32, 64, 64)
STRIDES = (1, 2, 1, 2)


def small_cnn(in_channels: int) -> Network:
    """Four stages of 3 x 3 convolution, BatchNorm and ReLU."""
    parts: dict[str, nn.Module] = {}
    channels = in_channels
    for name, width, stride in zip(NETWORK_PARTS["small_cnn"], WIDTHS, STRIDES, strict=True):
        parts[name] = nn.Sequential(
            nn.Conv2d(channels, width, kernel_size=3, stride=stride, padding=1, bias=False),
            nn.BatchNorm2d(width),
            nn.ReLU(),
        )
        channels = width
    return Network(parts, feature_dim=channels)
