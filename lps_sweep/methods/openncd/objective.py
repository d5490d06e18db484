"""OpenNCD as training uses it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import torch
from torch import Tensor, nn

from lps_sweep.methods.hyper import Hyper
from lps_sweep.methods.openncd.config import OpenNCDConfig
from lps_sweep.methods.openncd.core import Groups, openncd_terms
from lps_sweep.methods.openncd.grouping import group_prototypes
from lps_sweep.methods.phases import phase_length
from lps_sweep.methods.protocol import (
    NOTHING,
    Objective,
    Parts,
    StepContext,
    StepLoss,
    TailOutput,
)
from lps_sweep.models import CosineHead, LinearHead

_TERMS = ("prototype", "group", "classification", "entropy")
"""Attributes of the terms that are metrics, besides the total."""


class OpenNCDObjective(Objective):
    """OpenNCD, for training; see `lps_sweep.methods.protocol.Objective`.

    Each evaluation before the groups are fixed finds groups by its images' nearest prototypes;
    the next epoch trains with them, once the warm-up is over. An image is predicted to be of the
    newest group of its nearest prototype, and a group below S is a class.

    Attributes:
        found: (P,) int64, the newest groups.
        used: (P,) int64, the groups that training goes by: in the warm-up, each prototype is one.
        num_used: 0-d, their number.
        warmed_up: 0-d, 0 in the warm-up and 1 after it.
        epoch: 0-d int64, the epoch in training, from 0.
    """

    views: ClassVar[tuple[str, ...]] = ("weak1", "weak2")
    aligned: ClassVar[bool] = True
    reads_labeled: ClassVar[bool] = True
    heads_mix_rows: ClassVar[bool] = True
    found: Tensor
    used: Tensor
    num_used: Tensor
    warmed_up: Tensor
    epoch: Tensor

    def __init__(self, config: OpenNCDConfig, num_classes: int, device: torch.device | str) -> None:
        super().__init__(config, num_classes, device)
        self._hyper = Hyper.of(config, device, torch.float32)
        num_prototypes = config.prototypes_per_class * num_classes
        each = torch.arange(num_prototypes, device=device)
        self.register_buffer("found", each % num_classes)
        self.register_buffer("used", each.clone())
        self.register_buffer("num_used", torch.tensor(float(num_prototypes), device=device))
        self.register_buffer("warmed_up", torch.zeros((), device=device))
        self.register_buffer("epoch", torch.zeros((), dtype=torch.int64, device=device))
        self._num_nearest = min(config.nearest, num_prototypes)

    def build(self, parts: Parts) -> None:
        """The tail, a projector and the prototypes; the lengths of the phases."""
        self.take(parts)
        dim, width = self.config.projection_dim, parts.feature_dim
        self.head = nn.Sequential(
            LinearHead(width, width, parts.generator),
            nn.BatchNorm1d(width),
            nn.ReLU(),
            LinearHead(width, dim, parts.generator),
        ).to(parts.device)
        scale = 1 / self.config.tau
        prototypes = CosineHead(dim, len(self.used), scale, parts.generator)
        self.prototypes = prototypes.to(parts.device)
        self._num_seen = parts.num_seen
        self._warm_up = phase_length(self.config.warm_up_share, parts.num_epochs, parts.num_epochs)
        self._fixed_from = self._warm_up + phase_length(
            self.config.grouping_share, parts.num_epochs, parts.num_epochs
        )

    def heads(self, features: Tensor) -> TailOutput:
        """Projections, and as logits their cosines with the prototypes over tau."""
        projections = self.head(features)
        return TailOutput(features, self.prototypes(projections), {"projections": projections})

    def start_epoch(self, epoch: int) -> bool:
        """After the warm-up, the groups that were found are used."""
        self.epoch.fill_(epoch)
        if epoch >= self._warm_up:
            self.used.copy_(self.found)
            self.num_used.fill_(self.num_classes)
            self.warmed_up.fill_(1)
        return False

    def loss(
        self, outputs: Mapping[str, TailOutput], labels: Tensor, context: StepContext
    ) -> StepLoss:
        """The loss of one batch."""
        weak1, weak2 = (outputs[view] for view in self.views)
        terms = openncd_terms(
            weak1.logits,
            weak2.logits,
            weak1.more["projections"],
            labels,
            draws=context.draws,
            groups=Groups(self.used, self.num_used),
            warmed_up=self.warmed_up,
            hyper=self._hyper,
        )
        diagnostics = {name: getattr(terms, name).detach() for name in _TERMS}
        return StepLoss(terms.total, {"loss_total": terms.total.detach(), **diagnostics})

    def read(self, output: TailOutput) -> dict[str, Tensor]:
        """The nearest prototypes, the nearest first."""
        return {"nearest": output.logits.topk(self._num_nearest, dim=1).indices}

    def evaluated(
        self, kept: Mapping[str, Tensor], labeled: Mapping[str, Tensor] = NOTHING
    ) -> None:
        """Finds the groups for the next epoch, unless they are fixed."""
        if int(self.epoch) + 1 < self._fixed_from:
            groups = group_prototypes(
                torch.cat([labeled["nearest"], kept["nearest"]]),
                labeled["labels"],
                self.prototypes.weight.detach().T.cpu(),
                num_seen=self._num_seen,
                num_groups=self.num_classes,
                graph_mix=self.config.graph_mix,
            )
            self.found.copy_(groups)

    def confidence(self, output: TailOutput) -> Tensor | None:  # noqa: ARG002
        """None: its logits are similarities to prototypes."""
        return None

    def predict(
        self,
        kept: Mapping[str, Tensor],
        labeled: Mapping[str, Tensor] = NOTHING,  # noqa: ARG002
    ) -> Tensor:
        """The newest group of the nearest prototype."""
        return self.found.cpu()[kept["nearest"][:, 0]]

    def classify(self, kept: Mapping[str, Tensor]) -> Tensor:
        """The same: images are predicted one by one."""
        return self.predict(kept)


OBJECTIVE = OpenNCDObjective
"""What the table of methods hands out."""
