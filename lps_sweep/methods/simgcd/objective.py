"""SimGCD as training uses it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import torch
from torch import Tensor

from lps_sweep.methods.hyper import Hyper
from lps_sweep.methods.protocol import Objective, Parts, StepContext, StepLoss, TailOutput
from lps_sweep.methods.simgcd.config import SimGCDConfig
from lps_sweep.methods.simgcd.core import simgcd_terms, teacher_temperature
from lps_sweep.models import CosineHead, Projector

_TERMS = (
    "cross_entropy",
    "distillation",
    "mean_entropy",
    "contrastive",
    "supervised_contrastive",
)
"""Attributes of the terms that are metrics, besides the total."""


class SimGCDObjective(Objective):
    """SimGCD, for training; see `lps_sweep.methods.protocol.Objective`.

    Its logits are cosines: the temperatures of the loss stand in for the head's scale.
    """

    views: ClassVar[tuple[str, ...]] = ("weak1", "weak2")
    aligned: ClassVar[bool] = True
    teacher: Tensor

    def __init__(self, config: SimGCDConfig, num_classes: int, device: torch.device | str) -> None:
        super().__init__(config, num_classes, device)
        self._hyper = Hyper.of(config, device, torch.float32)
        self.register_buffer("teacher", torch.zeros((), device=device))

    def build(self, parts: Parts) -> None:
        """The tail, a classifier by cosine and the projector."""
        self.take(parts)
        self._num_epochs = parts.num_epochs
        head = CosineHead(parts.feature_dim, self.num_classes, 1.0, parts.generator)
        projector = Projector(
            parts.feature_dim,
            self.config.projector_width,
            self.config.projector_dim,
            parts.generator,
        )
        self.head = head.to(parts.device)
        self.projector = projector.to(parts.device)

    def heads(self, features: Tensor) -> TailOutput:
        """Cosines, and in training projections, which no evaluation reads."""
        more = {"projections": self.projector(features)} if self.training else {}
        return TailOutput(features, self.head(features), more)

    def start_epoch(self, epoch: int) -> bool:
        """Sets the teacher's temperature."""
        self.teacher.fill_(teacher_temperature(self.config, epoch, self._num_epochs))
        return False

    def loss(
        self,
        outputs: Mapping[str, TailOutput],
        labels: Tensor,
        context: StepContext,  # noqa: ARG002
    ) -> StepLoss:
        """The loss of one batch."""
        weak1, weak2 = outputs["weak1"], outputs["weak2"]
        terms = simgcd_terms(
            (weak1.logits, weak1.more["projections"]),
            (weak2.logits, weak2.more["projections"]),
            labels,
            teacher=self.teacher,
            hyper=self._hyper,
        )
        diagnostics = {"loss_total": terms.total.detach(), "teacher": self.teacher.clone()}
        diagnostics |= {name: getattr(terms, name).detach() for name in _TERMS}
        return StepLoss(terms.total, diagnostics)


OBJECTIVE = SimGCDObjective
"""What the table of methods hands out."""
