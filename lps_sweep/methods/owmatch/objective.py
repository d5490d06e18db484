"""OwMatch as training uses it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import torch
from torch import Tensor

from lps_sweep.methods.averaged import AveragedObjective
from lps_sweep.methods.hyper import Hyper
from lps_sweep.methods.owmatch.assignment import Queue
from lps_sweep.methods.owmatch.config import OwMatchConfig
from lps_sweep.methods.owmatch.core import Memory, owmatch_terms
from lps_sweep.methods.owmatch.thresholds import Means
from lps_sweep.methods.protocol import Parts, StepContext, StepLoss, TailOutput


class OwMatchObjective(AveragedObjective):
    """OwMatch, for training; see `lps_sweep.methods.protocol.Objective`.

    What is evaluated is a moving average of tail and head. The queues have room for
    `queue_length` rows and hold the newest.
    """

    views: ClassVar[tuple[str, ...]] = ("weak1", "weak2", "strong")
    aligned: ClassVar[bool] = True
    queue1: Tensor
    queue2: Tensor
    count: Tensor
    group_means: Tensor
    class_means: Tensor

    def __init__(self, config: OwMatchConfig, num_classes: int, device: torch.device | str) -> None:
        super().__init__(config, num_classes, device)
        self._hyper = Hyper.of(config, device, torch.float32)
        for name in ("queue1", "queue2"):
            empty = torch.zeros(config.queue_length, num_classes, device=device)
            self.register_buffer(name, empty)
        self.register_buffer("count", torch.zeros((), dtype=torch.int64, device=device))
        for name, length in (("group_means", 2), ("class_means", num_classes)):
            start = torch.full((length,), config.threshold_start, device=device)
            self.register_buffer(name, start)

    def build(self, parts: Parts) -> None:
        """Tail, cosine classifier and their averages."""
        super().build(parts)
        self._scale = parts.head_scale

    def loss(
        self, outputs: Mapping[str, TailOutput], labels: Tensor, context: StepContext
    ) -> StepLoss:
        """The loss of one batch, which enters the queues and the means behind the thresholds."""
        terms = owmatch_terms(
            outputs["weak1"].logits,
            outputs["weak2"].logits,
            outputs["strong"].logits,
            labels,
            Memory(
                Queue(self.queue1, self.count),
                Queue(self.queue2, self.count),
                Means(self.group_means, self.class_means),
            ),
            self._hyper,
            num_seen=context.num_seen,
            scale=self._scale,
            num_rounds=self.config.num_rounds,
        )
        self._keep(terms.memory)
        diagnostics = {
            "loss_total": terms.total.detach(),
            "supervised": terms.supervised.detach(),
            "clustering": terms.clustering.detach(),
            "confidence_mean": terms.confidence.detach(),
            "confident_share": 100.0 * terms.mask.float().mean(),
            "threshold_seen": _mean(terms.thresholds[: context.num_seen]),
            "threshold_novel": _mean(terms.thresholds[context.num_seen :]),
        }
        return StepLoss(terms.total, diagnostics)

    def _keep(self, memory: Memory) -> None:
        """For the next step, in place; of a batch that is larger than a queue its newest rows."""
        self.queue1.copy_(memory.weak1.rows[-len(self.queue1) :])
        self.queue2.copy_(memory.weak2.rows[-len(self.queue2) :])
        self.count.copy_(memory.weak2.count.clamp(max=len(self.queue2)))
        self.group_means.copy_(memory.means.confidence)
        self.class_means.copy_(memory.means.classes)


def _mean(values: Tensor) -> Tensor:
    """0-d; zero where there are none."""
    return values.sum() / max(len(values), 1)


OBJECTIVE = OwMatchObjective
"""What the table of methods hands out."""
