from __future__ import annotations

import math

import pytest
import torch

from lps_sweep.losses.switches import cleared_unless, frozen_unless, weighted_sum


def test_weighted_sum_is_a_sum_of_products() -> None:
    weights, terms = torch.tensor([1.0, 0.5, 2.0]), torch.tensor([3.0, 4.0, -1.0])

    assert float(weighted_sum(weights, terms)) == 3.0


@pytest.mark.parametrize("term", [math.nan, math.inf, -math.inf])
def test_a_weight_of_zero_takes_a_term_out_exactly(term: float) -> None:
    terms = torch.tensor([3.0, term], requires_grad=True)

    value = weighted_sum(torch.tensor([2.0, 0.0]), terms)
    value.backward()  # type: ignore[no-untyped-call]

    assert value.item() == 6.0
    assert terms.grad is not None
    assert terms.grad[0] == 2.0


@pytest.mark.parametrize("switch", [frozen_unless, cleared_unless])
def test_no_gradient_arrives_where_it_is_off(switch: object) -> None:
    assert callable(switch)
    x = torch.tensor([4.0, 0.0], requires_grad=True)

    switched = switch(torch.tensor([True, False]), x)
    switched.sqrt().sum().backward()  # the square root of 0 has an infinite slope

    assert x.grad is not None
    assert x.grad.tolist() == [0.25, 0.0]


def test_without_the_switch_the_gradient_is_infinite() -> None:
    x = torch.tensor([4.0, 0.0], requires_grad=True)

    x.sqrt().sum().backward()  # type: ignore[no-untyped-call]

    assert x.grad is not None
    assert x.grad.tolist() == [0.25, math.inf]


def test_frozen_keeps_values_and_cleared_keeps_the_finite_ones() -> None:
    x = torch.tensor([math.nan, math.inf, -math.inf, 2.0, math.nan])
    active = torch.tensor([False, False, False, False, True])

    assert frozen_unless(active, x).isnan().tolist() == [True, False, False, False, True]
    assert cleared_unless(active, x)[:4].tolist() == [0.0, 0.0, 0.0, 2.0]
    assert bool(cleared_unless(active, x)[4].isnan())
