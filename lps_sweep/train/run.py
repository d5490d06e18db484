"""A Run: what trials share. A solo run is a pack of one; there is no second path."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lps_sweep.config import Config
from lps_sweep.data import ImageSet, OpenWorldSplit
from lps_sweep.data.batches import PairedBatches
from lps_sweep.data.views import make_view, plain_view, recipe_for
from lps_sweep.metrics import accuracies
from lps_sweep.models import build_network, split_network
from lps_sweep.train.learner import Learner

T = TypeVar("T")

EVALUATION_BATCH = 1024
NUM_KEPT_FEATURES = 1000
"""Unlabeled images, evenly spaced, whose features are kept with a finished trial."""


@dataclass
class Member:
    """A trial in a Run: its Learner, and what ended it, if anything did."""

    trial_id: str
    learner: Learner
    error: str = ""
    out_of_memory: bool = False


@dataclass(frozen=True)
class Evaluation:
    """A member's predictions for the unlabeled images, in their order, and its metrics."""

    predictions: NDArray[np.int64]
    metrics: dict[str, float] = field(default_factory=dict)


class Run:
    """The batch stream, the views and the frozen trunk that its members train on.

    The trunk passes each view once per batch, whoever trains beside whom: with frozen weights its
    activations and BatchNorm statistics depend on data and augmentation alone, so a member of a
    pack ends exactly as it does alone.

    Args:
        config: Configuration of any member: only the shared sections are read.
        seed: Seed of batches and augmentation, and of the heads.
        images: The training images.
        split: The open-world split.
        backbone: Pre-trained weights of the whole network.
        device: Where it trains.
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
        self.config = config
        self.seed = seed
        self.split = split
        self.device = device
        self.recipe = recipe_for(config.data.dataset)
        self.images = torch.from_numpy(images.images).to(device)
        self.targets = torch.from_numpy(split.targets).to(device)
        self.batches = PairedBatches(split, config.loop.batch_size, seed, device)
        network = build_network(config.trunk.network, self.recipe.channels)
        network.load_state_dict(backbone)
        self.feature_dim = network.feature_dim
        trunk, self._tail = split_network(network, config.trunk.frozen_through)
        self.trunk = trunk.to(device).requires_grad_(False)
        self.members: list[Member] = []

    def add(self, trial_id: str, config: Config) -> Learner:
        """A new member with a fresh Learner."""
        learner = Learner(
            config,
            tail=self._tail,
            feature_dim=self.feature_dim,
            num_seen=self.split.num_seen,
            num_classes=self.split.num_classes,
            num_steps=self.batches.num_steps,
            seed=self.seed,
            device=self.device,
        )
        self.members.append(Member(trial_id, learner))
        return learner

    @property
    def active(self) -> list[Member]:
        """Members that nothing has ended."""
        return [member for member in self.members if not member.error]

    def train_epoch(self, epoch: int) -> dict[str, dict[str, float]]:
        """Trains all members for `epoch`, counted from 0; their training metrics by trial id."""
        for member in self.active:
            self._guard(member, lambda learner: learner.start_epoch(epoch))
        for step in range(self.batches.num_steps):
            if not self.active:
                break
            views, labels = self._batch(epoch, step)
            for member in self.active:
                self._guard(member, lambda learner: learner.step(views, labels, step))  # noqa: B023
        metrics = {
            m.trial_id: self._guard(m, lambda learner: learner.end_epoch()) for m in self.active
        }
        return {trial_id: values for trial_id, values in metrics.items() if values is not None}

    def evaluate(self) -> dict[str, Evaluation]:
        """Every member's metrics on the unlabeled training images, by trial id."""
        unlabeled = self._predict(self.split.unlabeled)
        holdout = self._predict(self.split.holdout)
        targets = self.split.targets
        found = {}
        for member in self.active:
            predictions = unlabeled[member.trial_id]
            metrics = accuracies(
                targets[self.split.unlabeled],
                predictions,
                self.split.num_seen,
                self.split.num_classes,
                aligned=member.learner.objective.aligned,
            )
            if len(self.split.holdout):
                right = holdout[member.trial_id] == targets[self.split.holdout]
                metrics["acc_holdout"] = float(100 * np.mean(right))
            found[member.trial_id] = Evaluation(predictions, metrics)
        return found

    def features(self, member: Member) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """Indices (n,) of a fixed subset of the unlabeled images, and their features (n, d)."""
        count = min(NUM_KEPT_FEATURES, len(self.split.unlabeled))
        rows = np.linspace(0, len(self.split.unlabeled) - 1, count).astype(np.int64)
        indices = self.split.unlabeled[rows]
        parts = [member.learner.predict(part).features for part in self._activations(indices)]
        return indices, torch.cat(parts).float().cpu().numpy()

    def state(self) -> dict[str, Any]:
        """The shared part of a checkpoint: the trunk's buffers."""
        return {"trunk_buffers": {name: b.clone() for name, b in self.trunk.named_buffers()}}

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Takes over what `state` gave."""
        self.trunk.load_state_dict(state["trunk_buffers"], strict=False)

    def _batch(self, epoch: int, step: int) -> tuple[dict[str, Tensor], Tensor]:
        labeled = self.batches.labeled_indices(epoch, step)
        rows = torch.cat((labeled, self.batches.unlabeled_indices(epoch, step)))
        images = self.images[rows]
        names = self.active[0].learner.objective.views
        key = (self.seed, epoch, step)
        views = {name: make_view(images, self.recipe, name, key) for name in names}
        return self._pass_trunk(views), self.targets[labeled]

    @torch.no_grad()
    def _pass_trunk(self, views: dict[str, Tensor]) -> dict[str, Tensor]:
        self.trunk.train(self.config.trunk.frozen_bn == "train")
        half = self.config.loop.precision == "bfloat16"
        with torch.autocast(self.device.type, dtype=torch.bfloat16, enabled=half):
            if not self.config.trunk.concat_views:
                return {name: self.trunk(images) for name, images in views.items()}
            joint = self.trunk(torch.cat(list(views.values()))).chunk(len(views))
            return dict(zip(views, joint, strict=True))

    def _predict(self, indices: NDArray[np.int64]) -> dict[str, NDArray[np.int64]]:
        """Predicted ids for the images at `indices`, by trial id; the trunk runs once for all."""
        parts: dict[str, list[Tensor]] = {member.trial_id: [] for member in self.active}
        for activations in self._activations(indices):
            for member in self.active:
                output = self._guard(member, lambda learner: learner.predict(activations))  # noqa: B023
                if output is not None:
                    parts[member.trial_id].append(output.logits.argmax(dim=1))
        empty = np.empty(0, dtype=np.int64)
        return {t: torch.cat(ids).cpu().numpy() if ids else empty for t, ids in parts.items()}

    @torch.no_grad()
    def _activations(self, indices: NDArray[np.int64]) -> Iterator[Tensor]:
        self.trunk.eval()
        half = self.config.loop.precision == "bfloat16"
        for rows in torch.from_numpy(indices).to(self.device).split(EVALUATION_BATCH):
            with torch.autocast(self.device.type, dtype=torch.bfloat16, enabled=half):
                yield self.trunk(plain_view(self.images[rows], self.recipe))

    @staticmethod
    def _guard(member: Member, call: Callable[[Learner], T]) -> T | None:
        """`call` for one member; an exception ends that member alone."""
        try:
            return call(member.learner)
        except (MemoryError, torch.OutOfMemoryError) as error:
            member.error, member.out_of_memory = f"{type(error).__name__}: {error}", True
        except Exception:
            member.error = traceback.format_exc()
        return None
