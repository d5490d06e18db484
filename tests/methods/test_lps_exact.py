"""What no accuracy shows: where the gradient goes and where labels come from."""

from __future__ import annotations

import dataclasses
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


def test_no_gradient_through_margin_or_pseudo_labels() -> None:
    case = random_case()

    terms = terms_of(case, eta1=0.0, eta2=0.0)

    for name in ("pi_hat", "mask", "pseudo_labels", "confidence"):
        assert not getattr(terms, name).requires_grad
    assert not terms.kl_prior_to_estimate.requires_grad
    assert not terms.kl_estimate_to_prior.requires_grad
    # Without the contrastive terms weak2 enters through these alone.
    assert not gradients(case, terms.total)[1].any()
    assert gradients(case, terms_of(case).total)[1].any()


def test_pseudo_labels_come_from_weak2() -> None:
    case, other = random_case(seed=0), random_case(seed=1)
    terms = terms_of(case)
    moved = dataclasses.replace(case, views=(other.views[0], case.views[1], other.views[2]))
    changed = dataclasses.replace(case, views=(case.views[0], other.views[1], case.views[2]))

    confidence, predicted = torch.softmax(case.views[1], dim=1).max(dim=1)
    assert terms.pseudo_labels.tolist() == case.labels.tolist() + predicted.tolist()[5:]
    torch.testing.assert_close(terms.confidence, confidence.detach())
    for name in ("pseudo_labels", "mask", "pi_hat"):
        assert torch.equal(getattr(terms, name), getattr(terms_of(moved), name))
        assert not torch.equal(getattr(terms, name), getattr(terms_of(changed), name))


def test_labels_of_labeled_rows_replace_their_predictions() -> None:
    case = random_case()
    other = dataclasses.replace(case, labels=(case.labels + 1) % 3)

    terms, changed = terms_of(case), terms_of(other)

    assert changed.pseudo_labels[:5].tolist() == other.labels.tolist()
    assert changed.mask[:5].tolist() == [True] * 5
    assert torch.equal(terms.pi_hat, changed.pi_hat)  # predictions, not labels
    assert terms.pc.item() != changed.pc.item()
    assert terms.margin_labeled.item() != changed.margin_labeled.item()


def test_pc_and_uc_change_with_tau_and_nothing_else_does() -> None:
    case = random_case()
    found = [terms_of(case, tau=tau) for tau in (0.2, 0.4, 0.6)]

    for name in ("pc", "uc", "total"):
        assert len({round(getattr(terms, name).item(), 3) for terms in found}) == 3
    for name in ("margin_labeled", "margin_unlabeled", "entropy", "kl_prior_to_estimate"):
        assert len({getattr(terms, name).item() for terms in found}) == 1


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


@pytest.mark.parametrize(
    ("weight", "name"), [("eta1", "pc"), ("eta2", "uc"), ("w_entropy", "entropy")]
)
def test_a_weight_scales_its_term(weight: str, name: str) -> None:
    case = random_case()
    base = {"eta1": 0.0, "eta2": 0.0, "w_entropy": 0.0}
    off, on = terms_of(case, **base), terms_of(case, **{**base, weight: 2.5})

    assert on.total.item() - off.total.item() == pytest.approx(2.5 * getattr(on, name).item())
    assert getattr(on, name).item() == pytest.approx(getattr(off, name).item(), abs=1e-14)
    margins = off.margin_labeled + off.margin_unlabeled
    assert off.total.item() == pytest.approx(margins.item(), abs=1e-14)


def test_c_of_zero_is_plain_cross_entropy() -> None:
    case = random_case()

    terms = terms_of(case, C=0.0)

    plain = torch.nn.functional.cross_entropy(case.views[0][:5], case.labels)
    assert terms.margin_labeled.item() == pytest.approx(plain.item(), abs=1e-14)
    assert terms_of(case).margin_labeled.item() < plain.item() - 1e-3


def test_pi_ema_keeps_its_share_of_the_estimate_before() -> None:
    case = random_case()
    before = torch.softmax(torch.arange(6, dtype=torch.float64), dim=0)
    batch = terms_of(case).pi_hat

    kept = terms_of(case, pi_ema=0.75, pi_hat_before=before).pi_hat

    torch.testing.assert_close(kept, 0.75 * before + 0.25 * batch, rtol=0, atol=1e-14)
    assert torch.equal(terms_of(case, pi_ema=0.75).pi_hat, batch)
    assert torch.equal(terms_of(case, pi_ema=0.75, pi_hat_before=torch.zeros(6)).pi_hat, batch)
    assert torch.equal(terms_of(case, pi_hat_before=before).pi_hat, batch)


@pytest.mark.parametrize(
    ("changed", "values"),
    [
        ("progress", {"progress": 1.0}),
        ("progress", {"progress": -0.1}),
        ("num_seen", {"num_seen": 0}),
        ("num_seen", {"num_seen": 7}),
        ("labels", {"labels": torch.zeros(17, dtype=torch.int64)}),
        ("labels", {"labels": torch.zeros(2, 2, dtype=torch.int64)}),
    ],
)
def test_numbers_that_cannot_be_are_refused(changed: str, values: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=changed):
        terms_of(dataclasses.replace(random_case(), **values))


def test_views_of_different_shapes_are_refused() -> None:
    case, other = random_case(), random_case(num_rows=9)
    mixed = dataclasses.replace(case, views=(case.views[0], other.views[1], case.views[2]))

    with pytest.raises(ValueError, match=r"\(16, 6\), \(9, 6\), \(16, 6\)"):
        terms_of(mixed)
