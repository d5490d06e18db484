"""Named settings of data, network and training. A preset is always chosen explicitly."""

from __future__ import annotations

from types import MappingProxyType
from typing import Any

PRESETS: MappingProxyType[str, MappingProxyType[str, Any]] = MappingProxyType(
    {
        "digits": MappingProxyType(
            {
                "dataset": "digits",
                "network": "small_cnn",
                "epochs": 20,
                "batch_size": 128,
                "pretrain_epochs": 100,
                "pretrain_batch_size": 256,
                "pretrain_lr": 0.2,
                "pretrain_temperature": 0.5,
            }
        ),
        "fashion_mnist": MappingProxyType({"dataset": "fashion_mnist"}),
        "cifar10": MappingProxyType({"dataset": "cifar10"}),
        "cifar100": MappingProxyType({"dataset": "cifar100"}),
        "imagenet100": MappingProxyType(
            {
                "dataset": "imagenet100",
                "network": "resnet50",
                "epochs": 90,
                "weight_decay": 1e-4,
            }
        ),
    }
)
"""`digits` is the embedded default; `fashion_mnist` takes the paper's CIFAR-10 recipe.
`cifar10` and `cifar100` are the reference's settings, which are the defaults of the sections;
`imagenet100` is the reference's for its 100 classes of ImageNet."""
