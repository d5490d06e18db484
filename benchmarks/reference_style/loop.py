"""The loop: three forward passes, the loss, SGD; an evaluation after each epoch."""

from __future__ import annotations

import contextlib
import dataclasses
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from benchmarks.reference_style.loaders import Batch, Loaders
from benchmarks.reference_style.loss import loss
from benchmarks.workload import SEED, Size, backbone_of, config_of, data_of
from lps_sweep.config import Config
from lps_sweep.data import OpenWorldSplit, data_set
from lps_sweep.data.random import fold_key
from lps_sweep.metrics import accuracies
from lps_sweep.models import CosineHead, build_network
from lps_sweep.train.learner import HEAD_STREAM


@contextlib.contextmanager
def reference_arithmetic(device: torch.device) -> Iterator[None]:
    """TF32 and cuDNN's search for kernels, on a GPU; nothing elsewhere."""
    if device.type != "cuda":
        yield
        return
    cudnn: Any = torch.backends.cudnn
    products = torch.backends.cuda.matmul
    before = (
        cudnn.conv.fp32_precision,
        products.fp32_precision,
        cudnn.benchmark,
        cudnn.deterministic,
    )
    cudnn.conv.fp32_precision = products.fp32_precision = "tf32"
    cudnn.benchmark, cudnn.deterministic = True, False
    try:
        yield
    finally:
        cudnn.conv.fp32_precision, products.fp32_precision = before[:2]
        cudnn.benchmark, cudnn.deterministic = before[2:]


def reference_loop(size: Size, device: torch.device) -> ReferenceLoop:
    """One from the weights of `run_of`, in its own precision."""
    return ReferenceLoop(
        config_of(dataclasses.replace(size, loop={})),
        seed=SEED,
        split=data_of(size)[1],
        backbone=backbone_of(size),
        device=device,
    )


class ReferenceLoop:
    """Training of one configuration, the way published code goes about it.

    It starts from the weights from which a Run with the same arguments starts.

    Attributes:
        num_images: Rows of all batches that it was trained on.

    Args:
        config: Of LPS; switches but `pi_ema` at their defaults.
        seed: Decides the head's initial weights.
        split: The open-world split.
        backbone: Weights of the whole network.
        device: Where it trains.
    """

    def __init__(
        self,
        config: Config,
        *,
        seed: int,
        split: OpenWorldSplit,
        backbone: Mapping[str, Tensor],
        device: torch.device,
    ) -> None:
        self.config = config
        self._split = split
        self._device = device
        channels = data_set(config.data.dataset).recipe.channels
        self.network = build_network(config.trunk.network, channels)
        self.network.load_state_dict(backbone)
        for name, part in self.network.parts.items():
            if config.trunk.frozen_through == "none":
                break
            part.requires_grad_(False)
            if name == config.trunk.frozen_through:
                break
        generator = torch.Generator().manual_seed(fold_key(seed, HEAD_STREAM)[0])
        scale = config.head.head_scale
        self.head = CosineHead(self.network.feature_dim, split.num_classes, scale, generator)
        self._model = nn.Sequential(self.network, self.head).to(device)
        self.num_images = 0
        self._average = torch.zeros(split.num_classes, device=device)
        self._optimizer = torch.optim.SGD(
            [weight for weight in self._model.parameters() if weight.requires_grad],
            lr=config.schedule.lr,
            momentum=config.schedule.momentum,
            weight_decay=config.schedule.weight_decay,
        )

    def train(self, batches: Iterable[Batch], epoch: int) -> list[float]:
        """One epoch, counted from 0; the loss of each step."""
        share = epoch / self.config.loop.epochs
        for group in self._optimizer.param_groups:
            group["lr"] = self.config.schedule.lr * (1 + math.cos(math.pi * share)) / 2
        self._model.train()
        with reference_arithmetic(self._device):
            return [self._step(views, labels, share) for views, labels in batches]

    def epoch(self, loaders: Loaders, epoch: int) -> tuple[list[float], dict[str, float]]:
        """One live epoch with its evaluation: losses and accuracies."""
        return self.train(loaders.epoch(), epoch), self.evaluate(loaders)

    @torch.no_grad()
    def evaluate(self, loaders: Loaders) -> dict[str, float]:
        """Accuracies on all unlabeled images."""
        self._model.eval()
        predictions = []
        with reference_arithmetic(self._device):
            for images, _ in loaders.evaluation():
                predictions.append(self._model(images.to(self._device)).argmax(1).cpu().numpy())
        split = self._split
        targets = split.targets[split.unlabeled]
        return accuracies(targets, np.concatenate(predictions), split.num_seen, split.num_classes)

    def _step(self, views: Sequence[Tensor], labels: Tensor, share: float) -> float:
        weak1, weak2, strong = (self._model(view.to(self._device)) for view in views)
        method = self.config.method
        total = loss(
            weak1,
            weak2,
            strong,
            labels.to(self._device),
            num_seen=self._split.num_seen,
            progress=share,
            config=method,  # type: ignore[arg-type]
            average=self._average,
        )
        self._optimizer.zero_grad()
        total.backward()  # type: ignore[no-untyped-call]
        self._optimizer.step()
        self.num_images += len(weak1)
        return float(total.item())
