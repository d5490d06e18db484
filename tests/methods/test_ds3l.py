"""Both levels of DS3L against slow ones, closed forms and finite differences, and defects."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from types import ModuleType
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from lps_sweep.errors import BadInputError
from lps_sweep.methods.ds3l import DS3LConfig, core, weights
from lps_sweep.methods.ds3l.core import LowerTerms, lower_terms, ramp, row_weights, upper_terms
from lps_sweep.methods.ds3l.weights import WeightNetwork
from lps_sweep.methods.hyper import Hyper
from tests.methods import ds3l_reference as slow
from tests.methods.golden import ds3l as golden
from tests.methods.golden.cases import FILE, difference, load
from tests.methods.golden.comparing import TOLERANCE
from tests.methods.mutated import mutated

CASES = [case for case in load(FILE) if case["method"] == "ds3l"]
LABELS = torch.tensor([2, 0])
NUM_SEEN, FEATURE_DIM, WIDTH = 3, 2, 2


def randoms(*shape: int, seed: int) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def linear(parameters: Mapping[str, Tensor], views: Sequence[Tensor]) -> list[Tensor]:
    return [F.linear(view, parameters["weight"], parameters["bias"]) for view in views]


def classifier() -> dict[str, Tensor]:
    return {
        "weight": randoms(NUM_SEEN, FEATURE_DIM, seed=1).requires_grad_(),
        "bias": randoms(NUM_SEEN, seed=2).requires_grad_(),
    }


def network() -> WeightNetwork:
    made = WeightNetwork(NUM_SEEN, WIDTH, torch.Generator()).double()
    for seed, weight in enumerate(made.parameters()):
        weight.data.copy_(randoms(*weight.shape, seed=10 + seed))
    return made


def flat(tensors: Sequence[Tensor]) -> list[float]:
    return [number for tensor in tensors for number in tensor.flatten().tolist()]


@pytest.mark.parametrize("labeled_norm", ["batch", "labeled"])
def test_both_levels_are_those_of_the_slow_reference(labeled_norm: str) -> None:
    passes = (2 * randoms(5, 2, seed=20), 2 * randoms(5, 2, seed=21), randoms(2, 2, seed=22))
    theta, phi = classifier(), network()
    hyper = Hyper.of(
        DS3LConfig(virtual_lr=2.0, labeled_norm=labeled_norm),  # type: ignore[arg-type]
        "cpu",
        torch.float64,
    )
    given = slow.Setting(
        first=passes[0].tolist(),
        second=passes[1].tolist(),
        third=passes[2].tolist(),
        labels=LABELS.tolist(),
        num_seen=NUM_SEEN,
        width=WIDTH,
        coefficient=6.0,
        virtual_lr=2.0,
        labeled_rows_only=labeled_norm == "labeled",
    )
    numbers = flat([*theta.values()]), flat([*phi.parameters()])
    coefficient = torch.tensor(6.0, dtype=torch.float64)

    terms = upper_terms(linear, theta, passes, LABELS, phi, coefficient, hyper)
    slope = torch.autograd.grad(terms.upper, [*phi.parameters()], retain_graph=True)

    targets = slow.slow_targets(numbers[0], given)
    assert terms.lower.total.item() == pytest.approx(
        slow.slow_lower(*numbers, given, targets), abs=1e-12
    )
    assert terms.weights.tolist() == pytest.approx(
        [slow.slow_weight(numbers[1], p, WIDTH) for p in targets], abs=1e-12
    )
    assert terms.upper.item() == pytest.approx(slow.slow_upper(*numbers, given), abs=1e-9)
    wanted = slow.differences(
        lambda moved: slow.slow_upper(numbers[0], moved, given), numbers[1], 1e-2
    )
    assert flat(slope) == pytest.approx(wanted, abs=1e-6)
    assert max(map(abs, wanted)) > 1e-3
    lower = torch.autograd.grad(terms.lower.total, [*theta.values()])
    inner = slow.differences(
        lambda moved: slow.slow_lower(moved, numbers[1], given, targets), numbers[0], 1e-3
    )
    assert flat(lower) == pytest.approx(inner, abs=1e-9)


def lower_of(
    first: Tensor, second: Tensor, labels: Tensor, given: Tensor, coefficient: float, **values: Any
) -> LowerTerms:
    hyper = Hyper.of(DS3LConfig(**values), "cpu", torch.float64)
    number = torch.tensor(coefficient, dtype=torch.float64)
    return lower_terms(first, second, labels, given, number, hyper)


def test_closed_form_of_the_lower_level() -> None:
    """Probabilities 3/4, 1/4 and 1/2, 1/2: a consistency of 1/16 in the unlabeled row."""
    third = math.log(3.0)
    first = torch.tensor([[0.0, 0.0], [third, 0.0]], dtype=torch.float64)
    second = torch.zeros(2, 2, dtype=torch.float64)
    weights = torch.tensor([0.3], dtype=torch.float64)

    terms = lower_of(first, second, torch.tensor([1]), weights, 8.0)

    assert terms.labeled.item() == pytest.approx(math.log(2) / 2, abs=1e-12)
    assert terms.consistency.tolist() == pytest.approx([1 / 16], abs=1e-12)
    assert terms.total.item() == pytest.approx(math.log(2) / 2 + 0.5, abs=1e-12)
    other = lower_of(first, second, torch.tensor([1]), weights, 8.0, labeled_norm="labeled")
    assert other.labeled.item() == pytest.approx(math.log(2), abs=1e-12)


@pytest.mark.parametrize(
    ("step", "wanted"),
    [(0.0, 3 * math.exp(-5)), (50.0, 3 * math.exp(-1.25)), (100.0, 3.0), (250.0, 3.0)],
)
def test_the_ramp_ends_at_its_length(step: float, wanted: float) -> None:
    numbers = (torch.tensor(x, dtype=torch.float64) for x in (step, 100.0, 3.0))

    assert ramp(*numbers).item() == pytest.approx(wanted, abs=1e-12)


@pytest.mark.parametrize(("num_rows", "num_labeled"), [(4, 4), (3, 0), (1, 1), (0, 0)])
@pytest.mark.parametrize("scale", [1.0, 1e4])
def test_degenerate_batches_are_finite(num_rows: int, num_labeled: int, scale: float) -> None:
    views = [(scale * randoms(num_rows, 3, seed=s)).requires_grad_() for s in (0, 1)]
    labels = torch.zeros(num_labeled, dtype=torch.int64)
    given = row_weights(network(), views[0], num_labeled)

    terms = lower_of(views[0], views[1], labels, given, 10.0)
    found = torch.autograd.grad(terms.total, views, create_graph=True)

    assert terms.total.isfinite()
    assert all(bool(gradient.isfinite().all()) for gradient in found)


def test_weights_that_are_all_zero_leave_the_labeled_term() -> None:
    views = [randoms(5, 3, seed=s).requires_grad_() for s in (0, 1)]
    given = torch.zeros(3, dtype=torch.float64, requires_grad=True)

    terms = lower_of(views[0], views[1], LABELS, given, 10.0)
    (slope,) = torch.autograd.grad(terms.total, given)

    assert terms.total.item() == terms.labeled.item()
    assert slope.tolist() == pytest.approx((10 * terms.consistency).tolist())


def test_a_coefficient_of_zero_is_exact_even_beside_nan() -> None:
    first, second = randoms(5, 3, seed=0), randoms(5, 3, seed=1)
    second[4] = math.nan

    terms = lower_of(first, second, LABELS, torch.ones(3, dtype=torch.float64), 0.0)

    assert terms.total.item() == terms.labeled.item()


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_is_computed_in_float32(dtype: torch.dtype) -> None:
    first, second = (randoms(5, 3, seed=s).to(dtype) for s in (0, 1))
    phi = network().float()
    given = row_weights(phi, first, 2)
    hyper = Hyper.of(DS3LConfig(), "cpu", torch.float32)

    found = lower_terms(first, second, LABELS, given, torch.tensor(1.0), hyper)

    assert given.dtype == found.total.dtype == torch.float32
    single = lower_terms(first.float(), second.float(), LABELS, given, torch.tensor(1.0), hyper)
    assert torch.equal(found.total, single.total)
    assert torch.equal(given, row_weights(phi, first.float(), 2))


def test_a_virtual_step_of_no_length_teaches_the_weights_nothing() -> None:
    passes = (randoms(5, 2, seed=20), randoms(5, 2, seed=21), randoms(2, 2, seed=22))
    phi, theta = network(), classifier()
    hyper = Hyper.of(DS3LConfig(virtual_lr=0.0), "cpu", torch.float64)

    terms = upper_terms(linear, theta, passes, LABELS, phi, torch.tensor(5.0).double(), hyper)

    assert terms.upper.item() == F.cross_entropy(linear(theta, passes[2:])[0], LABELS).item()
    slope = torch.autograd.grad(terms.upper, [*phi.parameters()])
    assert not any(bool(gradient.any()) for gradient in slope)


MUTATIONS: dict[str, tuple[ModuleType, str, str]] = {
    "labeled term subtracted": (core, "total = labeled + ", "total = -labeled + "),
    "consistency subtracted": (
        core,
        "labeled + weighted_sum(coefficient",
        "labeled - weighted_sum(coefficient",
    ),
    "labeled rows alone": (core, 'hyper.labeled_norm == "batch"', "False"),
    "target with gradient": (core, "first[num_labeled:].detach()", "first[num_labeled:]"),
    "target of the second pass": (
        core,
        "torch.softmax(first[num_labeled:].detach(), dim=1)",
        "torch.softmax(second[num_labeled:].detach(), dim=1).roll(1, 0)",
    ),
    "second pass without gradient": (
        core,
        "(torch.softmax(second[num_labeled:], dim=1) -",
        "(torch.softmax(second[num_labeled:].detach(), dim=1) -",
    ),
    "sum over classes": (core, ".square().mean(dim=1)", ".square().sum(dim=1)"),
    "distance of order one": (core, ".square().mean", ".abs().mean"),
    "labeled rows for unlabeled": (core, "second[num_labeled:]", "second[:-num_labeled]"),
    "weights not divided by their sum": (core, "torch.where(mass > 0, mass, 1.0)", "1.0"),
    "sum without gradient": (core, "mass = weights.sum()", "mass = weights.sum().detach()"),
    "mean over rows": (core, "mass = weights.sum()", "mass = (weights * 0 + 1).sum()"),
    "weights' input without gradient": (
        core,
        "network(torch.softmax(first[num_labeled:], dim=1))",
        "network(torch.softmax(first[num_labeled:], dim=1).detach())",
    ),
    "logits for probabilities": (
        core,
        "network(torch.softmax(first[num_labeled:], dim=1))",
        "network(first[num_labeled:])",
    ),
    "weights of the second pass": (
        core,
        "row_weights(network, first, labels",
        "row_weights(network, second, labels",
    ),
    "first order": (core, "create_graph=True", "retain_graph=True"),
    "ascent": (core, "weight - hyper.virtual_lr", "weight + hyper.virtual_lr"),
    "upper level without a virtual step": (core, "forward(virtual, ", "forward(parameters, "),
    "linear ramp": (core, "clamp(max=1.0)) ** 2", "clamp(max=1.0))"),
    "slower ramp": (core, "RAMP_RATE = 5.0", "RAMP_RATE = 4.0"),
    "weights beyond 1": (weights, "torch.sigmoid(", "torch.exp("),
    "no hidden bend": (
        weights,
        "torch.relu(self.hidden(probabilities))",
        "self.hidden(probabilities)",
    ),
    "plain descent of the weights": (
        weights,
        "torch.optim.Adam(network.parameters(), lr=rate, fused=True)",
        "torch.optim.SGD(network.parameters(), lr=rate)",
    ),
}


@pytest.mark.parametrize("name", MUTATIONS)
def test_a_mutation_is_seen(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    wrong = mutated(*MUTATIONS[name])
    known = ("lower_terms", "ramp", "row_weights", "upper_terms", "WeightNetwork")
    for part in (*known, "weight_optimizer"):
        if hasattr(wrong, part):
            monkeypatch.setattr(golden, part, getattr(wrong, part))

    assert max(difference(case)[0] for case in CASES) > TOLERANCE


@pytest.mark.parametrize(
    "values",
    [
        {"lambda_max": -1.0},
        {"ramp_share": 0.0},
        {"weight_width": 0},
        {"labeled_norm": "rows"},
        {"rejection_score": "entropy"},
    ],
)
def test_values_out_of_range_are_refused(values: dict[str, Any]) -> None:
    with pytest.raises(BadInputError, match=next(iter(values))):
        DS3LConfig(**values)
