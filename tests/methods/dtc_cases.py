"""Batches to try DTC on, and short ways to do so."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from types import ModuleType
from typing import Any, Literal

import torch
from torch import Tensor

from lps_sweep.methods.dtc import core
from tests.methods.dtc_reference import (
    Matrix,
    SlowTerms,
    slow_assignments,
    slow_targets,
    slow_terms,
)

Other = Literal["none", "second", "ensemble"]
LEAVES = ("outputs", "centres", "seen_logits", "second")


@dataclass(frozen=True)
class Case:
    """Leaves are float64: four classes of clusters in three dimensions, two seen classes."""

    outputs: Tensor
    second: Tensor
    centres: Tensor
    seen_logits: Tensor
    labels: Tensor
    ensemble: Tensor
    evaluation: Tensor
    idx: Tensor

    def leaves(self) -> list[Tensor]:
        return [getattr(self, name) for name in LEAVES]


def random_case(num_rows: int = 5, num_labeled: int = 3, seed: int = 0) -> Case:
    generator = torch.Generator().manual_seed(seed)

    def drawn(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=generator, dtype=torch.float64)

    outputs, evaluation = drawn(num_rows, 3).requires_grad_(), drawn(9, 3)
    return Case(
        outputs=outputs,
        second=(outputs.detach() + 0.4 * drawn(num_rows, 3)).requires_grad_(),
        centres=drawn(4, 3).requires_grad_(),
        seen_logits=drawn(num_labeled, 2).requires_grad_(),
        labels=torch.randint(0, 2, (num_labeled,), generator=generator),
        ensemble=torch.rand(num_rows, 4, generator=generator, dtype=torch.float64),
        evaluation=evaluation,
        idx=torch.randint(0, 9, (num_rows,), generator=generator),
    )


def weights_of(*values: float, of: ModuleType = core) -> Any:
    return of.Weights(*torch.tensor(values, dtype=torch.float64))


def targets_of(case: Case, of: ModuleType = core) -> Tensor:
    found: Tensor = of.target_distribution(of.log_assignments(case.evaluation, case.centres).exp())
    return found[case.idx]


def terms_of(
    case: Case,
    weights: tuple[float, float, float] = (0.3, 1.0, 2.0),
    *,
    other: Other = "second",
    of: ModuleType = core,
) -> core.LossTerms:
    found: core.LossTerms = of.dtc_loss(
        case.outputs,
        case.centres,
        targets_of(case, of),
        weights_of(*weights, of=of),
        seen_logits=case.seen_logits,
        labels=case.labels,
        second=case.second if other == "second" else None,
        ensemble=case.ensemble if other == "ensemble" else None,
    )
    return found


def slow_of(case: Case, targets: Matrix, other: Other = "second") -> SlowTerms:
    return slow_terms(
        case.outputs.tolist(),
        case.centres.tolist(),
        targets,
        case.seen_logits.tolist(),
        case.labels.tolist(),
        second=case.second.tolist() if other == "second" else None,
        ensemble=case.ensemble.tolist() if other == "ensemble" else None,
    )


def slow_targets_of(case: Case) -> Matrix:
    all_rows = slow_targets(slow_assignments(case.evaluation.tolist(), case.centres.tolist()))
    return [all_rows[i] for i in case.idx.tolist()]


def gradients(case: Case, total: Tensor) -> list[Tensor]:
    return list(
        torch.autograd.grad(total, case.leaves(), retain_graph=True, materialize_grads=True)
    )


def moved_by(case: Case, name: str, place: tuple[int, ...], step: float) -> Case:
    """`case` with one number of one leaf changed."""
    changed = getattr(case, name).detach().clone()
    changed[place] += step
    return dataclasses.replace(case, **{name: changed.requires_grad_()})
