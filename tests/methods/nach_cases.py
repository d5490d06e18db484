"""Batches to try the loss of NACH on, and a check of it against the slow reference."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import pytest
import torch
from torch import Tensor

from lps_sweep.methods.hyper import Hyper
from lps_sweep.methods.nach import NACHConfig, core
from lps_sweep.methods.protocol import TailOutput
from tests.methods.finite import Matrix, differences
from tests.methods.nach_reference import Fixed, slow_fixed, slow_total

NUM_SEEN = 3


@dataclass(frozen=True)
class Case:
    """A batch of 11 rows and 5 classes, or of as many as the features have, labeled rows first."""

    features: Tensor
    views: tuple[Tensor, Tensor, Tensor]
    labels: Tensor
    draws: Tensor

    def changed(self, change: Callable[[int, Tensor], Tensor]) -> Case:
        """With other views: `change` gets the place and a copy of each."""
        first, second, strong = (
            change(i, view.detach().clone()) for i, view in enumerate(self.views)
        )
        return dataclasses.replace(self, views=(first, second, strong))

    def matrices(self) -> tuple[Matrix, Matrix, Matrix]:
        return tuple(view.tolist() for view in self.views)  # type: ignore[return-value]


def random_case(
    num_labeled: int = 5, num_rows: int = 11, *, seed: int = 6, scale: float = 3.0
) -> Case:
    """The classes of the labeled rows take turns."""
    generator = torch.Generator().manual_seed(seed)
    base = torch.randn(num_rows, 5, generator=generator, dtype=torch.float64) * scale
    noise = torch.randn(3, num_rows, 5, generator=generator, dtype=torch.float64)
    first, second, strong = (base + 0.3 * scale * noise).requires_grad_().unbind(0)
    features = torch.randn(num_rows, 3, generator=generator, dtype=torch.float64)
    features *= (torch.arange(num_rows) % 4 + 1).unsqueeze(1)  # lengths, which must not matter
    draws = torch.rand(num_rows, generator=generator)
    return Case(features, (first, second, strong), torch.arange(num_labeled) % NUM_SEEN, draws)


def terms_of(
    case: Case, *, gap: float = 0.1, rank: int = 2, module: ModuleType = core, **values: Any
) -> Any:
    dtype = case.views[1].dtype
    return module.nach_terms(
        TailOutput(case.features, case.views[0]),
        *case.views[1:],
        case.labels,
        draws=case.draws,
        num_seen=NUM_SEEN,
        gap=torch.tensor(gap, dtype=dtype),
        neighbour_rank=rank,
        hyper=Hyper.of(NACHConfig(**values), "cpu", dtype),
    )


def gradients(case: Case, total: Tensor) -> list[Tensor]:
    return list(torch.autograd.grad(total, case.views, retain_graph=True, materialize_grads=True))


def fixed_of(case: Case, rank: int, thresholds: tuple[float, float]) -> Fixed:
    return slow_fixed(
        case.features.tolist(),
        case.views[1].tolist(),
        case.labels.tolist(),
        case.draws.tolist(),
        num_seen=NUM_SEEN,
        k=rank,
        thresholds=thresholds,
    )


def check(
    case: Case,
    thresholds: tuple[float, float],
    weights: tuple[float, float, float] = (1.0, 1.0, 1.0),
    **known: Any,
) -> None:
    """Partners, mask, estimate, total and every element of its gradients."""
    fixed, labels = fixed_of(case, known.get("rank", 2), thresholds), case.labels.tolist()
    terms = terms_of(case, **known)
    assert terms.partners.tolist() == fixed.partners
    assert terms.mask.tolist() == fixed.mask
    assert terms.pseudo_labels.tolist() == fixed.predicted
    assert terms.confidence.tolist() == pytest.approx(fixed.confidence, abs=1e-12)
    assert terms.pi_hat.tolist() == pytest.approx(fixed.pi_hat, abs=1e-12)

    def loss(weak1: Matrix, weak2: Matrix, strong: Matrix) -> float:
        return slow_total((weak1, weak2, strong), labels, fixed, weights)

    assert terms.total.item() == pytest.approx(loss(*case.matrices()), abs=1e-10)
    wanted = torch.tensor(differences(loss, case.matrices()), dtype=torch.float64)
    assert torch.stack(gradients(case, terms.total)).sub(wanted).abs().max().item() < 1e-7
