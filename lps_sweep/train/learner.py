"""A Learner: all that belongs to one trial. It can leave a Run without disturbing the others."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from functools import partial
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from lps_sweep.config import Config
from lps_sweep.data import OpenWorldSplit
from lps_sweep.data.random import fold_key
from lps_sweep.methods import objective_class
from lps_sweep.methods.protocol import Parts, StepContext, TailOutput
from lps_sweep.train.batch import Batch
from lps_sweep.train.capture import Recorded, Recorder
from lps_sweep.train.network import compiled, pass_tail, to_device
from lps_sweep.train.optimizer import (
    load_optimizer,
    make_optimizer,
    plain_state,
    put_rates_on,
    set_rates,
)
from lps_sweep.train.perturbation import perturb

HEAD_STREAM = 201
"""Second word of the key of the head's initial weights."""

FEATURES, CONFIDENCE = "rules.features", "rules.confidence"
"""What is kept for rules of selection, besides what a method keeps."""

NOTHING = -0.0
"""What a sum starts from: unlike 0, it leaves a first -0 as it is."""


class Learner:
    """One configuration in training: its method, optimisers and running sums.

    No step synchronises with the host. A loss that is not finite sets a flag on the device that
    suppresses this and every later update; it is read at the end of the epoch.

    Args:
        config: The trial's configuration.
        tail: The trainable part of the network, as it starts; it is copied.
        feature_dim: Length of the tail's feature vectors.
        split: The open-world split, of which the method learns sizes and places alone.
        num_classes: Number K of classes of the head.
        num_steps: Steps of an epoch.
        seed: The trial's seed; it decides the heads' initial weights.
        device: Where it trains.
        recorder: Records its steps, all of which then need one and the same `Batch`.
    """

    def __init__(
        self,
        config: Config,
        *,
        tail: nn.Module,
        feature_dim: int,
        split: OpenWorldSplit,
        num_classes: int,
        num_steps: int,
        seed: int,
        device: torch.device,
        recorder: Recorder | None = None,
    ) -> None:
        self.config = config
        self.num_steps = num_steps
        self.num_seen = split.num_seen
        self._device = device
        tail = to_device(copy.deepcopy(tail), device).requires_grad_(True)
        trained = compiled(tail) if config.loop.compile else None
        self.objective = objective_class(config.method.name)(config.method, num_classes, device)
        self.objective.build(
            Parts(
                tail=tail,
                feature_dim=feature_dim,
                head_scale=config.head.head_scale,
                num_seen=split.num_seen,
                num_steps=num_steps,
                num_epochs=config.loop.epochs,
                num_images=len(split.targets),
                unlabeled=torch.from_numpy(split.unlabeled),
                generator=torch.Generator().manual_seed(fold_key(seed, HEAD_STREAM)[0]),
                device=device,
                pass_tail=partial(pass_tail, trained, config.loop, device),
                concat_views=config.trunk.concat_views,
            )
        )
        self._weights = [w for w in self.objective.parameters() if w.requires_grad]
        self._further = dict(self.objective.optimizers())
        self.optimizer = make_optimizer(self.tail, self._heads(), config.schedule)
        if draw := config.schedule.perturbation:
            perturb(self._weights, seed, draw)
        self._diverged = torch.zeros((), device=device)
        # The fused optimiser reads this attribute on the device and leaves everything as it is
        # where it is 1: torch's own mechanism for mixed precision.
        for optimizer in (self.optimizer, *self._further.values()):
            optimizer.found_inf = self._diverged  # type: ignore[attr-defined]
        self._recorder = recorder
        self._recorded: tuple[Batch, Recorded] | None = None
        self._put_rates_on_device()
        self._progress = torch.zeros((), device=device)
        self._sums: dict[str, Tensor] = {}
        self._num_steps_done = 0
        self.pi_hat_history: list[Tensor] = []

    @property
    def tail(self) -> nn.Module:
        """The trainable end of the backbone."""
        return self.objective.tail

    @tail.setter
    def tail(self, tail: nn.Module) -> None:
        self.objective.tail = tail

    @property
    def head(self) -> Any:
        """The classifier, a module of the method's own kind."""
        return self.objective.head

    @property
    def num_trained_weights(self) -> int:
        """Numbers that training changes."""
        return sum(weight.numel() for weight in self._weights)

    def start_epoch(self, epoch: int) -> None:
        """Sets learning rate and clock for `epoch`, counted from 0."""
        self.objective.train()
        if self.objective.start_epoch(epoch):
            self._forget()
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
        outputs = self.objective.outputs(batch.views)
        result = self.objective.loss(outputs, batch.labels, self.context(batch))
        result.total.backward()  # type: ignore[no-untyped-call]
        self._take_step(result.total, self.optimizer)
        self.objective.stepped()
        self._add(result.diagnostics)

    def context(self, batch: Batch) -> StepContext:
        """What the loss of a batch may know besides outputs and labels."""
        return StepContext(
            num_seen=self.num_seen,
            progress=self._progress,
            draws=batch.draws,
            rows=batch.rows,
            views=batch.views,
            step=self._further_step,
        )

    def _further_step(self, loss: Tensor, name: str, weights: list[Tensor]) -> None:
        """A step of one of the method's own optimisers, on `weights` alone."""
        gradients = torch.autograd.grad(loss, weights, retain_graph=True)
        for weight, gradient in zip(weights, gradients, strict=True):
            weight.grad = gradient
        self._take_step(loss, self._further[name])

    def _take_step(self, loss: Tensor, optimizer: torch.optim.Optimizer) -> None:
        not_finite = (~torch.isfinite(loss.detach())).to(self._diverged.dtype)
        torch.maximum(self._diverged, not_finite, out=self._diverged)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)

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
        """What the network makes of the trunk's activations of plain images."""
        self.objective.eval()
        return self.objective.heads(self.objective.features(activations))

    def read(self, activations: Tensor, chosen: Tensor | None = None) -> dict[str, Tensor]:
        """What the method keeps of images in an evaluation, a row each.

        Of the rows `chosen` also `FEATURES` and, where the method has it, `CONFIDENCE`.
        """
        with torch.no_grad():
            output = self.predict(activations)
            kept = self.objective.read(output)
            if chosen is not None and len(chosen):
                kept[FEATURES] = output.features[chosen].float()
                if (confidence := self.objective.confidence(output)) is not None:
                    kept[CONFIDENCE] = confidence[chosen]
            return kept

    def pi_hat_epochs(self) -> NDArray[np.float32]:
        """Mean pi_hat of each epoch so far, (epochs, K); empty where the method has none."""
        if not self.pi_hat_history:
            return np.empty((0, 0), dtype=np.float32)
        return torch.stack(self.pi_hat_history).numpy().astype(np.float32)

    def state(self) -> dict[str, Any]:
        """Tensors and plain values from which training goes on identically.

        They are the Learner's own and change with the next step.
        """
        parts = {name: part.state_dict() for name, part in self.objective.named_children()}
        further = {name: optimizer.state_dict() for name, optimizer in self._further.items()}
        return {
            **parts,
            "optimizer": plain_state(self.optimizer),
            **({"further": further} if further else {}),
            "objective": self.objective.state(),
            "pi_hat_history": list(self.pi_hat_history),
        }

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Takes over what `state` gave."""
        for name, part in self.objective.named_children():
            part.load_state_dict(state[name])
        load_optimizer(self.optimizer, state["optimizer"])
        for name, optimizer in self._further.items():
            load_optimizer(optimizer, state["further"][name])
        self._put_rates_on_device()
        self._recorded = None
        self.objective.load_state(state["objective"])
        self.pi_hat_history = [pi_hat.cpu() for pi_hat in state["pi_hat_history"]]

    def _heads(self) -> nn.ParameterList:
        """The weights of the main optimiser that are not the tail's."""
        others = [self.tail.parameters(), *map(_weights_of, self._further.values())]
        known = {id(weight) for weights in others for weight in weights}
        return nn.ParameterList([w for w in self._weights if id(w) not in known])

    def _forget(self) -> None:
        """The optimisers start anew; their state keeps its place, as a recorded step needs."""
        for optimizer in (self.optimizer, *self._further.values()):
            for kept in optimizer.state.values():
                for value in kept.values():
                    if isinstance(value, Tensor):
                        value.zero_()

    def _put_rates_on_device(self) -> None:
        """Where steps are recorded, or could be: on a GPU both ways then take the same numbers."""
        if self._recorder is not None or self._device.type == "cuda":
            put_rates_on(self._device, self.optimizer)

    def _add(self, diagnostics: Mapping[str, Tensor]) -> None:
        """The sums stay the same tensors in all epochs, as a recorded step needs."""
        if not self._sums:
            self._sums = {name: torch.full_like(v, NOTHING) for name, v in diagnostics.items()}
        torch._foreach_add_(list(self._sums.values()), [diagnostics[name] for name in self._sums])


def _weights_of(optimizer: torch.optim.Optimizer) -> list[Tensor]:
    return [weight for group in optimizer.param_groups for weight in group["params"]]
