"""SimCLR pre-training on all training images, without labels (Chen et al., 2020)."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from lps_sweep.config import Config
from lps_sweep.data import ImageSet
from lps_sweep.data.image_store import image_store
from lps_sweep.data.random import fold_key, permutation
from lps_sweep.data.views import make_view, recipe_for
from lps_sweep.models import Network, build_network

ORDER_STREAM = 301
"""Second word of the keys of the batch order."""

PROJECTION_DIM = 128
SIMCLR_VIEWS = ("simclr1", "simclr2")


def nt_xent(first: Tensor, second: Tensor, temperature: float) -> Tensor:
    """Normalised-temperature cross-entropy of SimCLR, a 0-d tensor.

    Args:
        first: Projections (B, d) of one view.
        second: Projections (B, d) of the other view of the same images.
        temperature: Divides the cosines; > 0.
    """
    projections = functional.normalize(torch.cat((first, second)), dim=1)
    similarity = projections @ projections.T / temperature
    similarity.fill_diagonal_(-math.inf)
    count = len(first)
    partner = torch.arange(2 * count, device=first.device).roll(count)
    return functional.cross_entropy(similarity, partner)


class Pretraining:
    """SimCLR of a backbone; iterating trains it and gives (epochs done, mean loss) per epoch.

    Every draw depends on `pretrain_seed` alone, so that training which goes on from a `state` ends
    as training in one go does, bit for bit.

    Attributes:
        network: The backbone, trained as far as the iteration has come.
        images: The training images.
        device: Where it trains.
        epoch: Whole epochs trained so far.
        loss: Mean loss of the last of them; NaN before the first.

    Args:
        config: Only the sections data, trunk (the network) and pretrain are read.
        images: The training images; their labels are not used.
        device: Where it trains.
    """

    def __init__(self, config: Config, images: ImageSet, device: torch.device) -> None:
        self._settings = config.pretrain
        self._recipe = recipe_for(config.data.dataset)
        self.network, projector = _fresh_model(config, self._recipe.channels)
        self._model = nn.Sequential(self.network, projector).to(device).train()
        self.images = image_store(images.images, device)
        self._optimizer = torch.optim.SGD(
            self._model.parameters(),
            lr=self._settings.pretrain_lr,
            momentum=self._settings.pretrain_momentum,
            weight_decay=self._settings.pretrain_weight_decay,
            fused=True,
        )
        self.device = device
        self.epoch = 0
        self.loss = math.nan

    def __iter__(self) -> Iterator[tuple[int, float]]:
        """Trains to the end."""
        total = self._settings.pretrain_epochs
        while self.epoch < total:
            for group in self._optimizer.param_groups:
                cosine = math.cos(math.pi * self.epoch / total)
                group["lr"] = self._settings.pretrain_lr * (1 + cosine) / 2
            self.loss = self._epoch(self.epoch)
            self.epoch += 1
            yield self.epoch, self.loss

    def state(self) -> dict[str, Any]:
        """All that training goes on from: weights, momentum, epoch."""
        return {
            "epoch": self.epoch,
            "loss": self.loss,
            "model": self._model.state_dict(),
            "optimizer": self._optimizer.state_dict(),
        }

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Takes over what `state` gave.

        Raises:
            KeyError, RuntimeError, ValueError: It is the state of another model.
        """
        self._model.load_state_dict(state["model"])
        self._optimizer.load_state_dict(state["optimizer"])
        self.epoch, self.loss = int(state["epoch"]), float(state["loss"])

    def _epoch(self, epoch: int) -> float:
        seed = self._settings.pretrain_seed
        count = len(self.images)
        batch_size = min(self._settings.pretrain_batch_size, count)
        order = permutation(count, fold_key(seed, ORDER_STREAM, epoch), self.images.index_device)
        batches = order.split(batch_size)[: count // batch_size]  # type: ignore[no-untyped-call]
        losses = [self._step(self.images[rows], (seed, epoch, i)) for i, rows in enumerate(batches)]
        return float(torch.stack(losses).mean())

    def _step(self, rows: Tensor, words: tuple[int, ...]) -> Tensor:
        half = self._settings.pretrain_precision == "bfloat16"
        with torch.autocast(self.device.type, dtype=torch.bfloat16, enabled=half):
            first, second = (
                self._model(make_view(rows, self._recipe, view, words)) for view in SIMCLR_VIEWS
            )
        loss = nt_xent(first.float(), second.float(), self._settings.pretrain_temperature)
        self._optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        self._optimizer.step()
        return loss.detach()


def fresh_network(config: Config) -> Network:
    """The backbone with which pre-training begins."""
    return _fresh_model(config, recipe_for(config.data.dataset).channels)[0]


def _fresh_model(config: Config, in_channels: int) -> tuple[Network, nn.Module]:
    """Backbone and projection head with weights that depend on `pretrain_seed` alone."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(config.pretrain.pretrain_seed)
        network = build_network(config.trunk.network, in_channels)
        width = network.feature_dim
        projector = nn.Sequential(
            nn.Linear(width, width), nn.ReLU(), nn.Linear(width, PROJECTION_DIM)
        )
    return network, projector
