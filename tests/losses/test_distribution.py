from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from lps_sweep.losses.distribution import estimate_distribution, kl_divergences


def double(*values: float) -> Tensor:
    return torch.tensor(values, dtype=torch.float64)


def test_estimate_is_the_mean_of_the_counted_predictions() -> None:
    probabilities = torch.softmax(torch.randn(7, 4, dtype=torch.float64), dim=1)
    counted = torch.tensor([True, False, True, True, False, False, True])

    pi_hat = estimate_distribution(probabilities, counted)

    wanted = (probabilities[0] + probabilities[2] + probabilities[3] + probabilities[6]) / 4
    torch.testing.assert_close(pi_hat, wanted, rtol=0, atol=1e-14)


def test_estimate_is_uniform_where_nothing_is_known() -> None:
    pi_hat = estimate_distribution(torch.eye(4), torch.zeros(4, dtype=torch.bool))

    assert pi_hat.tolist() == [0.25] * 4


def test_a_row_that_is_not_counted_may_be_nan() -> None:
    probabilities = torch.tensor([[0.5, 0.5], [math.nan, math.nan]])

    pi_hat = estimate_distribution(probabilities, torch.tensor([True, False]))

    assert pi_hat.tolist() == [0.5, 0.5]


def test_divergences_by_hand() -> None:
    prior_to_estimate, estimate_to_prior = kl_divergences(double(0.5, 0.25, 0.25))

    third = 1 / 3
    wanted = third * (math.log(third / 0.5) + 2 * math.log(third / 0.25))
    assert float(prior_to_estimate) == pytest.approx(wanted, abs=1e-14)
    wanted = 0.5 * math.log(0.5 / third) + 0.5 * math.log(0.25 / third)
    assert float(estimate_to_prior) == pytest.approx(wanted, abs=1e-14)


def test_divergences_of_the_uniform_distribution_are_zero() -> None:
    assert [float(kl) for kl in kl_divergences(double(*[0.1] * 10))] == pytest.approx(
        [0, 0], abs=1e-14
    )


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_an_empty_class_has_a_finite_divergence(dtype: torch.dtype) -> None:
    prior_to_estimate, estimate_to_prior = kl_divergences(torch.tensor([1.0, 0.0], dtype=dtype))

    wanted = (math.log(0.5) + math.log(0.5 / 1e-12)) / 2
    assert float(prior_to_estimate) == pytest.approx(wanted, rel=1e-6)
    assert float(estimate_to_prior) == pytest.approx(math.log(2), rel=1e-6)
