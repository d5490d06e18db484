"""What no accuracy shows: where the gradient goes and where labels come from."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
import torch
from torch import Tensor

from lps_sweep.methods.lps import LPSConfig
from tests.methods.lps_cases import Case, gradients, random_case, terms_of
from tests.methods.lps_reference import Fixed, Matrix, slow_estimate, slow_total

SETTINGS: list[dict[str, Any]] = [
    {},
    {"tau": 0.2, "C": 3.0, "eta1": 0.5, "eta2": 2.0, "w_entropy": 0.3},
    {"margin_kl": "estimate_to_prior", "uc_norm": "low_confidence"},
    {"contrast_norm": "dot", "uc_neg": "low_confidence"},
    {"eta1": 0.0},
    {"eta2": 0.0, "w_entropy": 0.0},
    {"eta1": 0.0, "uc_neg": "low_confidence"},
]


def rows_of(view: Tensor) -> Matrix:
    rows: Matrix = view.tolist()
    return rows


def fixed_of(case: Case) -> Fixed:
    lambda_novel = 0.4 + 0.4 * case.progress
    return slow_estimate(
        rows_of(case.views[1]), case.labels.tolist(), case.num_seen, 0.95, lambda_novel
    )


@pytest.mark.parametrize("values", SETTINGS)
@pytest.mark.parametrize("seed", [0, 1])
def test_agrees_with_the_slow_reference(values: dict[str, Any], seed: int) -> None:
    case = random_case(seed=seed)
    fixed = fixed_of(case)
    terms = terms_of(case, **values)

    assert any(fixed.mask[5:])
    assert not all(fixed.mask)
    assert terms.mask.tolist() == fixed.mask
    assert terms.pseudo_labels.tolist() == fixed.pseudo_labels
    assert terms.pi_hat.tolist() == pytest.approx(fixed.pi_hat, abs=1e-12)
    weak1, weak2, strong = (rows_of(view) for view in case.views)
    wanted = slow_total((weak1, weak2, strong), 5, fixed, LPSConfig(**values))
    assert terms.total.item() == pytest.approx(wanted, abs=1e-10)


@pytest.mark.parametrize("values", SETTINGS)
def test_gradient_by_finite_differences_with_the_estimate_fixed(values: dict[str, Any]) -> None:
    case = random_case(num_rows=8, num_labeled=3, num_classes=4, num_seen=2)
    fixed, config = fixed_of(case), LPSConfig(**values)
    found = gradients(case, terms_of(case, **values).total)
    z = [rows_of(view) for view in case.views]
    step = 1e-6

    for view, i, k in itertools.product(range(3), range(8), range(4)):
        here = z[view][i][k]
        z[view][i][k] = here + step
        above = slow_total((z[0], z[1], z[2]), 3, fixed, config)
        z[view][i][k] = here - step
        below = slow_total((z[0], z[1], z[2]), 3, fixed, config)
        z[view][i][k] = here
        assert found[view][i, k].item() == pytest.approx((above - below) / (2 * step), abs=1e-7)


def test_the_margin_lowers_the_gradient_of_a_class_that_the_model_favours() -> None:
    weak = torch.zeros(10, 4)
    weak[:, 0] = 6.0
    weak[8, 1] = 12.0
    views = (weak.clone().requires_grad_(), weak, weak.clone().requires_grad_())
    case = Case(views, torch.tensor([0, 0, 1]), 2, 0.0)

    def on_targets(C: float) -> list[float]:
        total = terms_of(case, C=C, eta1=0.0, eta2=0.0, w_entropy=0.0).total
        labeled, unlabeled = torch.autograd.grad(total, (views[0], views[2]))
        targets = [labeled[0, 0], labeled[2, 1], unlabeled[4, 0]]
        return [-gradient.item() for gradient in targets]

    plain, with_margin = on_targets(0.0), on_targets(10.0)

    kept = [m / p for m, p in zip(with_margin, plain, strict=True)]
    assert all(p > 0 for p in plain)
    assert kept[0] < 0.01  # labeled, favoured
    assert kept[2] < 0.01  # unlabeled, favoured
    assert kept[0] < kept[1] <= 1  # rare


def test_pi_ema_keeps_its_share_of_the_estimate_before() -> None:
    case = random_case()
    before = torch.softmax(torch.arange(6, dtype=torch.float64), dim=0)
    batch = terms_of(case).pi_hat

    kept = terms_of(case, pi_ema=0.75, pi_hat_before=before).pi_hat

    torch.testing.assert_close(kept, 0.75 * before + 0.25 * batch, rtol=0, atol=1e-14)
    assert torch.equal(terms_of(case, pi_ema=0.75).pi_hat, batch)
    assert torch.equal(terms_of(case, pi_ema=0.75, pi_hat_before=torch.zeros(6)).pi_hat, batch)
    assert torch.equal(terms_of(case, pi_hat_before=before).pi_hat, batch)
