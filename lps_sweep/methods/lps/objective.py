"""LPS as training uses it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import torch
from torch import Tensor

from lps_sweep.methods.hyper import Hyper
from lps_sweep.methods.lps.config import LPSConfig
from lps_sweep.methods.lps.core import LossTerms, lps_terms
from lps_sweep.methods.protocol import Objective, StepContext, StepLoss, TailOutput

_TERMS = (
    "margin_labeled",
    "margin_unlabeled",
    "pc",
    "uc",
    "entropy",
    "kl_prior_to_estimate",
    "kl_estimate_to_prior",
)
"""Attributes of `LossTerms` that are metrics, besides the total."""


class LPSObjective(Objective):
    """LPS, for training; see `lps_sweep.methods.protocol.Objective`.

    Diagnostics: the metrics of `summarise` and what they are made of, and `pi_hat`, (K,).
    """

    views: ClassVar[tuple[str, ...]] = ("weak1", "weak2", "strong")
    aligned: ClassVar[bool] = True
    pi_hat: Tensor | None

    def __init__(self, config: LPSConfig, num_classes: int, device: torch.device | str) -> None:
        super().__init__(config, num_classes, device)
        self._hyper = Hyper.of(config, device, torch.float32)
        # Zeros stand for "none yet".
        before = torch.zeros(num_classes, device=device) if config.pi_ema > 0 else None
        self.register_buffer("pi_hat", before)

    def loss(
        self, outputs: Mapping[str, TailOutput], labels: Tensor, context: StepContext
    ) -> StepLoss:
        """The loss of one batch; with `pi_ema` > 0 it also moves the kept pi_hat."""
        terms = lps_terms(
            outputs["weak1"].logits,
            outputs["weak2"].logits,
            outputs["strong"].logits,
            labels,
            self._hyper,
            num_seen=context.num_seen,
            progress=context.progress,
            pi_hat_before=self.pi_hat,
        )
        if self.pi_hat is not None:
            self.pi_hat.copy_(terms.pi_hat)
        diagnostics = {"loss_total": terms.total.detach(), "pi_hat": terms.pi_hat}
        diagnostics |= {name: getattr(terms, name).detach() for name in _TERMS}
        diagnostics |= _confidence(terms, labels.shape[0], context.num_seen)
        return StepLoss(terms.total, diagnostics)

    def summarise(self, sums: Mapping[str, Tensor], num_steps: int) -> dict[str, float]:
        """Means over the steps, and shares of rows over the whole epoch.

        `confidence_mean` is a probability, of the unlabeled rows. `confident_share_seen` and
        `confident_share_novel` are percent: of the unlabeled rows predicted seen (novel), those
        that are confident; 0 where there are none.
        """
        total = super().summarise(sums, 1)
        shares = {}
        for kind in ("seen", "novel"):
            rows, confident = total.pop(f"rows_{kind}"), total.pop(f"confident_{kind}")
            shares[f"confident_share_{kind}"] = 100.0 * confident / rows if rows else 0.0
        return {name: value / num_steps for name, value in total.items()} | shares


def _confidence(terms: LossTerms, num_labeled: int, num_seen: int) -> dict[str, Tensor]:
    """Mean confidence and numbers of (confident) rows by prediction, unlabeled rows only."""
    confident = terms.mask[num_labeled:]
    seen = terms.pseudo_labels[num_labeled:] < num_seen
    num_rows = max(seen.shape[0], 1)
    rows_seen, num_confident = seen.sum(), confident.sum()
    confident_seen = (seen & confident).sum()
    return {
        "confidence_mean": terms.confidence[num_labeled:].sum() / num_rows,
        "rows_seen": rows_seen,
        "rows_novel": seen.shape[0] - rows_seen,
        "confident_seen": confident_seen,
        "confident_novel": num_confident - confident_seen,
    }


OBJECTIVE = LPSObjective
"""What the table of methods hands out."""
