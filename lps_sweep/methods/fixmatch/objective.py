"""FixMatch as training uses it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import torch
from torch import Tensor

from lps_sweep.methods.averaged import AveragedObjective
from lps_sweep.methods.fixmatch.config import FixMatchConfig
from lps_sweep.methods.fixmatch.core import fixmatch_terms
from lps_sweep.methods.hyper import Hyper
from lps_sweep.methods.protocol import StepContext, StepLoss, TailOutput
from lps_sweep.methods.rejection.objective import RejectingObjective


class FixMatchObjective(AveragedObjective, RejectingObjective):
    """FixMatch, for training; see `lps_sweep.methods.protocol.Objective`.

    What is evaluated is a moving average of tail and head.
    """

    views: ClassVar[tuple[str, ...]] = ("weak1", "strong")

    def __init__(
        self, config: FixMatchConfig, num_classes: int, device: torch.device | str
    ) -> None:
        super().__init__(config, num_classes, device)
        self._hyper = Hyper.of(config, device, torch.float32)

    def loss(
        self,
        outputs: Mapping[str, TailOutput],
        labels: Tensor,
        context: StepContext,  # noqa: ARG002
    ) -> StepLoss:
        """The loss of one batch."""
        terms = fixmatch_terms(
            outputs["weak1"].logits, outputs["strong"].logits, labels, self._hyper
        )
        num_rows = max(terms.mask.shape[0], 1)
        diagnostics = {
            "loss_total": terms.total.detach(),
            "labeled": terms.labeled.detach(),
            "unlabeled": terms.unlabeled.detach(),
            "confidence_mean": terms.confidence.sum() / num_rows,
            "confident_share": 100.0 * terms.mask.sum() / num_rows,
        }
        return StepLoss(terms.total, diagnostics)


OBJECTIVE = FixMatchObjective
"""What the table of methods hands out."""
