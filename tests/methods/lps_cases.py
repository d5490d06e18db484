"""Batches to try the loss of LPS on, and short ways to do so."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass
from typing import Any

import pytest
import torch
from torch import Tensor

from lps_sweep.methods.hyper import Hyper, at_least_float32
from lps_sweep.methods.lps import LPSConfig
from lps_sweep.methods.lps.core import LossTerms, lps_terms

TERMS = ("margin_labeled", "margin_unlabeled", "pc", "uc", "entropy", "total")


@dataclass(frozen=True)
class Case:
    """A batch and what the loss knows of it."""

    views: tuple[Tensor, Tensor, Tensor]
    labels: Tensor
    num_seen: int
    progress: float


def wave_case(
    amplitude: float, rate: float, num_rows: int, labels: list[int], progress: float
) -> Case:
    """K = 6, S = 3: z[i, j] = amplitude sin(rate i + 0.9 j (i + 1) + o), o by view."""

    def view(offset: float) -> Tensor:
        rows = [
            [amplitude * math.sin(rate * i + 0.9 * j * (i + 1) + offset) for j in range(6)]
            for i in range(num_rows)
        ]
        return torch.tensor(rows, dtype=torch.float64, requires_grad=True)

    return Case((view(0.0), view(0.15), view(0.5)), torch.tensor(labels), 3, progress)


def random_case(
    *,
    num_rows: int = 16,
    num_labeled: int = 5,
    num_classes: int = 6,
    num_seen: int = 3,
    scale: float = 2.0,
    dtype: torch.dtype = torch.float64,
    seed: int = 0,
) -> Case:
    generator = torch.Generator().manual_seed(seed)
    shape = (num_rows, num_classes)
    base = torch.randn(shape, generator=generator, dtype=torch.float64) * scale

    def view() -> Tensor:
        noise = torch.randn(shape, generator=generator, dtype=torch.float64)
        return (base + 0.3 * scale * noise).to(dtype).requires_grad_()

    labels = torch.randint(0, num_seen, (num_labeled,), generator=generator)
    return Case((view(), view(), view()), labels, num_seen, 0.3)


def terms_of(case: Case, **values: Any) -> LossTerms:
    before = values.pop("pi_hat_before", None)
    dtype = at_least_float32(case.views[1])[0].dtype
    return lps_terms(
        *case.views,
        case.labels,
        Hyper.of(LPSConfig(**values), "cpu", dtype),
        num_seen=case.num_seen,
        progress=torch.tensor(case.progress, dtype=dtype),
        pi_hat_before=before,
    )


def gradients(case: Case, total: Tensor) -> list[Tensor]:
    return [
        g if g is not None else torch.zeros_like(view)
        for view, g in zip(
            case.views,
            torch.autograd.grad(total, case.views, allow_unused=True, retain_graph=True),
            strict=True,
        )
    ]


def assert_finite(case: Case, terms: LossTerms) -> None:
    for name in (*TERMS, "kl_prior_to_estimate", "kl_estimate_to_prior"):
        assert math.isfinite(getattr(terms, name).item()), name
    assert terms.pi_hat.sum().item() == pytest.approx(1.0, abs=1e-5)
    for gradient in gradients(case, terms.total):
        assert bool(gradient.isfinite().all())


def spoilt(case: Case, view: int, row: int, value: float = math.nan) -> Case:
    """`case` with one row of one view not finite."""
    views = [v.detach().clone() for v in case.views]
    views[view][row] = value
    weak1, weak2, strong = (v.requires_grad_() for v in views)
    return dataclasses.replace(case, views=(weak1, weak2, strong))
