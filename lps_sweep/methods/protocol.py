"""What a method gives to training, and what it gets."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

import torch
from torch import Tensor


@dataclass(frozen=True)
class TailOutput:
    """What a trial's own part of the network makes of one view, labeled rows first.

    Attributes:
        features: (B, d).
        logits: (B, K).
    """

    features: Tensor
    logits: Tensor


@dataclass(frozen=True)
class StepContext:
    """What a loss may know besides the outputs and the labels of the labeled rows.

    Attributes:
        num_seen: Classes 0 to num_seen - 1 are seen.
        progress: 0-d float, share of training that is over, in [0, 1), by the configured clock.
        draws: (B,) float32, uniform in [0, 1), one for each row: a function of seed, epoch and
            step alone, the same for all members of a pack.
    """

    num_seen: int
    progress: Tensor
    draws: Tensor


@dataclass(frozen=True)
class StepLoss:
    """The loss of one step.

    Attributes:
        total: 0-d, with gradient.
        diagnostics: Detached tensors whose names and shapes are the same at each step. Training
            adds them up over an epoch, on the device.
    """

    total: Tensor
    diagnostics: dict[str, Tensor]


class Objective(Protocol):
    """The loss of a method, with whatever it carries from step to step, and its predictions.

    What has a body here is optional: a method that derives from this class inherits it.

    Attributes:
        views: Names of the views that `loss` reads. A method without views trains nothing: it is
            evaluated once, after a single epoch without steps.
        aligned: Whether predicted ids are class labels; otherwise they are clusters.
        evaluated_first: Whether an evaluation comes before the first epoch too, for `evaluated`.
    """

    views: ClassVar[tuple[str, ...]]
    aligned: ClassVar[bool]
    evaluated_first: ClassVar[bool] = False

    def __init__(self, config: Any, num_classes: int, device: torch.device | str) -> None:
        """An objective with the method's own configuration, for `num_classes` classes."""

    def loss(
        self, outputs: Mapping[str, TailOutput], labels: Tensor, context: StepContext
    ) -> StepLoss:
        """The loss of one batch, of fixed shape and free of host synchronisation.

        Args:
            outputs: One for each of `views`, of the same rows, labeled rows first.
            labels: (n_l,) int64, labels of the labeled rows; no other label is known.
            context: Seen classes, progress and random draws.
        """
        ...

    def summarise(self, sums: Mapping[str, Tensor], num_steps: int) -> dict[str, float]:
        """The epoch's metrics from the diagnostics summed over `num_steps` steps; on the host."""
        ...

    def read(self, output: TailOutput) -> dict[str, Tensor]:
        """What an evaluation keeps of a batch of plain images, a row each, without gradient."""
        return {"ids": output.logits.argmax(dim=1)}

    def predict(self, kept: Mapping[str, Tensor]) -> Tensor:
        """Ids (N,) int64, from 0, of the N images of which `kept` is what `read` gave, on the CPU.

        An `aligned` method is asked for images of any kind, another one for all unlabeled
        training images together.
        """
        return kept["ids"]

    def evaluated(self, kept: Mapping[str, Tensor]) -> None:  # noqa: ARG002
        """Takes note, after each evaluation, of what `read` gave of all unlabeled images."""
        return

    def state(self) -> dict[str, Tensor]:
        """What a checkpoint must hold; empty where steps leave nothing behind."""
        ...

    def load_state(self, state: Mapping[str, Tensor]) -> None:
        """Takes up what `state` gave."""
        ...
