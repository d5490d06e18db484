"""A network of 60,400 parameters (grey images) for the small images of digits."""

from __future__ import annotations

from torch import nn

from lps_sweep.models.network import Network

WIDTHS = (16, 32, 64, 64)
STRIDES = (1, 2, 1, 2)


def small_cnn(in_channels: int) -> Network:
    """Four stages of 3 x 3 convolution, BatchNorm and ReLU; parts stage1 to stage4."""
    parts: dict[str, nn.Module] = {}
    channels = in_channels
    for number, (width, stride) in enumerate(zip(WIDTHS, STRIDES, strict=True), start=1):
        parts[f"stage{number}"] = nn.Sequential(
            nn.Conv2d(channels, width, kernel_size=3, stride=stride, padding=1, bias=False),
            nn.BatchNorm2d(width),
            nn.ReLU(),
        )
        channels = width
    return Network(parts, feature_dim=channels)
