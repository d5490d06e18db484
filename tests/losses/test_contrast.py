from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from lps_sweep.losses.contrast import ContrastNorm, UCRows, contrast_rows

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


@pytest.mark.parametrize("tau", [0.2, 0.4, 1.0])
@pytest.mark.parametrize("contrast_norm", ["cosine", "dot"])
@pytest.mark.parametrize("uc_neg", ["batch", "low_confidence"])
def test_agrees_with_the_slow_reference(
    tau: float, contrast_norm: ContrastNorm, uc_neg: UCRows
) -> None:
    views = views_of(len(LABELS))

    rows = contrast_rows(
        views,
        torch.tensor(LABELS),
        torch.tensor(CONFIDENT),
        torch.tensor(tau, dtype=torch.float64),
        contrast_norm=contrast_norm,
        uc_neg=uc_neg,
    )

    wanted = slow_rows(views, LABELS, CONFIDENT, tau, contrast_norm, uc_neg)
    assert rows.tolist() == pytest.approx(wanted, abs=1e-10)


def test_closed_form_of_equal_rows() -> None:
    views = torch.ones(12, 3, dtype=torch.float64)

    rows = contrast_rows(
        views, torch.tensor(LABELS), torch.tensor(CONFIDENT), torch.tensor(0.4, dtype=torch.float64)
    )

    confident, low = math.log(7), math.log(11)  # the other views of the confident rows, of all
    wanted = [confident if c else low for c in CONFIDENT]
    assert rows.tolist() == pytest.approx(wanted, abs=1e-12)


@pytest.mark.parametrize("contrast_norm", ["cosine", "dot"])
@pytest.mark.parametrize("uc_neg", ["batch", "low_confidence"])
def test_gradient_by_finite_differences(contrast_norm: ContrastNorm, uc_neg: UCRows) -> None:
    views = views_of(len(LABELS)).requires_grad_()
    tau = torch.tensor(0.4, dtype=torch.float64)

    assert torch.autograd.gradcheck(
        lambda v: contrast_rows(
            v,
            torch.tensor(LABELS),
            torch.tensor(CONFIDENT),
            tau,
            contrast_norm=contrast_norm,
            uc_neg=uc_neg,
        ),
        (views,),
    )


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
    views, tau = views_of(6), torch.tensor(0.4, dtype=torch.float64)
    labels, confident = torch.tensor(LABELS), torch.tensor(CONFIDENT)

    def rows(scale: float, contrast_norm: ContrastNorm) -> Tensor:
        return contrast_rows(views * scale, labels, confident, tau, contrast_norm=contrast_norm)

    torch.testing.assert_close(rows(3, "cosine"), rows(1, "cosine"), rtol=0, atol=1e-12)
    assert float((rows(3, "dot") - rows(1, "dot")).abs().max()) > 1


@pytest.mark.parametrize("confident", [True, False])
def test_a_batch_of_one_row_sees_only_its_other_view(confident: bool) -> None:
    views = views_of(1).requires_grad_()

    rows = contrast_rows(
        views, torch.tensor([2]), torch.tensor([confident]), torch.tensor(0.4, dtype=torch.float64)
    )
    rows.sum().backward()  # type: ignore[no-untyped-call]

    assert rows.tolist() == pytest.approx([0.0], abs=1e-12)
    assert views.grad is not None
    assert float(views.grad.abs().max()) < 1e-12


@pytest.mark.parametrize("confident", [[True] * 6, [False] * 6])
def test_one_kind_of_row_only(confident: list[bool]) -> None:
    views = views_of(6)

    rows = contrast_rows(
        views, torch.tensor(LABELS), torch.tensor(confident), torch.tensor(0.4, dtype=torch.float64)
    )

    wanted = slow_rows(views, LABELS, confident, 0.4, "cosine", "batch")
    assert rows.tolist() == pytest.approx(wanted, abs=1e-10)


@pytest.mark.parametrize("tau", [0.05, 0.001])
@pytest.mark.parametrize("contrast_norm", ["cosine", "dot"])
def test_opposite_positives_are_exact_in_single_precision(
    tau: float, contrast_norm: ContrastNorm
) -> None:
    views = torch.tensor([[5.0, 0], [5, 0], [-5, 0], [5, 0]], requires_grad=True)

    rows = contrast_rows(
        views,
        torch.tensor([0, 1]),
        torch.tensor([True, True]),
        torch.tensor(tau),
        contrast_norm=contrast_norm,
    )
    rows.sum().backward()  # type: ignore[no-untyped-call]

    size = 1 if contrast_norm == "cosine" else 25
    assert rows[0].item() == pytest.approx((2 * size / tau + math.log(2)) / 2, rel=0.5)
    assert bool(rows.isfinite().all())
    assert views.grad is not None
    assert bool(views.grad.isfinite().all())
