from __future__ import annotations

import math
from types import ModuleType
from typing import Any

import pytest
import torch
from torch import Tensor
from torch._subclasses.fake_tensor import FakeTensorMode

from lps_sweep.methods.gcd import GCDConfig, core
from lps_sweep.methods.hyper import Hyper
from tests.methods.finite import Matrix, differences
from tests.mutants import mutant

LABELS = [1, 0, 1, 2]
SETTINGS: list[dict[str, Any]] = [
    {},
    {"w_supervised": 0.8, "contrastive_temperature": 0.5, "supervised_temperature": 0.3},
    {"w_supervised": 0.0},
    {"w_supervised": 1.0},
]


def projections(num_rows: int = 7, seed: int = 0) -> list[Tensor]:
    generator = torch.Generator().manual_seed(seed)
    both = torch.randn(2, num_rows, 3, dtype=torch.float64, generator=generator)
    return [(3 * both[0]).requires_grad_(), (0.3 * both[1]).requires_grad_()]


def terms_of(
    views: list[Tensor], labels: list[int], module: ModuleType = core, **values: Any
) -> Any:
    dtype = torch.float64 if views[0].dtype == torch.float64 else torch.float32
    hyper = Hyper.of(GCDConfig(**values), "cpu", dtype)
    return module.gcd_terms(*views, torch.tensor(labels, dtype=torch.int64), hyper)


def slow_terms(z: list[Matrix], labels: list[int], config: GCDConfig) -> dict[str, float]:
    """Both losses are one: all rows with a class each, or the labeled rows with theirs."""

    def contrast(first: Matrix, second: Matrix, classes: list[int], tau: float) -> float:
        rows, both = first + second, classes * 2
        total = 0.0
        for i, row in enumerate(rows):
            e = {
                j: math.exp(
                    sum(a * b for a, b in zip(row, other, strict=True))
                    / (math.hypot(*row) * math.hypot(*other) * tau)
                )
                for j, other in enumerate(rows)
                if j != i
            }
            positives = [j for j in e if both[j] == both[i]]
            logs = [math.log(e[j] / sum(e.values())) for j in positives]
            total -= sum(logs) / len(logs) / len(rows)
        return total

    n = len(labels)
    each = list(range(len(z[0])))
    found = {
        "contrastive": contrast(z[0], z[1], each, config.contrastive_temperature),
        "supervised_contrastive": contrast(
            z[0][:n], z[1][:n], labels, config.supervised_temperature
        ),
    }
    of_all, of_labeled = found.values()
    share = config.w_supervised
    return {**found, "total": (1 - share) * of_all + share * of_labeled}


def check(views: list[Tensor], labels: list[int], module: ModuleType = core, **values: Any) -> None:
    """Every term, and every element of the gradients of the total."""
    config = GCDConfig(**values)
    z: list[Matrix] = [view.tolist() for view in views]
    terms = terms_of(views, labels, module, **values)
    for name, value in slow_terms(z, labels, config).items():
        assert getattr(terms, name).item() == pytest.approx(value, abs=1e-10), name
    wanted = differences(lambda *x: slow_terms(list(x), labels, config)["total"], z)
    found = torch.autograd.grad(terms.total, views, materialize_grads=True)
    for gradient, right in zip(found, wanted, strict=True):
        assert (gradient - torch.tensor(right, dtype=torch.float64)).abs().max().item() < 1e-7


@pytest.mark.parametrize("values", SETTINGS)
@pytest.mark.parametrize("labels", [LABELS, [], [2], [0, 1, 2], [0] * 7])
def test_agrees_with_the_slow_reference_and_its_gradients(
    values: dict[str, Any], labels: list[int]
) -> None:
    check(projections(), labels, **values)


