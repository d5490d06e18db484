"""RankStats as training uses it: the seen classes first, then all together."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import torch
from torch import Tensor

from lps_sweep.methods.phases import phase_length, rampup
from lps_sweep.methods.protocol import (
    Objective,
    Parts,
    StepContext,
    StepLoss,
    TailOutput,
)
from lps_sweep.methods.rankstats.config import RankStatsConfig
from lps_sweep.methods.rankstats.core import Heads, Weights, rankstats_loss
from lps_sweep.models import LinearHead

_BIAS_BELOW = 1.0
"""How far the first biases of novel classes are below the smallest of the seen ones."""


class RankStatsObjective(Objective):
    """RankStats, for training; see `lps_sweep.methods.protocol.Objective`.

    The second head puts unlabeled images, of seen and novel classes, into K clusters: predictions
    are its ids. With incremental learning it has K - S clusters for the novel classes (one at
    least), the first head K classes, and predictions are ids of the first head: class ids.

    Attributes:
        head: The second head, over clusters.
        classifier: The first head, over the seen or all classes.
        weights: (3,), of the terms besides the cross-entropy.
    """

    views: ClassVar[tuple[str, ...]] = ("weak1", "weak2")
    aligned: ClassVar[bool] = False
    config: RankStatsConfig
    weights: Tensor

    def __init__(
        self, config: RankStatsConfig, num_classes: int, device: torch.device | str
    ) -> None:
        super().__init__(config, num_classes, device)
        self.aligned = config.incremental  # type: ignore[misc]

    def build(self, parts: Parts) -> None:
        """Makes both heads."""
        self.take(parts)
        num_seen, num_clusters = parts.num_seen, self.num_classes
        num_outputs = num_seen
        if self.config.incremental:
            num_clusters = max(self.num_classes - num_seen, 1)
            num_outputs += num_clusters
        head = LinearHead(parts.feature_dim, num_clusters, parts.generator)
        classifier = LinearHead(parts.feature_dim, num_outputs, parts.generator)
        self.head, self.classifier = head.to(parts.device), classifier.to(parts.device)
        self._num_seen = num_seen
        self._fresh = self.classifier.weight.detach()[num_seen:].clone()
        self.register_buffer("weights", torch.zeros(3, device=parts.device))
        self._joint = phase_length(
            self.config.supervised_share, parts.num_epochs, parts.num_epochs - 1
        )

    def heads(self, features: Tensor) -> TailOutput:
        """Logits of the second head, and of the first one beside them."""
        return TailOutput(features, self.head(features), {"classes": self.classifier(features)})

    def start_epoch(self, epoch: int) -> bool:
        """Sets the weights of the terms; the optimiser starts anew with the joint phase."""
        config, done = self.config, epoch - self._joint
        ramp = rampup(done, config.rampup_length) if done >= 0 else 0.0
        novel = config.increment_coefficient * ramp if config.incremental else 0.0
        joint = float(done >= 0)
        for place, value in enumerate((joint, config.rampup_coefficient * ramp, novel)):
            self.weights[place].fill_(value)
        if done == 0 and config.incremental:
            self._open_novel()
        return done == 0

    @torch.no_grad()
    def _open_novel(self) -> None:
        """Novel classes of the first head start from first weights, and below the seen ones."""
        bias, num_seen = self.classifier.bias, self._num_seen
        self.classifier.weight[num_seen:] = self._fresh
        bias[num_seen:] = bias[:num_seen].min() - _BIAS_BELOW

    def loss(
        self, outputs: Mapping[str, TailOutput], labels: Tensor, context: StepContext
    ) -> StepLoss:
        """The loss of one batch."""
        first, second = (
            Heads(outputs[view].more["classes"], outputs[view].logits) for view in self.views
        )
        terms = rankstats_loss(
            first,
            second,
            outputs["weak1"].features,
            labels,
            Weights(*self.weights.unbind()),
            num_seen=context.num_seen,
            topk=self.config.topk,
        )
        diagnostics = {
            "loss_total": terms.total.detach(),
            "cross_entropy": terms.cross_entropy.detach(),
            "pairwise": terms.pairwise.detach(),
            "consistency": terms.consistency.detach(),
            "cross_entropy_novel": terms.cross_entropy_novel.detach(),
            "consistency_weight": self.weights[1].clone(),
        }
        return StepLoss(terms.total, diagnostics)

    def read(self, output: TailOutput) -> dict[str, Tensor]:
        """The ids that are predictions, and what the first head says."""
        classes = output.more["classes"].argmax(dim=1)
        ids = classes if self.config.incremental else output.logits.argmax(dim=1)
        return {"ids": ids, "classes": classes}

    def confidence(self, output: TailOutput) -> Tensor | None:
        """Of the first head, where it predicts."""
        probabilities = torch.softmax(output.more["classes"].float(), dim=1)
        return probabilities.amax(dim=1) if self.aligned else None

    def classify(self, kept: Mapping[str, Tensor]) -> Tensor:
        """Class ids by the first head."""
        return kept["classes"]


OBJECTIVE = RankStatsObjective
"""What the table of methods hands out."""
