"""The upper level of DS3L against a slow one by finite differences, its ramp, and defects."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from types import ModuleType
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from lps_sweep.methods.ds3l import DS3LConfig, core, weights
from lps_sweep.methods.ds3l.core import UpperTerms, ramp, row_weights, upper_terms
from lps_sweep.methods.ds3l.weights import WeightNetwork
from lps_sweep.methods.hyper import Hyper
from tests.methods.golden import ds3l as golden
from tests.methods.golden.cases import FILE, difference, load
from tests.methods.golden.comparing import TOLERANCE
from tests.methods.losses import LOSSES
from tests.methods.losses.base import Case
from tests.methods.losses.slow import Matrix, cross_entropy, softmax
from tests.mutants import mutant

CASES = [case for case in load(FILE) if case["method"] == "ds3l"]
LABELS, NUM_SEEN, WIDTH = [2, 0], 3, 2
COEFFICIENT, RATE = 6.0, 2.0
Vector = list[float]


def randoms(*shape: int, seed: int) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


PASSES = (2 * randoms(5, 2, seed=20), 2 * randoms(5, 2, seed=21), randoms(2, 2, seed=22))


def linear(parameters: Mapping[str, Tensor], views: Sequence[Tensor]) -> list[Tensor]:
    return [F.linear(view, parameters["weight"], parameters["bias"]) for view in views]


def classifier() -> dict[str, Tensor]:
    return {
        "weight": randoms(NUM_SEEN, 2, seed=1).requires_grad_(),
        "bias": randoms(NUM_SEEN, seed=2).requires_grad_(),
    }


def network() -> WeightNetwork:
    made = WeightNetwork(NUM_SEEN, WIDTH, torch.Generator()).double()
    for seed, weight in enumerate(made.parameters()):
        weight.data.copy_(randoms(*weight.shape, seed=10 + seed))
    return made


def terms_of(theta: dict[str, Tensor], phi: WeightNetwork, **values: Any) -> UpperTerms:
    hyper = Hyper.of(DS3LConfig(**values), "cpu", torch.float64)
    coefficient = torch.tensor(COEFFICIENT, dtype=torch.float64)
    return upper_terms(linear, theta, PASSES, torch.tensor(LABELS), phi, coefficient, hyper)


def flat(tensors: Sequence[Tensor]) -> Vector:
    return [number for tensor in tensors for number in tensor.flatten().tolist()]


def affine(numbers: Vector, num_outputs: int, rows: Matrix) -> Matrix:
    """Of weights (num_outputs, d) and biases in one row of numbers."""
    d = len(rows[0])
    return [
        [
            sum(numbers[k * d + j] * x[j] for j in range(d)) + numbers[num_outputs * d + k]
            for k in range(num_outputs)
        ]
        for x in rows
    ]


def slow_weights(phi: Vector, rows: Matrix) -> Vector:
    """Of rows of probabilities."""
    split = WIDTH * NUM_SEEN + WIDTH
    hidden = [[max(v, 0.0) for v in row] for row in affine(phi[:split], WIDTH, rows)]
    return [1 / (1 + math.exp(-row[0])) for row in affine(phi[split:], 1, hidden)]


def slow_upper(theta: Vector, phi: Vector, labeled_norm: str) -> float:
    """The labeled loss after the virtual step, by the slow lower level."""
    first, second, third = (view.tolist() for view in PASSES)
    logits = torch.tensor(affine(theta, NUM_SEEN, first), dtype=torch.float64)
    case = Case({"first": logits}, torch.tensor(LABELS))
    _, lower = LOSSES["ds3l"].slow(case, coefficient=COEFFICIENT, labeled_norm=labeled_norm)

    def lower_of(moved: Vector) -> float:
        one, other = (affine(moved, NUM_SEEN, rows) for rows in (first, second))
        w = slow_weights(phi, [softmax(z) for z in one[2:]])
        return lower(one, other, [w])["total"]

    slope = differences(lower_of, theta, 1e-3)
    virtual = [a - RATE * b for a, b in zip(theta, slope, strict=True)]
    return cross_entropy(affine(virtual, NUM_SEEN, third), LABELS)


def differences(function: Callable[[Vector], float], x: Vector, h: float) -> Vector:
    """The gradient by central differences of fourth order."""
    found = []
    for i in range(len(x)):
        at = [function([*x[:i], x[i] + k * h, *x[i + 1 :]]) for k in (-2, -1, 1, 2)]
        found.append((at[0] - 8 * at[1] + 8 * at[2] - at[3]) / (12 * h))
    return found


@pytest.mark.parametrize("labeled_norm", ["batch", "labeled"])
def test_the_upper_level_is_that_of_the_slow_reference(labeled_norm: str) -> None:
    theta, phi = classifier(), network()
    numbers = flat([*theta.values()]), flat([*phi.parameters()])

    terms = terms_of(theta, phi, virtual_lr=RATE, labeled_norm=labeled_norm)
    slope = torch.autograd.grad(terms.upper, [*phi.parameters()])

    rows = [softmax(z) for z in affine(numbers[0], NUM_SEEN, PASSES[0].tolist())[2:]]
    assert terms.weights.tolist() == pytest.approx(slow_weights(numbers[1], rows), abs=1e-12)
    assert terms.upper.item() == pytest.approx(slow_upper(*numbers, labeled_norm), abs=1e-9)
    wanted = differences(
        lambda moved: slow_upper(numbers[0], moved, labeled_norm), numbers[1], 1e-2
    )
    assert flat(slope) == pytest.approx(wanted, abs=1e-6)
    assert max(map(abs, wanted)) > 1e-3


def test_a_virtual_step_of_no_length_teaches_the_weights_nothing() -> None:
    phi, theta = network(), classifier()

    terms = terms_of(theta, phi, virtual_lr=0.0)

    wanted = F.cross_entropy(linear(theta, PASSES[2:])[0], torch.tensor(LABELS))
    assert terms.upper.item() == wanted.item()
    slope = torch.autograd.grad(terms.upper, [*phi.parameters()])
    assert not any(bool(gradient.any()) for gradient in slope)


@pytest.mark.parametrize(
    ("step", "wanted"),
    [(0.0, 3 * math.exp(-5)), (50.0, 3 * math.exp(-1.25)), (100.0, 3.0), (250.0, 3.0)],
)
def test_the_ramp_ends_at_its_length(step: float, wanted: float) -> None:
    numbers = (torch.tensor(x, dtype=torch.float64) for x in (step, 100.0, 3.0))

    assert ramp(*numbers).item() == pytest.approx(wanted, abs=1e-12)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_weights_of_rows_are_computed_in_single_precision(dtype: torch.dtype) -> None:
    first, phi = randoms(5, 3, seed=0).to(dtype), network().float()

    given = row_weights(phi, first, 2)

    assert given.dtype == torch.float32
    assert torch.equal(given, row_weights(phi, first.float(), 2))


INPUT = "network(torch.softmax(first[num_labeled:], dim=1))"
MUTATIONS: list[tuple[ModuleType, str]] = [
    (core, f"{INPUT} => {INPUT[:-1]}.detach())"),
    (core, f"{INPUT} => network(first[num_labeled:])"),
    (core, "row_weights(network, first, labels => row_weights(network, second, labels"),
    (core, "create_graph=True => retain_graph=True"),
    (core, "weight - hyper.virtual_lr => weight + hyper.virtual_lr"),
    (core, "forward(virtual, => forward(parameters,"),
    (core, "clamp(max=1.0)) ** 2 => clamp(max=1.0))"),
    (core, "RAMP_RATE = 5.0 => RAMP_RATE = 4.0"),
    (weights, "torch.sigmoid( => torch.exp("),
    (weights, "torch.relu(self.hidden(probabilities)) => self.hidden(probabilities)"),
    (weights, "Adam(network.parameters(), lr=rate, fused=True) => SGD(network.parameters(), rate)"),
]


@pytest.mark.parametrize(("where", "mutation"), MUTATIONS)
def test_a_mutation_is_seen(
    where: ModuleType, mutation: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    wrong = mutant(where, *mutation.split(" => "))
    parts = ("lower_terms", "ramp", "row_weights", "upper_terms", "WeightNetwork")
    for part in (*parts, "weight_optimizer"):
        if hasattr(wrong, part):
            monkeypatch.setattr(golden, part, getattr(wrong, part))

    assert max(difference(case)[0] for case in CASES) > TOLERANCE
