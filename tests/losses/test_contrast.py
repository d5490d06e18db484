from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
import torch
from torch import Tensor

from lps_sweep.losses.contrast import ContrastNorm, UCRows, contrast_rows
from lps_sweep.losses.pseudo_label_contrastive import pseudo_label_contrastive
from lps_sweep.losses.unsupervised_contrastive import unsupervised_contrastive

LABELS = [0, 1, 0, 2, 1, 0]
CONFIDENT = [True, True, True, False, True, False]


def views_of(num_rows: int, num_classes: int = 4, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    shape = (2 * num_rows, num_classes)
    return torch.randn(shape, dtype=torch.float64, generator=generator) * 2


def slow_rows(
    views: Tensor,
    labels: list[int],
    confident: list[bool],
    tau: float,
    contrast_norm: str,
    uc_neg: str,
) -> list[float]:
    """Row by row and pair by pair, from the definition."""
    num_rows = len(labels)
    z = views.tolist()
    rows = [0.0] * num_rows
    for i in range(2 * num_rows):
        own = i % num_rows
        over_p, over_a = [], []
        for j in range(2 * num_rows):
            if i == j:
                continue
            s = sum(a * b for a, b in zip(z[i], z[j], strict=True))
            if contrast_norm == "cosine":
                s /= math.hypot(*z[i]) * math.hypot(*z[j])
            e = math.exp(s / tau)
            sees = j % num_rows
            if confident[own]:
                if confident[sees]:
                    over_a.append(e)
                    if labels[own] == labels[sees]:
                        over_p.append(e)
            else:
                if uc_neg == "batch" or not confident[sees]:
                    over_a.append(e)
                if own == sees:
                    over_p.append(e)
        rows[own] += -math.log(sum(over_p) / len(over_p) / sum(over_a)) / 2
    return rows


def rows_of(views: Tensor, confident: list[bool], tau: float = 0.4, **switches: Any) -> Tensor:
    labels = torch.tensor(LABELS[: len(confident)])
    return contrast_rows(
        views, labels, torch.tensor(confident), torch.tensor(tau, dtype=views.dtype), **switches
    )


@pytest.mark.parametrize("contrast_norm", ["cosine", "dot"])
@pytest.mark.parametrize("uc_neg", ["batch", "low_confidence"])
@pytest.mark.parametrize("confident", [CONFIDENT, [True] * 6, [False] * 6], ids=str)
def test_agrees_with_the_slow_reference(
    confident: list[bool], contrast_norm: ContrastNorm, uc_neg: UCRows
) -> None:
    views = views_of(len(LABELS))
    for tau in (0.2, 1.0):
        rows = rows_of(views, confident, tau, contrast_norm=contrast_norm, uc_neg=uc_neg)
        wanted = slow_rows(views, LABELS, confident, tau, contrast_norm, uc_neg)
        assert rows.tolist() == pytest.approx(wanted, abs=1e-10)


def test_closed_form_of_equal_rows() -> None:
    rows = rows_of(torch.ones(12, 3, dtype=torch.float64), CONFIDENT)

    confident, low = math.log(7), math.log(11)  # the other views of the confident rows, of all
    assert rows.tolist() == pytest.approx([confident if c else low for c in CONFIDENT], abs=1e-12)


def test_swapping_the_views_and_the_rows_changes_nothing() -> None:
    views, tau = views_of(6), torch.tensor(0.4, dtype=torch.float64)
    labels, confident = torch.tensor(LABELS), torch.tensor(CONFIDENT)
    rows = contrast_rows(views, labels, confident, tau)

    swapped = contrast_rows(views.roll(6, 0), labels, confident, tau)
    order = torch.tensor([4, 0, 5, 2, 1, 3])
    moved = contrast_rows(
        views[torch.cat([order, order + 6])], labels[order], confident[order], tau
    )

    torch.testing.assert_close(swapped, rows, rtol=0, atol=1e-12)
    torch.testing.assert_close(moved, rows[order], rtol=0, atol=1e-12)


def test_cosine_ignores_scale_and_dot_does_not() -> None:
    views = views_of(6)
    one, three = (rows_of(views * scale, CONFIDENT, contrast_norm="cosine") for scale in (1, 3))
    torch.testing.assert_close(one, three, rtol=0, atol=1e-12)
    one, three = (rows_of(views * scale, CONFIDENT, contrast_norm="dot") for scale in (1, 3))
    assert float((one - three).abs().max()) > 1


@pytest.mark.parametrize("confident", [True, False])
def test_a_batch_of_one_row_sees_only_its_other_view(confident: bool) -> None:
    views = views_of(1).requires_grad_()

    rows = rows_of(views, [confident])
    rows.sum().backward()  # type: ignore[no-untyped-call]

    assert rows.tolist() == pytest.approx([0.0], abs=1e-12)
    assert views.grad is not None
    assert float(views.grad.abs().max()) < 1e-12


@pytest.mark.parametrize("tau", [0.05, 0.001])
@pytest.mark.parametrize("contrast_norm", ["cosine", "dot"])
def test_opposite_positives_are_exact_in_single_precision(
    tau: float, contrast_norm: ContrastNorm
) -> None:
    views = torch.tensor([[5.0, 0], [5, 0], [-5, 0], [5, 0]], requires_grad=True)

    rows = rows_of(views, [True, True], tau, contrast_norm=contrast_norm)
    rows.sum().backward()  # type: ignore[no-untyped-call]

    size = 1 if contrast_norm == "cosine" else 25
    assert rows[0].item() == pytest.approx((2 * size / tau + math.log(2)) / 2, rel=0.5)
    assert bool(rows.isfinite().all())
    assert views.grad is not None
    assert bool(views.grad.isfinite().all())


def test_pc_is_the_mean_of_the_confident_rows() -> None:
    rows = torch.tensor([1.0, 2.0, 3.0, 100.0])

    assert float(pseudo_label_contrastive(rows, torch.tensor([True, False, True, False]))) == 2.0


@pytest.mark.parametrize(("uc_norm", "wanted"), [("batch", 1.5), ("low_confidence", 3.0)])
def test_what_the_sum_of_uc_is_divided_by(uc_norm: UCRows, wanted: float) -> None:
    rows = torch.tensor([100.0, 2.0, math.nan, 4.0])
    confident = torch.tensor([True, False, True, False])

    assert float(unsupervised_contrastive(rows, confident, uc_norm=uc_norm)) == wanted


TERMS = (
    (pseudo_label_contrastive, True),
    (unsupervised_contrastive, False),
    (partial(unsupervised_contrastive, uc_norm="low_confidence"), False),
)


@pytest.mark.parametrize(("term", "reads"), TERMS)
def test_a_term_that_reads_no_row_is_zero_and_has_no_gradient(
    term: Callable[[Tensor, Tensor], Tensor], reads: bool
) -> None:
    rows = torch.tensor([1.0, math.nan], requires_grad=True)

    value = term(rows, torch.tensor([not reads, not reads]))
    value.backward()  # type: ignore[no-untyped-call]

    assert value.item() == 0.0
    assert rows.grad is not None
    assert rows.grad.tolist() == [0.0, 0.0]
