"""ResNet-18 in the form for images of 32 x 32: a 3 x 3 stem without max-pooling."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional

from lps_sweep.models.network import Network
from lps_sweep.network_parts import NETWORK_PARTS

WIDTHS = (64, 128, 256, 512)
BLOCKS_PER_STAGE = 2


class BasicBlock(nn.Module):
    """Two 3 x 3 convolutions and a shortcut, which is a 1 x 1 convolution where shapes change."""

    def __init__(self, in_channels: int, width: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(in_channels, width, 3, stride=stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.shortcut = nn.Sequential()
        if stride != 1 or in_channels != width:
            self.shortcut = nn.Sequential(
                nn.Conv2d(in_channels, width, 1, stride=stride, bias=False),
                nn.BatchNorm2d(width),
            )

    def forward(self, activations: Tensor) -> Tensor:
        """(B, in_channels, H, W) -> (B, width, ceil(H / stride), ceil(W / stride))."""
        inner = functional.relu(self.bn1(self.conv1(activations)))
        return functional.relu(self.bn2(self.conv2(inner)) + self.shortcut(activations))


def resnet18(in_channels: int) -> Network:
    """A stem and four stages of two blocks each, of which the last three halve the side."""
    stem, *stages = NETWORK_PARTS["resnet18"]
    parts: dict[str, nn.Module] = {
        stem: nn.Sequential(
            nn.Conv2d(in_channels, WIDTHS[0], 3, padding=1, bias=False),
            nn.BatchNorm2d(WIDTHS[0]),
            nn.ReLU(),
        )
    }
    channels = WIDTHS[0]
    for stage, width in zip(stages, WIDTHS, strict=True):
        blocks = []
        for block in range(BLOCKS_PER_STAGE):
            stride = 2 if block == 0 and stage != stages[0] else 1
            blocks.append(BasicBlock(channels, width, stride))
            channels = width
        parts[stage] = nn.Sequential(*blocks)
    return Network(parts, feature_dim=channels)