WEIGHTS = "torch.stack([1 - hyper.w_supervised, hyper.w_supervised])"
DEFECTS = [
    (WEIGHTS, "torch.stack([hyper.w_supervised, 1 - hyper.w_supervised])"),
    (WEIGHTS, "torch.stack([torch.ones_like(hyper.w_supervised), hyper.w_supervised])"),
    (WEIGHTS, "torch.stack([1 - hyper.w_supervised, -hyper.w_supervised])"),
    ("hyper.contrastive_temperature", "hyper.supervised_temperature"),
    ("hyper.supervised_temperature", "hyper.contrastive_temperature"),
    ("at_least_float32(first, second)", "at_least_float32(first, second.detach())"),
    ("at_least_float32(first, second)", "at_least_float32(first, first)"),
    ("frozen_unless(of_all, first)", "frozen_unless(of_all, second)"),
    ("frozen_unless(of_all, first),", "first.roll(1, 0),"),
    ("frozen_unless(of_all, second)", "second.detach()"),
    ("first[:num_labeled]", "first[-num_labeled:]"),
    ("second[:num_labeled]", "second[:num_labeled].detach()"),
    ("            labels,\n", "            torch.arange(num_labeled),\n"),
    ("torch.stack([contrastive, supervised])", "torch.stack([supervised, contrastive])"),
]


@pytest.mark.parametrize(("old", "new"), DEFECTS)
def test_a_defect_is_seen(old: str, new: str) -> None:
    changed = mutant(core, old, new)

    with pytest.raises(AssertionError):
        check(projections(), LABELS, changed)


def test_closed_form_of_equal_projections() -> None:
    views = [torch.ones(5, 3, dtype=torch.float64), torch.full((5, 3), 2.0, dtype=torch.float64)]

    terms = terms_of(views, [0, 1, 1])

    assert terms.contrastive.item() == pytest.approx(math.log(9))
    assert terms.supervised_contrastive.item() == pytest.approx(math.log(5))
    assert terms.total.item() == pytest.approx(0.65 * math.log(9) + 0.35 * math.log(5))


def test_a_weight_of_zero_is_exact_even_beside_nan() -> None:
    views = projections()
    for share, row, silent in ((0.0, None, "supervised_contrastive"), (1.0, 6, "contrastive")):
        whole = terms_of(views, LABELS, w_supervised=share)
        spoilt = [view.detach().clone() for view in views]
        if row is not None:
            spoilt[0][row] = math.nan
        leaves = [view.requires_grad_() for view in spoilt]
        terms = terms_of(leaves, LABELS, w_supervised=share)

        assert terms.total.item() == whole.total.item()
        assert getattr(terms, silent).isnan() == (row is not None)
        found = torch.autograd.grad(terms.total, leaves)
        wanted = torch.autograd.grad(whole.total, views)
        assert all(torch.equal(a, b) for a, b in zip(found, wanted, strict=True))


@pytest.mark.parametrize("labels", [[], [0], [0] * 7])
def test_finite_in_single_precision_at_small_temperatures(labels: list[int]) -> None:
    views = [view.detach().float().requires_grad_() for view in projections()]

    terms = terms_of(views, labels, contrastive_temperature=0.01, supervised_temperature=0.001)

    assert terms.total.isfinite()
    assert all(bool(g.isfinite().all()) for g in torch.autograd.grad(terms.total, views))


def test_computed_in_single_precision_under_autocast() -> None:
    views = [view.detach().bfloat16() for view in projections()]
    with torch.autocast("cpu", dtype=torch.bfloat16):
        terms = terms_of(views, LABELS)

    assert {term.dtype for term in vars(terms).values()} == {torch.float32}
    plain = terms_of([view.float() for view in views], LABELS)
    assert terms.total.item() == pytest.approx(plain.total.item(), abs=1e-6)


def test_no_value_is_read_on_the_way() -> None:
    with FakeTensorMode():
        first, second = (torch.empty(7, 3, requires_grad=True) for _ in range(2))
        hyper = Hyper.of(GCDConfig(), "cpu", torch.float32)
        terms = core.gcd_terms(first, second, torch.empty(4, dtype=torch.int64), hyper)
        terms.total.backward()  # type: ignore[no-untyped-call]
        assert terms.total.shape == ()
