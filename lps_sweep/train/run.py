"""A Run: what trials share. A solo run is a pack of one; there is no second path."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Concatenate, ParamSpec, TypeVar

import torch
from torch import Tensor, nn

from lps_sweep.config import Config
from lps_sweep.data import ImageSet, OpenWorldSplit, classes_of_head, data_set
from lps_sweep.data.batches import PairedBatches
from lps_sweep.data.image_store import image_store
from lps_sweep.data.random import Key, fold_key, uniform
from lps_sweep.data.views import plain_view, view_key, view_under
from lps_sweep.errors import DeviceError
from lps_sweep.methods import objective_class
from lps_sweep.models import build_network, split_network
from lps_sweep.train.batch import Batch
from lps_sweep.train.capture import CudaRecorder, FixedBatches, Recorder
from lps_sweep.train.device import sent, set_up_step
from lps_sweep.train.faults import is_broken, is_out_of_memory
from lps_sweep.train.learner import Learner
from lps_sweep.train.network import compiled, half_precision, layout

DRAWS_STREAM = 401
"""Last word of the keys of the rows' draws; no view has this id."""

RULES_STREAM = 501
"""Second word of the keys of the views that an evaluation compares."""

DRAWS = "draws"
"""Name of that key; no view has it."""

P = ParamSpec("P")
T = TypeVar("T")


@dataclass(frozen=True)
class Member:
    """A trial in a Run."""

    trial_id: str
    learner: Learner


@dataclass(frozen=True)
class Departure:
    """Why a member left before the end: ``failed``, ``diverged`` or ``out_of_memory``."""

    trial_id: str
    status: str
    error: str


