from __future__ import annotations

import math

import pytest
import torch

from lps_sweep.losses.entropy import negative_entropy
from tests.methods.losses import slow


def test_agrees_with_the_slow_reference() -> None:
    logits = torch.randn(5, 4, dtype=torch.float64)

    wanted = slow.negative_entropy(logits.tolist())
    assert float(negative_entropy(logits)) == pytest.approx(wanted, abs=1e-12)


def test_lowest_where_the_batch_is_spread_and_highest_where_it_falls_on_one_class() -> None:
    spread = torch.eye(4, dtype=torch.float64) * 100
    merged = torch.tensor([[100.0, 0, 0, 0]] * 4, dtype=torch.float64)

    assert float(negative_entropy(spread)) == pytest.approx(-math.log(4), abs=1e-12)
    assert float(negative_entropy(merged)) == pytest.approx(0.0, abs=1e-12)


def test_classes_that_get_nothing_leave_value_and_gradient_finite() -> None:
    logits = torch.tensor([[300.0, 0.0, -300.0]], requires_grad=True)

    value = negative_entropy(logits)
    value.backward()  # type: ignore[no-untyped-call]

    assert value.item() == 0.0
    assert logits.grad is not None
    assert bool(logits.grad.isfinite().all())


def test_a_single_class_has_no_entropy() -> None:
    assert float(negative_entropy(torch.randn(3, 1))) == 0.0
