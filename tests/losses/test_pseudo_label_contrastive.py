from __future__ import annotations

import math

import pytest
import torch

from lps_sweep.losses.contrast import contrast_rows
from lps_sweep.losses.pseudo_label_contrastive import pseudo_label_contrastive


@pytest.fixture(autouse=True)
def _seed() -> None:
    torch.manual_seed(0)


def test_mean_of_the_confident_rows() -> None:
    rows = torch.tensor([1.0, 2.0, 3.0, 100.0])

    assert float(pseudo_label_contrastive(rows, torch.tensor([True, False, True, False]))) == 2.0


def test_closed_form_of_equal_views_of_one_class() -> None:
    confident, labels = torch.ones(5, dtype=torch.bool), torch.zeros(5, dtype=torch.int64)
    rows = contrast_rows(torch.ones(10, 3), labels, confident, torch.tensor(0.4))

    value = pseudo_label_contrastive(rows, confident)

    assert value.item() == pytest.approx(math.log(9), abs=1e-5)


def test_no_confident_row_gives_zero_and_no_gradient() -> None:
    rows = torch.tensor([1.0, math.nan], requires_grad=True)

    value = pseudo_label_contrastive(rows, torch.tensor([False, False]))
    value.backward()  # type: ignore[no-untyped-call]

    assert value.item() == 0.0
    assert rows.grad is not None
    assert rows.grad.tolist() == [0.0, 0.0]


def test_gradient_by_finite_differences() -> None:
    rows = torch.randn(4, dtype=torch.float64, requires_grad=True)
    confident = torch.tensor([True, False, True, True])

    assert torch.autograd.gradcheck(lambda r: pseudo_label_contrastive(r, confident), (rows,))
