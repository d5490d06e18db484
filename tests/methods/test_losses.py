"""Every loss: its definition, finite values, weights of zero, precision, and no waiting."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Sequence
from types import ModuleType
from typing import Any

import pytest
import torch
from torch import Tensor
from torch._subclasses.fake_tensor import DataDependentOutputException, FakeTensorMode

from lps_sweep.methods import METHODS, objective_class
from tests.methods.losses import LOSSES
from tests.methods.losses.base import Case, Loss, is_finite
from tests.methods.losses.slow import differences
from tests.mutants import mutant

LARGE = 200.0


def each(of: Callable[[Loss], Sequence[Any]]) -> list[tuple[str, int]]:
    """The places of a list that every loss has."""
    return [(name, place) for name, loss in LOSSES.items() for place in range(len(of(loss)))]


def test_every_method_that_trains_has_a_loss_here() -> None:
    assert LOSSES.keys() == {name for name in METHODS if objective_class(name).views}


@functools.cache
def compared(name: str, setting: int, batch: int) -> tuple[Case, dict[str, Any], list[Any]]:
    """A batch, the values by the definition, and gradients by its finite differences.

    Of the first batch or with the first setting; the others have no gradients.
    """
    loss = LOSSES[name]
    case, values = loss.case(**loss.batches[batch]), loss.settings[setting]
    given, terms = loss.slow(case, **values)
    gradients = []
    if 0 in (setting, batch):
        gradients = differences(lambda *x: terms(*x)["total"], case.matrices())
    return case, {**given, **terms(*case.matrices())}, gradients


def check(name: str, of: ModuleType, setting: int, batch: int) -> None:
    case, values, gradients = compared(name, setting, batch)
    loss = LOSSES[name]
    terms = loss.terms(case, of, **loss.settings[setting])
    for key, wanted in values.items():
        found = getattr(terms, key)
        close(torch.stack(found) if isinstance(found, tuple) else found, wanted, 1e-9, key)
    if gradients:
        triples = zip(case.leaves, case.gradients(terms.total), gradients, strict=True)
        for leaf, found, wanted in triples:
            close(found, wanted, 1e-7, leaf)


def check_all(name: str, of: ModuleType) -> None:
    for batch in range(len(LOSSES[name].batches)):
        for setting in range(len(LOSSES[name].settings)):
            check(name, of, setting, batch)


def close(found: Tensor, wanted: Any, within: float, name: str) -> None:
    right = torch.tensor(wanted, dtype=torch.float64).reshape(found.shape)
    assert torch.allclose(found.double(), right, rtol=0, atol=within), name


@pytest.mark.parametrize(("name", "batch"), each(lambda loss: loss.batches))
def test_values_and_gradients_are_those_of_the_definition(name: str, batch: int) -> None:
    for setting in range(len(LOSSES[name].settings)):
        check(name, LOSSES[name].module, setting, batch)


@pytest.mark.parametrize("name", LOSSES)
def test_the_batches_hold_what_a_defect_could_hide_in(name: str) -> None:
    loss = LOSSES[name]
    terms = loss.of(loss.case(), **loss.settings[0])
    if hasattr(terms, "mask"):
        assert terms.mask.any()
        assert not terms.mask.all()
        assert len(set(terms.pseudo_labels[terms.mask].tolist())) > 1
    if hasattr(terms, "partners"):
        itself = terms.partners[len(loss.case().labels) :] == torch.arange(5, 11)
        assert itself.any()
        assert not itself.all()


@pytest.mark.parametrize(("name", "defect"), each(lambda loss: loss.defects))
def test_a_planted_defect_is_seen(name: str, defect: int) -> None:
    loss = LOSSES[name]
    wrong = mutant(loss.module, *loss.defects[defect].split(" => "))

    with pytest.raises((AssertionError, RuntimeError)):
        check_all(name, wrong)


@pytest.mark.parametrize("size", [(0, 0), (1, 0), (1, 1), (6, 0), (6, 1), (6, 6)])
@pytest.mark.parametrize("name", LOSSES)
def test_degenerate_batches_are_finite(name: str, size: tuple[int, int]) -> None:
    loss = LOSSES[name]
    for scale in (0.0, 1.0, LARGE):
        for dtype in (torch.float32, torch.float64):
            if size[0] >= loss.fewest:
                case = loss.case(*size, scale=scale).to(dtype)
                assert all(is_finite(case, loss.of(case, **v)) for v in loss.settings)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize(("name", "off"), each(lambda loss: loss.off))
def test_a_weight_of_zero_is_exact_even_where_the_term_is_not_finite(
    name: str, off: int, value: float
) -> None:
    loss = LOSSES[name]
    case, (values, places) = loss.case(), loss.off[off]
    bad = case.spoilt(places, value)

    found, wanted = loss.of(bad, **values), loss.of(case, **values)

    assert found.total.item() == wanted.total.item()
    assert math.isfinite(found.total.item())
    pairs = zip(bad.gradients(found.total), case.gradients(wanted.total), strict=True)
    assert all(torch.equal(one, other) for one, other in pairs)
    assert not math.isnan(value) or loss.of(bad).total.item() != loss.of(case).total.item()


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float32])
@pytest.mark.parametrize("name", LOSSES)
def test_computed_in_at_least_single_precision(name: str, dtype: torch.dtype) -> None:
    loss = LOSSES[name]
    half = loss.case().to(dtype)
    total = loss.of(half).total

    assert total.dtype == torch.float32
    assert torch.equal(loss.of(half.to(torch.float32)).total, total)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert torch.equal(loss.of(half).total, total)
    assert {g.dtype for g in half.gradients(total)} == {dtype}


@pytest.mark.parametrize("name", LOSSES)
def test_no_value_is_read_on_the_way(name: str) -> None:
    loss = LOSSES[name]
    with FakeTensorMode() as mode:
        case = loss.case().to(torch.float32).mapped(mode.from_tensor)
        for values in loss.settings:
            terms = loss.of(case, **values)
            case.gradients(terms.total)
            assert terms.total.shape == ()


def test_reading_a_value_would_be_seen() -> None:
    with FakeTensorMode(), pytest.raises(DataDependentOutputException):
        torch.empty(6, 4).max().item()
