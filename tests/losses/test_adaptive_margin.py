from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from lps_sweep.losses.adaptive_margin import adaptive_margin, class_margins


def slow_margin_loss(
    logits: Tensor, targets: list[int], margins: list[float], counted: list[bool]
) -> float:
    rows = []
    for z, target, count in zip(logits.tolist(), targets, counted, strict=True):
        z[target] += margins[target]
        rows.append(count * -math.log(math.exp(z[target]) / sum(math.exp(v) for v in z)))
    return sum(rows) / len(rows)


def test_agrees_with_the_slow_reference() -> None:
    logits = torch.randn(5, 4, dtype=torch.float64)
    margins = [0.3, 2.0, 0.0, 1.1]
    targets, counted = [3, 1, 1, 0, 2], [True, False, True, True, False]

    value = adaptive_margin(
        logits,
        torch.tensor(targets),
        torch.tensor(margins, dtype=torch.float64),
        torch.tensor(counted),
    )

    wanted = slow_margin_loss(logits, targets, margins, counted)
    assert value.item() == pytest.approx(wanted, abs=1e-12)


def test_closed_form_of_equal_logits() -> None:
    value = adaptive_margin(torch.zeros(3, 5), torch.tensor([0, 1, 4]), torch.full((5,), 2.0))

    assert value.item() == pytest.approx(math.log(1 + 4 * math.exp(-2)), abs=1e-6)


def test_margins_are_those_of_the_equation() -> None:
    pi_hat = torch.tensor([0.5, 0.3, 0.2, 0.0])

    margins = class_margins(pi_hat, torch.tensor(0.7), torch.tensor(10.0))

    assert margins.tolist() == pytest.approx([7.0, 4.2, 2.8, 0.0], abs=1e-6)


@pytest.mark.parametrize("kl", [0.7, math.nan, math.inf])
def test_without_c_the_loss_is_plain_cross_entropy(kl: float) -> None:
    logits, targets = torch.randn(6, 4), torch.randint(0, 4, (6,))

    margins = class_margins(torch.full((4,), 0.25), torch.tensor(kl), torch.tensor(0.0))

    plain = torch.nn.functional.cross_entropy(logits, targets, reduction="none").mean()
    assert torch.equal(adaptive_margin(logits, targets, margins), plain)


def test_rows_that_are_not_counted_are_exactly_nothing() -> None:
    logits = torch.randn(3, 4)
    logits[1] = math.nan
    logits.requires_grad_()
    counted = torch.tensor([True, False, True])

    value = adaptive_margin(logits, torch.tensor([0, 1, 2]), torch.ones(4), counted)
    value.backward()  # type: ignore[no-untyped-call]

    assert math.isfinite(value.item())
    assert logits.grad is not None
    assert logits.grad[1].tolist() == [0.0] * 4
    assert bool(logits.grad.isfinite().all())


@pytest.mark.parametrize("num_classes", [1, 4])
def test_no_rows_give_zero(num_classes: int) -> None:
    empty = torch.zeros(0, num_classes, requires_grad=True)

    value = adaptive_margin(empty, torch.zeros(0, dtype=torch.int64), torch.ones(num_classes))

    assert value.item() == 0.0
    value.backward()  # type: ignore[no-untyped-call]


def test_nothing_counted_gives_zero() -> None:
    none = torch.zeros(2, dtype=torch.bool)

    assert float(adaptive_margin(torch.randn(2, 3), torch.tensor([0, 1]), torch.ones(3), none)) == 0
