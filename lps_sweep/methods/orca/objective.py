"""ORCA as training uses it, and its loss as a function."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from lps_sweep.losses.adaptive_margin import adaptive_margin
from lps_sweep.losses.entropy import negative_entropy
from lps_sweep.losses.pairwise import pairwise
from lps_sweep.losses.switches import frozen_unless, weighted_sum
from lps_sweep.methods.hyper import Hyper, at_least_float32
from lps_sweep.methods.orca.config import ORCAConfig
from lps_sweep.methods.orca.partners import partners
from lps_sweep.methods.protocol import NOTHING, Objective, StepContext, StepLoss, TailOutput


@dataclass(frozen=True)
class LossTerms:
    """The terms of one batch, 0-d and not weighted; gradients are those of `total`.

    Attributes:
        margin_labeled: Cross-entropy of the labeled rows with the margin, on weak1.
        pairwise: Pairwise term of weak1 and the partners' weak2.
        entropy: The regulariser R of weak1, between -log K and 0.
        total: margin_labeled + w_pairwise pairwise + w_entropy entropy.
    """

    margin_labeled: Tensor
    pairwise: Tensor
    entropy: Tensor
    total: Tensor


def orca_loss(
    weak1: TailOutput,
    weak2: TailOutput,
    labels: Tensor,
    *,
    draws: Tensor,
    uncertainty: Tensor,
    hyper: Hyper,
) -> LossTerms:
    """The loss of one batch, in at least float32, also under autocast.

    A term of weight zero adds nothing to `total` or its gradient, even where it is not finite.
    The features decide who is whose partner and get no gradient from that.

    Args:
        weak1: Output for the first weak view, labeled rows first.
        weak2: The same rows, second weak view.
        labels: (n_l,) int64, labels of the labeled rows.
        draws: (B,) uniform in [0, 1), for the partners of the labeled rows.
        uncertainty: 0-d, 1 - mean largest probability over the unlabeled images.
        hyper: Weights and margin.
    """
    with torch.autocast(weak1.logits.device.type, enabled=False):
        first, second, features = at_least_float32(weak1.logits, weak2.logits, weak1.features)
        num_labeled, num_classes = labels.shape[0], first.shape[1]
        margin = hyper.margin_scale * torch.minimum(uncertainty, hyper.max_uncertainty)
        margins = margin.to(first.dtype).expand(num_classes)
        margin_labeled = adaptive_margin(first[:num_labeled], labels, margins)
        with_pairs = hyper.w_pairwise != 0
        pairs = pairwise(
            frozen_unless(with_pairs, first),
            frozen_unless(with_pairs, second)[partners(features, labels, draws)],
        )
        entropy = negative_entropy(frozen_unless(hyper.w_entropy != 0, first))
        weights = torch.stack([hyper.w_pairwise, hyper.w_entropy])
        switched = weighted_sum(weights, torch.stack([pairs, entropy]))
        return LossTerms(margin_labeled, pairs, entropy, margin_labeled + switched)


class ORCAObjective(Objective):
    """ORCA, for training; see `lps_sweep.methods.protocol.Objective`.

    The mean uncertainty is that of the newest evaluation of the unlabeled training images, which
    also comes before the first epoch. Until then nothing counts as certain.
    """

    views: ClassVar[tuple[str, ...]] = ("weak1", "weak2")
    aligned: ClassVar[bool] = True
    evaluated_first: ClassVar[bool] = True
    uncertainty: Tensor

    def __init__(
        self,
        config: ORCAConfig,
        num_classes: int,
        device: torch.device | str,
    ) -> None:
        super().__init__(config, num_classes, device)
        self._hyper = Hyper.of(config, device, torch.float32)
        self.register_buffer("uncertainty", torch.ones((), device=device))

    def loss(
        self, outputs: Mapping[str, TailOutput], labels: Tensor, context: StepContext
    ) -> StepLoss:
        """The loss of one batch."""
        terms = orca_loss(
            outputs["weak1"],
            outputs["weak2"],
            labels,
            draws=context.draws,
            uncertainty=self.uncertainty,
            hyper=self._hyper,
        )
        diagnostics = {
            "loss_total": terms.total.detach(),
            "margin_labeled": terms.margin_labeled.detach(),
            "pairwise": terms.pairwise.detach(),
            "entropy": terms.entropy.detach(),
            "uncertainty": self.uncertainty.clone(),
        }
        return StepLoss(terms.total, diagnostics)

    def read(self, output: TailOutput) -> dict[str, Tensor]:
        """Besides the ids, the largest probability of each image."""
        confidence = torch.softmax(output.logits.float(), dim=1).amax(dim=1)
        return super().read(output) | {"confidence": confidence}

    def evaluated(
        self,
        kept: Mapping[str, Tensor],
        labeled: Mapping[str, Tensor] = NOTHING,  # noqa: ARG002
    ) -> None:
        """Sets the mean uncertainty for the steps to come."""
        self.uncertainty.fill_(1 - kept["confidence"].double().mean().item())


OBJECTIVE = ORCAObjective
"""What the table of methods hands out."""
