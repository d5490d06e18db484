"""ResNet-50 for images of about 224 x 224: torchvision's, taken apart into our parts."""

from __future__ import annotations

from torch import nn

from lps_sweep.models.network import Network
from lps_sweep.network_parts import NETWORK_PARTS


def resnet50(in_channels: int) -> Network:
    """A stem of 7 x 7 convolution and max-pooling, and four stages of bottleneck blocks.

    The stem divides the side by 4, each later stage but the first halves it. The stride of a
    block lies in its 3 x 3 convolution. No weights are downloaded.
    """
    from torchvision.models import resnet50 as published

    whole = published(weights=None, num_classes=1)
    feature_dim = int(whole.fc.in_features)
    if in_channels != whole.conv1.in_channels:
        whole.conv1 = nn.Conv2d(in_channels, 64, kernel_size=7, stride=2, padding=3, bias=False)
    parts = (
        nn.Sequential(whole.conv1, whole.bn1, whole.relu, whole.maxpool),
        whole.layer1,
        whole.layer2,
        whole.layer3,
        whole.layer4,
    )
    return Network(dict(zip(NETWORK_PARTS["resnet50"], parts, strict=True)), feature_dim)
