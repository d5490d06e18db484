"""What a method gives to training, and what it gets."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from lps_sweep.models import CosineHead

NOTHING: Mapping[str, Tensor] = MappingProxyType({})
"""What is kept of images that a method does not read."""


@dataclass(frozen=True)
class TailOutput:
    """What a trial's own part of the network makes of one view, labeled rows first.

    Attributes:
        features: (B, d).
        logits: (B, K), or as many columns as the method's classifier has.
        more: What other heads of the method give, a row each, by name.
    """

    features: Tensor
    logits: Tensor
    more: Mapping[str, Tensor] = field(default_factory=dict)

    def chunk(self, count: int) -> list[TailOutput]:
        """The rows in `count` equal parts."""
        more = {name: rows.chunk(count) for name, rows in self.more.items()}
        parts = zip(self.features.chunk(count), self.logits.chunk(count), strict=True)
        return [
            TailOutput(*part, {name: rows[i] for name, rows in more.items()})
            for i, part in enumerate(parts)
        ]


@dataclass(frozen=True)
class Parts:
    """What a method makes all that its trial trains from.

    Attributes:
        tail: The trainable end of the backbone, the trial's own copy, on the device.
        feature_dim: Length d of the tail's feature vectors.
        head_scale: Factor of the cosine logits.
        num_seen: Classes 0 to num_seen - 1 are seen.
        num_steps: Steps of an epoch.
        num_epochs: Epochs of the whole training.
        num_images: Training images; the rows of a batch are numbers below it.
        unlabeled: (N_u,) int64, the rows of the unlabeled images, in the order of evaluations.
        generator: On the CPU, from the trial's seed alone: source of first weights.
        device: Where everything lies.
        pass_tail: Passes activations through a tail, in the configured precision.
        concat_views: Whether the views pass the network together.
    """

    tail: nn.Module
    feature_dim: int
    head_scale: float
    num_seen: int
    num_steps: int
    num_epochs: int
    num_images: int
    unlabeled: Tensor
    generator: torch.Generator
    device: torch.device
    pass_tail: Callable[[nn.Module, Tensor], Tensor]
    concat_views: bool = False


def _no_step(loss: Tensor, optimizer: str, weights: list[Tensor]) -> None:
    raise RuntimeError(f"no step of {optimizer} outside training: {len(weights)}, {loss.shape}")


@dataclass(frozen=True)
class StepContext:
    """What a loss may know besides the outputs and the labels of the labeled rows.

    Attributes:
        num_seen: Classes 0 to num_seen - 1 are seen.
        progress: 0-d float, share of training that is over, in [0, 1), by the configured clock.
        draws: (B,) float32, uniform in [0, 1), one for each row: a function of seed, epoch and
            step alone, the same for all members of a pack.
        rows: (B,) int64, which training images these are.
        views: The trunk's activations by view, from which the outputs were made.
        step: Takes a step of one of the method's further `optimizers`, by name, on the gradient
            of a loss with respect to its weights. Not finite, it suppresses all later updates.
    """

    num_seen: int
    progress: Tensor
    draws: Tensor
    rows: Tensor = field(default_factory=lambda: torch.empty(0, dtype=torch.int64))
    views: Mapping[str, Tensor] = field(default_factory=dict)
    step: Callable[[Tensor, str, list[Tensor]], None] = _no_step


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


class Objective(nn.Module):
    """A method: all that its trial trains, the loss, what it keeps from step to step, predictions.

    What lasts is a parameter or a registered buffer, so that a checkpoint holds it. Outside a step
    both change in place alone: a recorded step reads them where they are.

    Attributes:
        views: Names of the views that `loss` reads. A method without views trains nothing: it is
            evaluated once, after a single epoch without steps.
        aligned: Whether predicted ids are class labels; otherwise they are clusters.
        evaluated_first: Whether an evaluation comes before the first epoch too, for `evaluated`.
        reads_labeled: Whether an evaluation reads the labeled images as well.
        heads_mix_rows: Whether heads mix the rows of a batch, as BatchNorm does: they then pass
            each view by itself.
        tail: The trainable end of the backbone.

    Args:
        config: The method's own configuration.
        num_classes: Number K of classes.
        device: Where it computes.
    """

    views: ClassVar[tuple[str, ...]]
    aligned: ClassVar[bool]
    evaluated_first: ClassVar[bool] = False
    reads_labeled: ClassVar[bool] = False
    heads_mix_rows: ClassVar[bool] = False
    tail: nn.Module

    def __init__(self, config: Any, num_classes: int, device: torch.device | str) -> None:
        super().__init__()
        self.config = config
        self.num_classes = num_classes
        self.device = torch.device(device)

    def build(self, parts: Parts) -> None:
        """Makes what is trained: here the tail and a cosine classifier of K classes."""
        self.take(parts)
        head = CosineHead(parts.feature_dim, self.num_classes, parts.head_scale, parts.generator)
        self.head: nn.Module = head.to(parts.device)

    def take(self, parts: Parts) -> None:
        """Takes over the tail, which a `build` of one's own adds heads to."""
        self.tail = parts.tail
        self._pass_tail = parts.pass_tail
        self._concat_views = parts.concat_views

    def features(self, activations: Tensor) -> Tensor:
        """Activations of the trunk (B, ...) -> features (B, d), in the configured precision."""
        return self._pass_tail(self.tail, activations)

    def heads(self, features: Tensor) -> TailOutput:
        """Features (B, d) -> what the heads make of them, in float32 also under autocast."""
        return TailOutput(features, self.head(features))

    def outputs(self, views: Mapping[str, Tensor]) -> dict[str, TailOutput]:
        """What the trial's part of the network makes of each view of a batch."""
        if self._concat_views:
            joint = self.features(torch.cat(list(views.values())))
            return dict(zip(views, self.heads(joint).chunk(len(views)), strict=True))
        passed = [self.features(activations) for activations in views.values()]
        if self.heads_mix_rows:
            return dict(zip(views, map(self.heads, passed), strict=True))
        return dict(zip(views, self.heads(torch.cat(passed)).chunk(len(views)), strict=True))

    def loss(
        self,
        outputs: Mapping[str, TailOutput],  # noqa: ARG002
        labels: Tensor,  # noqa: ARG002
        context: StepContext,  # noqa: ARG002
    ) -> StepLoss:
        """The loss of one batch, of fixed shape and free of host synchronisation.

        Args:
            outputs: One for each of `views`, of the same rows, labeled rows first.
            labels: (n_l,) int64, labels of the labeled rows; no other label is known.
            context: Seen classes, progress, random draws and rows.

        Raises:
            RuntimeError: The method has no views.
        """
        raise RuntimeError(f"{type(self).__name__} trains nothing")

    def optimizers(self) -> Mapping[str, torch.optim.Optimizer]:
        """Further optimisers by name, fused; all other weights are those of the main one."""
        return {}

    def stepped(self) -> None:
        """Comes after the main optimiser's step, and is part of what a record repeats."""
        return

    def start_epoch(self, epoch: int) -> bool:  # noqa: ARG002
        """Comes before each epoch, counted from 0; whether the optimisers start anew."""
        return False

    def summarise(self, sums: Mapping[str, Tensor], num_steps: int) -> dict[str, float]:
        """The epoch's metrics from the diagnostics summed over `num_steps` steps; on the host.

        Here they are the means of those without dimensions.
        """
        names = [name for name, value in sums.items() if value.ndim == 0]
        values = torch.stack([sums[name].double() for name in names]).tolist()
        return {name: value / num_steps for name, value in zip(names, values, strict=True)}

    def read(self, output: TailOutput) -> dict[str, Tensor]:
        """What an evaluation keeps of a batch of plain images, a row each, without gradient."""
        return {"ids": output.logits.argmax(dim=1)}

    def confidence(self, output: TailOutput) -> Tensor | None:
        """Probability (B,) of the class predicted of each image; None without a classifier."""
        return torch.softmax(output.logits.float(), dim=1).amax(dim=1) if self.aligned else None

    def evaluated(
        self,
        kept: Mapping[str, Tensor],  # noqa: ARG002
        labeled: Mapping[str, Tensor] = NOTHING,  # noqa: ARG002
    ) -> None:
        """Takes note, after each evaluation, of what `read` gave, on the CPU.

        An evaluation may also come without an epoch before it.

        Args:
            kept: Of all unlabeled training images, in the order of `Parts.unlabeled`.
            labeled: Of all labeled ones, and their ``labels``, if the method `reads_labeled`.
        """
        return

    def predict(
        self,
        kept: Mapping[str, Tensor],
        labeled: Mapping[str, Tensor] = NOTHING,  # noqa: ARG002
    ) -> Tensor:
        """Ids (N,) int64, from 0, of the images of `kept`; both as in `evaluated`."""
        return kept["ids"]

    def classify(self, kept: Mapping[str, Tensor]) -> Tensor | None:
        """Class ids (N,) of single images; None where ids depend on others, or are no classes."""
        return kept["ids"] if self.aligned else None

    def state(self) -> dict[str, Tensor]:
        """A copy of the tensors that belong to none of the parts."""
        return {name: tensor.clone() for name, tensor in self._own_tensors().items()}

    def load_state(self, state: Mapping[str, Tensor]) -> None:
        """Takes up what `state` gave, in place.

        Raises:
            KeyError: A tensor is missing.
        """
        for name, tensor in self._own_tensors().items():
            tensor.copy_(state[name])

    def _own_tensors(self) -> dict[str, Tensor]:
        return {name: tensor for name, tensor in self.state_dict().items() if "." not in name}
