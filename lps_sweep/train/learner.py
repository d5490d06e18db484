"""A Learner: all that belongs to one trial. It can leave a Run without disturbing the others."""

from __future__ import annotations

import copy
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from lps_sweep.config import Config
from lps_sweep.data.random import fold_key
from lps_sweep.methods import objective_class
from lps_sweep.methods.protocol import StepContext, TailOutput
from lps_sweep.models import CosineHead

HEAD_STREAM = 201
"""Second word of the key of the head's initial weights."""


@dataclass(frozen=True)
class Batch:
    """What the members of a Run are given for one step.

    Attributes:
        views: The trunk's activations (B, ...) per view, labeled rows first.
        labels: Class ids (n_l,) of the labeled rows. No other label comes in here.
        draws: (B,) float32, uniform in [0, 1).
    """

    views: Mapping[str, Tensor]
    labels: Tensor
    draws: Tensor


class Learner:
    """One configuration in training: tail, head, objective, optimiser and running sums.

    No step synchronises with the host. A loss that is not finite sets a flag on the device that
    suppresses this and every later update; it is read at the end of the epoch.

    Args:
        config: The trial's configuration.
        tail: The trainable part of the network, as it starts; it is copied.
        feature_dim: Length of the tail's feature vectors.
        num_seen: Number of seen classes.
        num_classes: Number K of classes of the head.
        num_steps: Steps of an epoch.
        seed: The trial's seed; it decides the head's initial weights.
        device: Where it trains.
    """

    def __init__(
        self,
        config: Config,
        *,
        tail: nn.Module,
        feature_dim: int,
        num_seen: int,
        num_classes: int,
        num_steps: int,
        seed: int,
        device: torch.device,
    ) -> None:
        self.config = config
        self.num_steps = num_steps
        self.num_seen = num_seen
        self._device = device
        generator = torch.Generator().manual_seed(fold_key(seed, HEAD_STREAM)[0])
        head = CosineHead(feature_dim, num_classes, config.head.head_scale, generator)
        self.tail = copy.deepcopy(tail).to(device).requires_grad_(True)
        self.head = head.to(device)
        objective = objective_class(config.method.name)
        self.objective = objective(config.method, num_classes, device)
        schedule = config.schedule
        self._weights = [*self.tail.parameters(), *self.head.parameters()]
        self.optimizer = torch.optim.SGD(
            self._weights,
            lr=schedule.lr,
            momentum=schedule.momentum,
            weight_decay=schedule.weight_decay,
            fused=True,
        )
        self._diverged = torch.zeros((), device=device)
        # The fused optimiser reads this attribute on the device and leaves everything as it is
        # where it is 1: torch's own mechanism for mixed precision.
        self.optimizer.found_inf = self._diverged  # type: ignore[attr-defined]
        self._progress = torch.zeros((), device=device)
        self._sums: dict[str, Tensor] = {}
        self.pi_hat_history: list[Tensor] = []

    def start_epoch(self, epoch: int) -> None:
        """Sets learning rate and clock for `epoch`, counted from 0."""
        self.tail.train()
        self._epoch = epoch
        self._sums = {}
        total = self.config.loop.epochs
        self._progress.fill_(epoch / total)
        for group in self.optimizer.param_groups:
            group["lr"] = self.config.schedule.lr * (1 + math.cos(math.pi * epoch / total)) / 2

    def step(self, batch: Batch, step: int) -> None:
        """One update, `step` counted from 0 in the epoch."""
        if self.config.schedule.threshold_clock == "iteration":
            done = self._epoch * self.num_steps + step
            self._progress.fill_(done / (self.config.loop.epochs * self.num_steps))
        context = StepContext(self.num_seen, self._progress, batch.draws)
        result = self.objective.loss(self._outputs(batch.views), batch.labels, context)
        result.total.backward()  # type: ignore[no-untyped-call]
        not_finite = (~torch.isfinite(result.total.detach())).to(self._diverged.dtype)
        torch.maximum(self._diverged, not_finite, out=self._diverged)
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        self._add(result.diagnostics)

    def end_epoch(self) -> dict[str, float]:
        """The epoch's training metrics; none after an epoch without steps."""
        if not self._sums:
            return {}
        metrics = self.objective.summarise(self._sums, self.num_steps)
        if "pi_hat" in self._sums:
            self.pi_hat_history.append((self._sums["pi_hat"] / self.num_steps).cpu())
        metrics["lr"] = float(self.optimizer.param_groups[0]["lr"])
        return metrics

    def diverged(self) -> bool:
        """Whether a loss was ever not finite, or a weight is not; waits for the device.

        A finite loss can have a gradient that is not; the weights show it even after the last
        step, which no loss follows.
        """
        finite = torch.stack([torch.isfinite(weight).all() for weight in self._weights]).all()
        return bool(((self._diverged != 0) | ~finite).item())

    @torch.no_grad()
    def predict(self, activations: Tensor) -> TailOutput:
        """Features (B, d) and logits (B, K) of the trunk's activations of plain images."""
        self.tail.eval()
        return self._output(activations)

    def read(self, activations: Tensor) -> dict[str, Tensor]:
        """What the method keeps of plain images in an evaluation, a row each."""
        with torch.no_grad():
            return self.objective.read(self.predict(activations))

    def pi_hat_epochs(self) -> NDArray[np.float32]:
        """Mean pi_hat of each epoch so far, (epochs, K); empty where the method has none."""
        if not self.pi_hat_history:
            return np.empty((0, 0), dtype=np.float32)
        return torch.stack(self.pi_hat_history).numpy().astype(np.float32)

    def state(self) -> dict[str, Any]:
        """Tensors and plain values from which training goes on identically.

        They are the Learner's own and change with the next step.
        """
        return {
            "tail": self.tail.state_dict(),
            "head": self.head.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "objective": self.objective.state(),
            "pi_hat_history": list(self.pi_hat_history),
        }

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Takes over what `state` gave."""
        self.tail.load_state_dict(state["tail"])
        self.head.load_state_dict(state["head"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.objective.load_state(state["objective"])
        self.pi_hat_history = [pi_hat.cpu() for pi_hat in state["pi_hat_history"]]

    def _outputs(self, views: Mapping[str, Tensor]) -> dict[str, TailOutput]:
        """The head runs once over all views: unlike the tail, it does not mix rows."""
        if self.config.trunk.concat_views:
            joint = self._features(torch.cat(list(views.values())))
        else:
            joint = torch.cat([self._features(activations) for activations in views.values()])
        parts = zip(joint.chunk(len(views)), self.head(joint).chunk(len(views)), strict=True)
        return {view: TailOutput(*part) for view, part in zip(views, parts, strict=True)}

    def _output(self, activations: Tensor) -> TailOutput:
        features = self._features(activations)
        return TailOutput(features, self.head(features))

    def _features(self, activations: Tensor) -> Tensor:
        half = self.config.loop.precision == "bfloat16"
        with torch.autocast(self._device.type, dtype=torch.bfloat16, enabled=half):
            features: Tensor = self.tail(activations)
        return features

    def _add(self, diagnostics: Mapping[str, Tensor]) -> None:
        if not self._sums:
            self._sums = {name: value.clone() for name, value in diagnostics.items()}
        else:
            torch._foreach_add_(
                list(self._sums.values()), [diagnostics[name] for name in self._sums]
            )
