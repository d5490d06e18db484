"""The loss stays finite, a weight of zero is exact, and no value is read on the way."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import pytest
import torch
from torch._subclasses.fake_tensor import DataDependentOutputException, FakeTensorMode

from lps_sweep.methods.hyper import Hyper
from lps_sweep.methods.lps import LPSConfig
from lps_sweep.methods.lps.core import lps_terms
from tests.methods.lps_cases import Case, assert_finite, gradients, random_case, spoilt, terms_of


@pytest.mark.parametrize("tau", [0.05, 0.02])
@pytest.mark.parametrize("contrast_norm", ["cosine", "dot"])
def test_finite_at_a_small_tau(tau: float, contrast_norm: str) -> None:
    case = random_case(dtype=torch.float32, scale=5.0)

    assert_finite(case, terms_of(case, tau=tau, contrast_norm=contrast_norm))


@pytest.mark.parametrize("contrast_norm", ["cosine", "dot"])
def test_finite_with_an_empty_confident_set(contrast_norm: str) -> None:
    case = random_case(num_labeled=0, scale=0.01)

    terms = terms_of(case, contrast_norm=contrast_norm)

    assert not terms.mask.any()
    assert terms.pi_hat.tolist() == pytest.approx([1 / 6] * 6)
    assert terms.pc.item() == terms.margin_labeled.item() == terms.margin_unlabeled.item() == 0
    assert_finite(case, terms)


@pytest.mark.parametrize("uc_norm", ["batch", "low_confidence"])
@pytest.mark.parametrize("uc_neg", ["batch", "low_confidence"])
def test_finite_with_no_low_confidence_row(uc_norm: str, uc_neg: str) -> None:
    case = random_case(scale=200.0)

    terms = terms_of(case, uc_norm=uc_norm, uc_neg=uc_neg)

    assert terms.mask.all()
    assert terms.uc.item() == 0
    assert_finite(case, terms)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("margin_kl", ["prior_to_estimate", "estimate_to_prior"])
def test_finite_with_a_zero_in_pi_hat(dtype: torch.dtype, margin_kl: str) -> None:
    views = [torch.zeros(6, 4, dtype=dtype) for _ in range(3)]
    for view in views:
        view[:, :2] = 2000.0
        view[:, 0] += torch.arange(6)
    case = Case((views[0], views[1], views[2]), torch.tensor([0, 1]), 2, 0.0)
    for view in views:
        view.requires_grad_()

    terms = terms_of(case, margin_kl=margin_kl)

    assert terms.pi_hat[2:].tolist() == [0.0, 0.0]
    assert_finite(case, terms)
    assert terms.kl_prior_to_estimate.item() > 5


@pytest.mark.parametrize(
    ("num_rows", "num_labeled", "num_classes"),
    [(1, 0, 6), (1, 1, 6), (2, 1, 6), (5, 5, 6), (16, 5, 1)],
    ids=str,
)
def test_finite_in_the_smallest_batches(num_rows: int, num_labeled: int, num_classes: int) -> None:
    case = random_case(
        num_rows=num_rows,
        num_labeled=num_labeled,
        num_classes=num_classes,
        num_seen=min(3, num_classes),
    )

    assert_finite(case, terms_of(case))


# A row and a view that only one term reads, and the settings that switch this term off.
ONLY_READERS: list[tuple[str, int, int, dict[str, Any]]] = [
    ("uc", 2, -1, {"eta2": 0.0}),
    ("pc", 2, 0, {"eta1": 0.0, "uc_neg": "low_confidence"}),
    ("entropy", 0, -1, {"w_entropy": 0.0}),
]


@pytest.mark.parametrize(("name", "view", "row", "off"), ONLY_READERS)
@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_a_term_of_weight_zero_is_exactly_nothing_even_where_it_is_not_finite(
    name: str, view: int, row: int, off: dict[str, Any], value: float
) -> None:
    case = random_case(num_rows=17)
    assert not terms_of(case).mask[-1]
    bad = spoilt(case, view, row, value)

    terms, whole = terms_of(bad, **off), terms_of(case, **off)

    assert math.isnan(getattr(terms, name).item())  # reported as it is
    assert terms.total.item() == whole.total.item()
    for found, wanted in zip(
        gradients(bad, terms.total), gradients(case, whole.total), strict=True
    ):
        assert torch.equal(found, wanted)
    assert math.isnan(
        terms_of(bad, **{**off, "eta1": 1.0, "eta2": 1.0, "w_entropy": 1.0}).total.item()
    )


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float32, torch.float64])
def test_computed_in_at_least_single_precision(dtype: torch.dtype) -> None:
    case = random_case(dtype=dtype)

    terms = terms_of(case)

    wanted = torch.float64 if dtype == torch.float64 else torch.float32
    floats = [getattr(terms, f.name) for f in dataclasses.fields(terms)]
    assert {t.dtype for t in floats if t.is_floating_point()} == {wanted}
    assert gradients(case, terms.total)[2].dtype == dtype
    assert_finite(case, terms)


def test_autocast_changes_nothing() -> None:
    case = random_case(dtype=torch.float32)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        under = terms_of(case)

    assert torch.equal(under.total, terms_of(case).total)


@pytest.mark.parametrize(
    ("contrast_norm", "rows", "shape"),
    [("cosine", "batch", "linear"), ("dot", "low_confidence", "step"), ("dot", "batch", "cosine")],
)
def test_no_value_is_read_on_the_way(contrast_norm: str, rows: str, shape: str) -> None:
    with FakeTensorMode():
        views = [torch.empty(6, 4, requires_grad=True) for _ in range(3)]
        case = Case((views[0], views[1], views[2]), torch.empty(2, dtype=torch.int64), 2, 0.3)
        terms = terms_of(
            case, contrast_norm=contrast_norm, uc_norm=rows, uc_neg=rows, lambda_novel_shape=shape
        )
        terms.total.backward()  # type: ignore[no-untyped-call]
        assert terms.total.shape == ()


def test_reading_a_value_would_be_seen() -> None:
    with FakeTensorMode(), pytest.raises(DataDependentOutputException):
        torch.empty(6, 4).max().item()


@pytest.mark.gpu
def test_no_host_synchronisation_on_a_gpu() -> None:
    if not torch.cuda.is_available():
        pytest.skip("no CUDA device")
    cpu = random_case(dtype=torch.float32)
    views = tuple(v.detach().cuda().requires_grad_() for v in cpu.views)
    case = Case((views[0], views[1], views[2]), cpu.labels.cuda(), cpu.num_seen, cpu.progress)
    hyper = Hyper.of(LPSConfig(), "cuda", torch.float32)
    progress = torch.tensor(case.progress, device="cuda")
    torch.cuda.set_sync_debug_mode("error")
    try:
        terms = lps_terms(
            *case.views, case.labels, hyper, num_seen=case.num_seen, progress=progress
        )
        terms.total.backward()  # type: ignore[no-untyped-call]
    finally:
        torch.cuda.set_sync_debug_mode("default")
    assert terms.total.item() == pytest.approx(terms_of(cpu).total.item(), rel=1e-4)
