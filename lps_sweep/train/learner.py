"""A Learner: all that belongs to one trial. It can leave a Run without disturbing the others."""

from __future__ import annotations

import copy
from collections.abc import Mapping
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
from lps_sweep.train.batch import Batch
from lps_sweep.train.capture import Recorded, Recorder
from lps_sweep.train.network import compiled, half_precision, to_device
from lps_sweep.train.optimizer import make_optimizer, plain_state, put_rates_on, set_rates

HEAD_STREAM = 201
"""Second word of the key of the head's initial weights."""

NOTHING = -0.0
"""What a sum starts from: unlike 0, it leaves a first -0 as it is."""


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
        recorder: Records its steps, all of which then need one and the same `Batch`.
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
        recorder: Recorder | None = None,
    ) -> None:
        self.config = config
        self.num_steps = num_steps
        self.num_seen = num_seen
        self._device = device
        generator = torch.Generator().manual_seed(fold_key(seed, HEAD_STREAM)[0])
        head = CosineHead(feature_dim, num_classes, config.head.head_scale, generator)
        self.tail = to_device(copy.deepcopy(tail), device).requires_grad_(True)
        self._trained_tail = compiled(self.tail) if config.loop.compile else None
        self.head = head.to(device)
        objective = objective_class(config.method.name)
        self.objective = objective(config.method, num_classes, device)
        self._weights = [*self.tail.parameters(), *self.head.parameters()]
        self.optimizer = make_optimizer(self.tail, self.head, config.schedule)
        self._diverged = torch.zeros((), device=device)
        # The fused optimiser reads this attribute on the device and leaves everything as it is
        # where it is 1: torch's own mechanism for mixed precision.
        self.optimizer.found_inf = self._diverged  # type: ignore[attr-defined]
        self._recorder = recorder
        self._recorded: tuple[Batch, Recorded] | None = None
        self._put_rates_on_device()
        self._progress = torch.zeros((), device=device)
        self._sums: dict[str, Tensor] = {}
        self._num_steps_done = 0
        self.pi_hat_history: list[Tensor] = []

    @property
    def num_trained_weights(self) -> int:
        """Numbers that training changes: those of the tail and of the head."""
        return sum(weight.numel() for weight in self._weights if weight.requires_grad)

    def start_epoch(self, epoch: int) -> None:
        """Sets learning rate and clock for `epoch`, counted from 0."""
        self.tail.train()
        self._epoch = epoch
        self._num_steps_done = 0
        for total in self._sums.values():
            total.fill_(NOTHING)
        progress = epoch / self.config.loop.epochs
        self._progress.fill_(progress)
        self._lr = set_rates(self.optimizer, self.config.schedule, progress)

    def step(self, batch: Batch, step: int) -> None:
        """One update, `step` counted from 0 in the epoch."""
        if self.config.schedule.threshold_clock == "iteration":
            done = self._epoch * self.num_steps + step
            self._progress.fill_(done / (self.config.loop.epochs * self.num_steps))
        if self._recorder is None:
            self._update(batch)
        else:
            self._recorded_update(batch, self._recorder)
        self._num_steps_done += 1

    def _recorded_update(self, batch: Batch, recorder: Recorder) -> None:
        """A record holds for one batch, whose content changes; another one needs a new record."""
        if self._recorded is None or self._recorded[0] is not batch:
            self._recorded = batch, Recorded(recorder)
        self._recorded[1](lambda: self._update(batch))

    def _update(self, batch: Batch) -> None:
        """All of a step that a record holds: it reads and changes tensors alone."""
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
        if not self._num_steps_done:
            return {}
        metrics = self.objective.summarise(self._sums, self.num_steps)
        if "pi_hat" in self._sums:
            self.pi_hat_history.append((self._sums["pi_hat"] / self.num_steps).cpu())
        metrics["lr"] = self._lr
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
            "optimizer": plain_state(self.optimizer),
            "objective": self.objective.state(),
            "pi_hat_history": list(self.pi_hat_history),
        }

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Takes over what `state` gave."""
        self.tail.load_state_dict(state["tail"])
        self.head.load_state_dict(state["head"])
        self.optimizer.load_state_dict(state["optimizer"])
        self._put_rates_on_device()
        self._recorded = None
        self.objective.load_state(state["objective"])
        self.pi_hat_history = [pi_hat.cpu() for pi_hat in state["pi_hat_history"]]

    def _put_rates_on_device(self) -> None:
        """Where steps are recorded, or could be: on a GPU both ways then take the same numbers."""
        if self._recorder is not None or self._device.type == "cuda":
            put_rates_on(self._device, self.optimizer)

    def _outputs(self, views: Mapping[str, Tensor]) -> dict[str, TailOutput]:
        """The head runs once over all views: unlike the tail, it does not mix rows."""
        tail = self.tail if self._trained_tail is None else self._trained_tail
        if self.config.trunk.concat_views:
            joint = self._features(torch.cat(list(views.values())), tail)
        else:
            joint = torch.cat([self._features(given, tail) for given in views.values()])
        parts = zip(joint.chunk(len(views)), self.head(joint).chunk(len(views)), strict=True)
        return {view: TailOutput(*part) for view, part in zip(views, parts, strict=True)}

    def _output(self, activations: Tensor) -> TailOutput:
        features = self._features(activations, self.tail)
        return TailOutput(features, self.head(features))

    def _features(self, activations: Tensor, tail: nn.Module) -> Tensor:
        with half_precision(self.config.loop, self._device):
            features: Tensor = tail(activations)
        return features

    def _add(self, diagnostics: Mapping[str, Tensor]) -> None:
        """The sums stay the same tensors in all epochs, as a recorded step needs."""
        if not self._sums:
            self._sums = {name: torch.full_like(v, NOTHING) for name, v in diagnostics.items()}
        torch._foreach_add_(list(self._sums.values()), [diagnostics[name] for name in self._sums])
