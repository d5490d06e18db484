"""NACH as training uses it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import torch
from torch import Tensor

from lps_sweep.methods.hyper import Hyper
from lps_sweep.methods.nach.config import NACHConfig
from lps_sweep.methods.nach.core import gap_of, gap_sums, nach_terms
from lps_sweep.methods.protocol import Objective, StepContext, StepLoss, TailOutput

FIRST_GAP = 1.0
"""The gap in the first epoch: the novel threshold is as low as it gets (reference behaviour)."""

_METRICS = ("cross_entropy", "pairwise", "pseudo", "entropy", "novel_threshold", "pi_hat")
"""Attributes of the terms that are metrics, besides the total."""


class NACHObjective(Objective):
    """NACH, for training; see `lps_sweep.methods.protocol.Objective`.

    The gap of an epoch is that of the training batches of the epoch before.
    """

    views: ClassVar[tuple[str, ...]] = ("weak1", "weak2", "strong")
    aligned: ClassVar[bool] = True
    gap: Tensor
    sums: Tensor

    def __init__(self, config: NACHConfig, num_classes: int, device: torch.device | str) -> None:
        super().__init__(config, num_classes, device)
        self._hyper = Hyper.of(config, device, torch.float32)
        self.register_buffer("gap", torch.tensor(FIRST_GAP, device=device))
        self.register_buffer("sums", torch.zeros(4, device=device))

    def start_epoch(self, epoch: int) -> bool:  # noqa: ARG002
        """The sums of the epoch before become the gap."""
        self.gap.copy_(gap_of(self.sums, self.gap))
        self.sums.zero_()
        return False

    def loss(
        self, outputs: Mapping[str, TailOutput], labels: Tensor, context: StepContext
    ) -> StepLoss:
        """The loss of one batch; it also adds to the sums of the epoch."""
        terms = nach_terms(
            outputs["weak1"],
            outputs["weak2"].logits,
            outputs["strong"].logits,
            labels,
            draws=context.draws,
            num_seen=context.num_seen,
            gap=self.gap,
            neighbour_rank=self.config.neighbour_rank,
            hyper=self._hyper,
        )
        self.sums.add_(
            gap_sums(terms.confidence, terms.pseudo_labels, context.num_seen, self.config.gap_rule)
        )
        diagnostics = {"loss_total": terms.total.detach(), "gap": self.gap.clone()}
        diagnostics |= {name: getattr(terms, name).detach() for name in _METRICS}
        diagnostics["confident_share"] = 100.0 * terms.mask.float().mean()
        return StepLoss(terms.total, diagnostics)


OBJECTIVE = NACHObjective
"""What the table of methods hands out."""
