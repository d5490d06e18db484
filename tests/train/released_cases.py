"""A ResNet-18 under the names of the released files: torchvision's, made the CIFAR form."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
import torchvision
from torch import nn


def released_net(seed: int = 0) -> Any:
    """Images to features, beside them a head; with random weights and statistics, no two alike."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        net = torchvision.models.resnet18(weights=None)
        net.conv1 = nn.Conv2d(3, 64, 3, 1, 1, bias=False)
        net.maxpool, net.fc = nn.Identity(), nn.Identity()
        net.contrastive_head = nn.Sequential(nn.Linear(512, 512), nn.ReLU(), nn.Linear(512, 128))
        for module in net.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.weight.data.uniform_(0.5, 1.5)
                module.bias.data.uniform_(-0.2, 0.2)
                module.running_mean.uniform_(-0.2, 0.2)  # type: ignore[union-attr]
                module.running_var.uniform_(0.5, 1.5)  # type: ignore[union-attr]
                module.num_batches_tracked += 48_500  # type: ignore[operator, assignment]
    net.register_state_dict_post_hook(_released_names)
    return net


def _released_names(_: nn.Module, state: dict[str, Any], *__: Any) -> None:
    for name in list(state):
        state[name.replace("downsample", "shortcut")] = state.pop(name)


def write_released(file: Path, seed: int = 0) -> Path:
    """A file as it was released."""
    torch.save(released_net(seed).state_dict(), file)
    return file
