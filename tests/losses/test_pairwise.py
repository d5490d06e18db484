from __future__ import annotations

import math

import pytest
import torch

from lps_sweep.losses.pairwise import pairwise
from tests.methods.losses import slow


def test_agrees_with_the_slow_reference() -> None:
    first, second = torch.randn(2, 5, 4, dtype=torch.float64)

    wanted = slow.pairwise(first.tolist(), second.tolist(), list(range(5)))
    assert float(pairwise(first, second)) == pytest.approx(wanted, abs=1e-12)


def test_closed_forms() -> None:
    certain = torch.eye(4, dtype=torch.float64) * 100
    undecided = torch.zeros(4, 4, dtype=torch.float64)

    assert float(pairwise(certain, certain)) == pytest.approx(0.0, abs=1e-12)
    assert float(pairwise(certain, undecided)) == pytest.approx(math.log(4), abs=1e-12)
    assert float(pairwise(undecided, undecided)) == pytest.approx(math.log(4), abs=1e-12)
    assert float(pairwise(certain, certain.roll(1, 0))) == pytest.approx(100 - math.log(2))


def test_rows_and_partners_are_alike() -> None:
    first, second = torch.randn(2, 6, 3, dtype=torch.float64)

    assert float(pairwise(first, second)) == pytest.approx(float(pairwise(second, first)))


def test_opposite_certainties_leave_value_and_gradient_finite() -> None:
    logits = torch.tensor([[300.0, 0.0, -300.0]], requires_grad=True)

    value = pairwise(logits, torch.tensor([[-300.0, 0.0, 300.0]]))
    value.backward()  # type: ignore[no-untyped-call]

    assert value.item() == pytest.approx(600 - math.log(3))
    assert logits.grad is not None
    assert bool(logits.grad.isfinite().all())
