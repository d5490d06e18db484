"""LPS as training uses it, and its loss as a function."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import torch
from torch import Tensor

from lps_sweep.methods.lps.config import LPSConfig
from lps_sweep.methods.lps.core import Hyper, LossTerms, lps_terms
from lps_sweep.methods.precision import at_least_float32
from lps_sweep.methods.protocol import Objective, StepContext, StepLoss, TailOutput

_MEANS = {
    "loss_total": "total",
    "margin_labeled": "margin_labeled",
    "margin_unlabeled": "margin_unlabeled",
    "pc": "pc",
    "uc": "uc",
    "entropy": "entropy",
    "kl_prior_to_estimate": "kl_prior_to_estimate",
    "kl_estimate_to_prior": "kl_estimate_to_prior",
}
"""Metric to attribute of `LossTerms`; each metric is the mean over the steps of an epoch."""


def lps_loss(
    weak1: Tensor,
    weak2: Tensor,
    strong: Tensor,
    labels: Tensor,
    *,
    num_seen: int,
    progress: float | Tensor,
    config: LPSConfig,
    pi_hat_before: Tensor | None = None,
) -> LossTerms:
    """The loss of LPS for one batch: the function that training uses, with plain numbers.

    Args:
        weak1: (B, K) logits of the first weak view, labeled rows first.
        weak2: The same rows, second weak view.
        strong: The same rows, strong view.
        labels: (n_l,) int64, labels of the labeled rows, below `num_seen`.
        num_seen: Classes 0 to num_seen - 1 are seen.
        progress: Share of training that is over, in [0, 1).
        config: Hyper-parameters and switches.
        pi_hat_before: (K,), pi_hat of the step before, for `config.pi_ema` > 0.

    Raises:
        ValueError: The shapes do not fit together, or a number is out of range.
    """
    if weak1.ndim != 2 or weak1.shape != weak2.shape or weak1.shape != strong.shape:
        shapes = ", ".join(str(tuple(z.shape)) for z in (weak1, weak2, strong))
        raise ValueError(f"the three views need one shape (B, K), not {shapes}")
    num_rows, num_classes = weak1.shape
    if num_rows == 0 or labels.ndim != 1 or labels.shape[0] > num_rows:
        raise ValueError(f"labels of shape {tuple(labels.shape)} for {num_rows} rows")
    if not 0 < num_seen <= num_classes:
        raise ValueError(f"num_seen {num_seen} is not in 1..{num_classes}")
    if not isinstance(progress, Tensor) and not 0 <= progress < 1:
        raise ValueError(f"progress {progress} is not in [0, 1)")
    dtype = at_least_float32(weak2)[0].dtype
    return lps_terms(
        weak1,
        weak2,
        strong,
        labels,
        Hyper.of(config, weak1.device, dtype),
        num_seen=num_seen,
        progress=torch.as_tensor(progress, dtype=dtype, device=weak1.device),
        pi_hat_before=pi_hat_before,
    )


class LPSObjective(Objective):
    """LPS, for training; see `lps_sweep.methods.protocol.Objective`.

    Diagnostics: the metrics of `summarise` and what they are made of, and `pi_hat`, (K,).
    """

    views: ClassVar[tuple[str, ...]] = ("weak1", "weak2", "strong")
    aligned: ClassVar[bool] = True

    def __init__(self, config: LPSConfig, num_classes: int, device: torch.device | str) -> None:
        self._hyper = Hyper.of(config, device, torch.float32)
        # Zeros stand for "none yet". The tensor stays the same one, as a captured step needs.
        self._pi_hat = torch.zeros(num_classes, device=device) if config.pi_ema > 0 else None

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
            pi_hat_before=self._pi_hat,
        )
        if self._pi_hat is not None:
            self._pi_hat.copy_(terms.pi_hat)
        diagnostics = {name: getattr(terms, term).detach() for name, term in _MEANS.items()}
        diagnostics["pi_hat"] = terms.pi_hat
        diagnostics |= _confidence(terms, labels.shape[0], context.num_seen)
        return StepLoss(terms.total, diagnostics)

    def summarise(self, sums: Mapping[str, Tensor], num_steps: int) -> dict[str, float]:
        """Means over the steps, and shares of rows over the whole epoch.

        `confidence_mean` is a probability, of the unlabeled rows. `confident_share_seen` and
        `confident_share_novel` are percent: of the unlabeled rows predicted seen (novel), those
        that are confident; 0 where there are none.
        """
        names = [name for name, value in sums.items() if value.ndim == 0]
        values = torch.stack([sums[name].double() for name in names]).tolist()
        total = dict(zip(names, values, strict=True))
        metrics = {name: total[name] / num_steps for name in _MEANS}
        metrics["confidence_mean"] = total["confidence_mean"] / num_steps
        for kind in ("seen", "novel"):
            rows = total[f"rows_{kind}"]
            share = 100.0 * total[f"confident_{kind}"] / rows if rows else 0.0
            metrics[f"confident_share_{kind}"] = share
        return metrics

    def state(self) -> dict[str, Tensor]:
        """The kept pi_hat, (K,); nothing without `pi_ema`."""
        return {} if self._pi_hat is None else {"pi_hat": self._pi_hat.clone()}

    def load_state(self, state: Mapping[str, Tensor]) -> None:
        """Takes up what `state` gave.

        Raises:
            KeyError: `pi_ema` > 0 and the state holds no pi_hat.
        """
        if self._pi_hat is not None:
            self._pi_hat.copy_(state["pi_hat"])


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
