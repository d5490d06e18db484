"""SimCLR pre-training on all training images, without labels (Chen et al., 2020)."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator, Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from lps_sweep.config import Config, LoopConfig
from lps_sweep.data import ImageSet, data_set
from lps_sweep.data.image_store import image_store
from lps_sweep.data.random import Word, fold_key, permutation
from lps_sweep.data.views import make_view
from lps_sweep.models import Network, build_network
from lps_sweep.train.capture import CudaRecorder, FixedTensors, Recorded, Recorder
from lps_sweep.train.device import sent, set_up_step
from lps_sweep.train.network import compiled, half_precision, layout, to_device
from lps_sweep.train.optimizer import load_optimizer, plain_state, put_rates, put_rates_on

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

    Its steps are done as those of a trial: in the layout of the device, and compiled or recorded
    where the configuration says so. Every draw depends on `pretrain_seed` alone, so that training
    which goes on from a `state` ends as training in one go does, bit for bit.

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

    Raises:
        BadInputError: The device cannot do what the configuration asks for.
    """

    def __init__(self, config: Config, images: ImageSet, device: torch.device) -> None:
        self.device = device
        self._settings = config.pretrain
        self._loop = _loop(config, device)
        set_up_step(self._loop, device, "pretrain_")
        self._recipe = data_set(config.data.dataset).recipe
        self.network, projector = _fresh_model(config, self._recipe.channels)
        self._model = to_device(nn.Sequential(self.network, projector), device).train()
        self._trained = compiled(self._model) if self._loop.compile else self._model
        self.images = image_store(images.images, device)
        self._optimizer = torch.optim.SGD(
            self._model.parameters(),
            lr=self._settings.pretrain_lr,
            momentum=self._settings.pretrain_momentum,
            weight_decay=self._settings.pretrain_weight_decay,
            fused=True,
        )
        self._recorder = self._make_recorder() if self._loop.graph else None
        self._begin_steps()
        self._loss = torch.zeros((), device=device)
        self.epoch = 0
        self.loss = math.nan

    def __iter__(self) -> Iterator[tuple[int, float]]:
        """Trains to the end."""
        total = self._settings.pretrain_epochs
        while self.epoch < total:
            cosine = math.cos(math.pi * self.epoch / total)
            put_rates(self._optimizer, [self._settings.pretrain_lr * (1 + cosine) / 2])
            self.loss = self._epoch(self.epoch)
            self.epoch += 1
            yield self.epoch, self.loss

    def state(self) -> dict[str, Any]:
        """All that training goes on from: weights, momentum, epoch."""
        return {
            "epoch": self.epoch,
            "loss": self.loss,
            "model": self._model.state_dict(),
            "optimizer": plain_state(self._optimizer),
        }

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Takes over what `state` gave.

        Raises:
            KeyError, RuntimeError, ValueError: It is the state of another model.
        """
        self._model.load_state_dict(state["model"])
        load_optimizer(self._optimizer, state["optimizer"])
        self._begin_steps()
        self.epoch, self.loss = int(state["epoch"]), float(state["loss"])

    def _make_recorder(self) -> Recorder:
        return CudaRecorder(self.device)

    def _begin_steps(self) -> None:
        """What earlier steps were recorded on is no longer there; rates lie where records look."""
        self._inputs = FixedTensors()
        self._recorded = Recorded(self._recorder) if self._recorder else None
        if self._recorded or self.device.type == "cuda":
            put_rates_on(self.device, self._optimizer)

    def _epoch(self, epoch: int) -> float:
        seed = self._settings.pretrain_seed
        count = len(self.images)
        batch_size = min(self._settings.pretrain_batch_size, count)
        order = permutation(count, fold_key(seed, ORDER_STREAM, epoch), self.images.index_device)
        batches = order.split(batch_size)[: count // batch_size]  # type: ignore[no-untyped-call]
        losses = [self._step(self.images[rows], (seed, epoch, i)) for i, rows in enumerate(batches)]
        return float(torch.stack(losses).mean())

    def _step(self, images: Tensor, words: tuple[int, ...]) -> Tensor:
        """One update; the loss, a 0-d tensor of its own."""
        if self._recorded is None:
            self._update(images, words)
        else:
            given = self._inputs(images, sent(torch.tensor(words), self.device))
            self._recorded(lambda: self._update(given[0], given[1].unbind()))
        return self._loss.clone()

    def _update(self, images: Tensor, words: tuple[Word, ...]) -> None:
        """All of a step that a record holds: it reads and changes tensors alone."""
        views = [make_view(images, self._recipe, view, words) for view in SIMCLR_VIEWS]
        first, second = (self._projections(view) for view in views)
        loss = nt_xent(first, second, self._settings.pretrain_temperature)
        loss.backward()  # type: ignore[no-untyped-call]
        self._optimizer.step()
        self._optimizer.zero_grad(set_to_none=True)
        self._loss.copy_(loss.detach())

    def _projections(self, view: Tensor) -> Tensor:
        """In float32. Weights are cast for each view, lest gradients be added up in bfloat16."""
        with half_precision(self._loop, self.device):
            made: Tensor = self._trained(view.contiguous(memory_format=layout(self.device)))
        return made.float()


def _loop(config: Config, device: torch.device) -> LoopConfig:
    """How a step of pre-training is done, in the words of a step of a trial.

    Its float32 is torch's own, which is TF32 in the convolutions of a GPU.
    """
    settings = config.pretrain
    on_gpu = device.type == "cuda" and settings.pretrain_precision == "float32"
    return dataclasses.replace(
        config.loop,
        precision="tf32" if on_gpu else settings.pretrain_precision,
        compile=settings.pretrain_compile,
        graph=settings.pretrain_graph,
    )


def fresh_network(config: Config) -> Network:
    """The backbone with which pre-training begins."""
    return _fresh_model(config, data_set(config.data.dataset).recipe.channels)[0]


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