class Run:
    """The batch stream, the views and the frozen trunk that its members train on.

    The trunk passes each view once per batch, whoever trains beside whom: with frozen weights its
    activations and BatchNorm statistics depend on data and augmentation alone, so a member of a
    pack ends exactly as it does alone. A member whose Learner raises leaves at once, with all its
    memory; the others go on as if it had never been there.

    Attributes:
        objective: The class of the method's objective.
        views: What the method reads of each image of a batch; a method that trains nothing, none.
        num_epochs: Epochs to their end: one, without steps, for a method that trains nothing.
        members: Those in training.
        departures: Those that left, in order.

    Args:
        config: Configuration of any member: only the shared sections are read.
        seed: Seed of batches and augmentation, and of the heads.
        images: The training images; their labels are not read.
        split: The open-world split. Of its targets, training reads those of labeled images.
        backbone: Pre-trained weights of the whole network.
        device: Where it trains.

    Raises:
        BadInputError: The device cannot do what the configuration asks for.
    """

    def __init__(
        self,
        config: Config,
        *,
        seed: int,
        images: ImageSet,
        split: OpenWorldSplit,
        backbone: Mapping[str, Tensor],
        device: torch.device,
    ) -> None:
        set_up_step(config.loop, device)
        self.config = config
        self.objective = objective_class(config.method.name)
        self.views = self.objective.views
        self.num_epochs = config.loop.epochs if self.views else 1
        self.seed = seed
        self.split = split
        self.device = device
        self.recipe = data_set(config.data.dataset).recipe
        self.images = image_store(images.images, device)
        self.targets = torch.from_numpy(split.targets).to(self.images.index_device)
        self.batches = PairedBatches(
            split,
            config.loop.batch_size,
            seed,
            self.images.index_device,
            data_set(config.data.dataset).rounded_down,
            config.loop.labeled_share,
        )
        network = build_network(config.trunk.network, self.recipe.channels)
        network.load_state_dict(backbone)
        self.feature_dim = network.feature_dim
        trunk, self._tail = split_network(network, config.trunk.frozen_through)
        trunk.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.trunk = trunk.requires_grad_(False)
        self._trained_trunk = compiled(self.trunk) if config.loop.compile else None
        self._recorder = self._make_recorder() if config.loop.graph else None
        self._fixed_batches = FixedBatches(self._recorder) if self._recorder else None
        self.members: list[Member] = []
        self.departures: list[Departure] = []

    def add(self, trial_id: str, config: Config) -> Learner:
        """A new member with a fresh Learner.

        Raises:
            ValueError: A value that a Run shares is not the Run's.
        """
        if _shared(config) != _shared(self.config):
            raise ValueError(f"{trial_id} differs in what a pack shares")
        learner = Learner(
            config,
            tail=self._tail,
            feature_dim=self.feature_dim,
            split=self.split,
            num_classes=classes_of_head(self.split, config.head.assumed_classes),
            num_steps=self.batches.num_steps,
            seed=self.seed,
            device=self.device,
            recorder=self._recorder,
        )
        self.members.append(Member(trial_id, learner))
        return learner

    def train_epoch(self, epoch: int) -> dict[str, dict[str, float]]:
        """Trains all members for `epoch`, counted from 0; their training metrics by trial id.

        Members that fail or diverge leave.
        """
        self.trunk.train(self.config.trunk.frozen_bn == "train")
        for member in list(self.members):
            self.attempt(member, Learner.start_epoch, epoch)
        for step in range(self.batches.num_steps if self.views else 0):
            if not self.members:
                break
            batch = self.batch(epoch, step)
            for member in list(self.members):
                self.attempt(member, Learner.step, batch, step)
        metrics = {m.trial_id: self.attempt(m, Learner.end_epoch) for m in list(self.members)}
        for member in list(self.members):
            if self.attempt(member, Learner.diverged):
                why = f"a loss or a weight was not finite in epoch {epoch + 1}"
                self._leave(member, "diverged", why)
        return {m.trial_id: metrics[m.trial_id] or {} for m in self.members}

    @torch.no_grad()
    def plain_activations(self, indices: Tensor) -> Tensor:
        """The trunk's activations of the images at `indices` (n,) under the test transform."""
        self.trunk.eval()
        return self._pass_trunk(plain_view(self.images[indices], self.recipe), self.trunk)

    @torch.no_grad()
    def weak_again(self, view: str, indices: Tensor, number: int) -> Tensor:
        """As `plain_activations`, of a weak view; the same draws whenever it is asked for.

        `number` is that of the batch. The key has a word more than those of training.
        """
        self.trunk.eval()
        key = view_key(view, (self.seed, RULES_STREAM, number, 0))
        images = view_under(key, self.images[indices], self.recipe, self._drawn_by(view))
        return self._pass_trunk(images, self.trunk)

    def state(self) -> dict[str, Any]:
        """The shared part of a checkpoint: the trunk's buffers.

        They are the Run's own and change with the next batch.
        """
        return {"trunk_buffers": dict(self.trunk.named_buffers())}

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Takes over what `state` gave.

        Raises:
            KeyError: The buffers are not those of this trunk.
        """
        buffers = dict(self.trunk.named_buffers())
        if buffers.keys() != state["trunk_buffers"].keys():
            raise KeyError("these are the buffers of another trunk")
        for name, buffer in buffers.items():
            buffer.copy_(state["trunk_buffers"][name])

    def attempt(
        self,
        member: Member,
        call: Callable[Concatenate[Learner, P], T],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> T | None:
        """`call` for one member's Learner; an exception ends that member alone.

        Raises:
            Exception: What ends the process and all in it: see `faults.is_broken`.
        """
        try:
            return call(member.learner, *args, **kwargs)
        except DeviceError:
            raise
        except Exception as error:
            if is_broken(error, self.device):
                raise
            if is_out_of_memory(error):
                self._leave(member, "out_of_memory", f"{type(error).__name__}: {error}")
            else:
                self._leave(member, "failed", traceback.format_exc())
        return None

    def _leave(self, member: Member, status: str, error: str) -> None:
        self.members.remove(member)
        self.departures.append(Departure(member.trial_id, status, error))

    def _make_recorder(self) -> Recorder:
        return CudaRecorder(self.device)

    def batch(self, epoch: int, step: int) -> Batch:
        """What all members take a step on, in training mode of the trunk.

        The activations are in the order in which the trunk passed the views.
        """
        labeled = self.batches.labeled_indices(epoch, step)
        rows = torch.cat((labeled, self.batches.unlabeled_indices(epoch, step)))
        images = self.images[rows]
        labels = sent(self.targets[labeled], self.device)
        key = (self.seed, epoch, step)
        keys = {name: view_key(name, key) for name in self.views}
        keys[DRAWS] = fold_key(*key, DRAWS_STREAM)
        rows = sent(rows, self.device)
        if self._fixed_batches is None:
            return replace(self._made(images, labels, keys), rows=rows)
        return self._fixed_batches(self._made, images, labels, keys, rows)

    def _made(self, images: Tensor, labels: Tensor, keys: Mapping[str, Key]) -> Batch:
        """The batch of these images, from tensors and the keys of all draws alone."""
        fixed_shape = True if self._recorder else None
        views = {
            name: view_under(keys[name], images, self.recipe, self._drawn_by(name), fixed_shape)
            for name in self.views
        }
        draws = uniform((len(images),), keys[DRAWS], self.device)
        return Batch(self._view_activations(views), labels, draws)

    def _drawn_by(self, view: str) -> str:
        """The view of the data set that a view of the method is drawn by, under its own key."""
        simclr = self.config.loop.weak_views == "simclr" and view.startswith("weak")
        return view.replace("weak", "simclr") if simclr else view

    @torch.no_grad()
    def _view_activations(self, views: Mapping[str, Tensor]) -> dict[str, Tensor]:
        trunk = self.trunk if self._trained_trunk is None else self._trained_trunk
        if not self.config.trunk.concat_views:
            return {name: self._pass_trunk(images, trunk) for name, images in views.items()}
        joint = self._pass_trunk(torch.cat(list(views.values())), trunk).chunk(len(views))
        return dict(zip(views, joint, strict=True))

    def _pass_trunk(self, images: Tensor, trunk: nn.Module) -> Tensor:
        """In channels-last order, which is faster here, and then in that of the tails."""
        activations = images
        if len(self.trunk):
            with half_precision(self.config.loop, self.device):
                activations = trunk(images.contiguous(memory_format=torch.channels_last))
        return activations.contiguous(memory_format=layout(self.device))


def _shared(config: Config) -> tuple[object, ...]:
    """What members have in common; the backbone and the images are given, not read."""
    return config.data.dataset, config.split, config.trunk, config.loop, config.method.name
