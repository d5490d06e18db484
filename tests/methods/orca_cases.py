"""Batches to try the loss of ORCA on, and short ways to do so."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from lps_sweep.methods.hyper import Hyper
from lps_sweep.methods.orca import ORCAConfig
from lps_sweep.methods.orca.objective import LossTerms, orca_loss
from lps_sweep.methods.protocol import TailOutput

LABELS = torch.tensor([0, 1, 1, 0])
"""Each class stands twice, so each labeled row has one possible partner."""


def table(num_rows: int, num_columns: int, value: Callable[[int, int], float]) -> Tensor:
    rows = [[value(i, j) for j in range(num_columns)] for i in range(num_rows)]
    return torch.tensor(rows, dtype=torch.float64)


def wave_outputs() -> tuple[TailOutput, TailOutput]:
    """B = 10, K = 6, d = 5: weak1 and weak2, which have the features of weak1 too."""
    features = table(10, 5, lambda i, d: math.cos(0.8 * i + 0.37 * d * (i + 1)))

    def output(offset: float) -> TailOutput:
        logits = table(10, 6, lambda i, j: 3.5 * math.sin(1.3 * i + 0.9 * j * (i + 1) + offset))
        return TailOutput(features.clone().requires_grad_(), logits.requires_grad_())

    return output(0.0), output(0.15)


def terms_of(
    outputs: tuple[TailOutput, TailOutput],
    labels: Tensor = LABELS,
    *,
    uncertainty: float = 0.3,
    draws: Tensor | None = None,
    **values: Any,
) -> LossTerms:
    logits = outputs[0].logits
    return orca_loss(
        *outputs,
        labels,
        draws=torch.rand(len(logits)) if draws is None else draws,
        uncertainty=torch.tensor(uncertainty, dtype=logits.dtype),
        hyper=Hyper.of(ORCAConfig(**values), "cpu", logits.dtype),
    )


def gradients(outputs: tuple[TailOutput, TailOutput], total: Tensor) -> list[Tensor]:
    """With respect to the logits of weak1 and weak2."""
    logits = [output.logits for output in outputs]
    found = torch.autograd.grad(total, logits, allow_unused=True, retain_graph=True)
    return [torch.zeros_like(z) if g is None else g for z, g in zip(logits, found, strict=True)]
