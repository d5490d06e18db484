from __future__ import annotations

import math

import pytest
import torch

from lps_sweep.losses.contrast import UCRows, contrast_rows
from lps_sweep.losses.unsupervised_contrastive import unsupervised_contrastive

CONFIDENT = torch.tensor([True, False, True, False])


@pytest.fixture(autouse=True)
def _seed() -> None:
    torch.manual_seed(0)


@pytest.mark.parametrize(("uc_norm", "wanted"), [("batch", 1.5), ("low_confidence", 3.0)])
def test_what_the_sum_is_divided_by(uc_norm: UCRows, wanted: float) -> None:
    rows = torch.tensor([100.0, 2.0, math.nan, 4.0])

    assert float(unsupervised_contrastive(rows, CONFIDENT, uc_norm=uc_norm)) == wanted


@pytest.mark.parametrize("uc_norm", ["batch", "low_confidence"])
def test_closed_form_of_equal_views(uc_norm: UCRows) -> None:
    low, labels = torch.zeros(5, dtype=torch.bool), torch.zeros(5, dtype=torch.int64)
    rows = contrast_rows(torch.ones(10, 3), labels, low, torch.tensor(0.4))

    value = unsupervised_contrastive(rows, low, uc_norm=uc_norm)

    assert value.item() == pytest.approx(math.log(9), abs=1e-5)


@pytest.mark.parametrize("uc_norm", ["batch", "low_confidence"])
def test_no_low_confidence_row_gives_zero_and_no_gradient(uc_norm: UCRows) -> None:
    rows = torch.tensor([1.0, math.nan], requires_grad=True)

    value = unsupervised_contrastive(rows, torch.tensor([True, True]), uc_norm=uc_norm)
    value.backward()  # type: ignore[no-untyped-call]

    assert value.item() == 0.0
    assert rows.grad is not None
    assert rows.grad.tolist() == [0.0, 0.0]


@pytest.mark.parametrize("uc_norm", ["batch", "low_confidence"])
def test_gradient_by_finite_differences(uc_norm: UCRows) -> None:
    rows = torch.randn(4, dtype=torch.float64, requires_grad=True)

    assert torch.autograd.gradcheck(
        lambda r: unsupervised_contrastive(r, CONFIDENT, uc_norm=uc_norm), (rows,)
    )
