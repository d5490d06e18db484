"""The loss of DTC against its definition, and planted defects that this must see."""

from __future__ import annotations

import itertools
import math
from types import ModuleType
from typing import get_args

import pytest
import torch
from torch import Tensor
from torch._subclasses.fake_tensor import FakeTensorMode

from lps_sweep.methods.dtc import core
from tests.methods.dtc_cases import (
    LEAVES,
    Case,
    Other,
    gradients,
    moved_by,
    random_case,
    slow_of,
    slow_targets_of,
    targets_of,
    terms_of,
    weights_of,
)
from tests.methods.dtc_reference import slow_ensemble
from tests.methods.mutated import mutated

WEIGHTS = (0.3, 1.0, 2.0)
TERMS = ("cross_entropy", "sharpening", "consistency", "total")


def check_loss(of: ModuleType, other: Other) -> None:
    """Values by the definition; gradients by its finite differences, with the targets fixed."""
    case = random_case()
    terms, targets = terms_of(case, WEIGHTS, other=other, of=of), slow_targets_of(case)
    slow = slow_of(case, targets, other)
    for name in ("cross_entropy", "sharpening", "consistency"):
        assert getattr(terms, name).item() == pytest.approx(getattr(slow, name), abs=1e-12), name

    def total(of_case: Case) -> float:
        parts = slow_of(of_case, targets, other)
        return 0.3 * parts.cross_entropy + parts.sharpening + 2.0 * parts.consistency

    assert terms.total.item() == pytest.approx(total(case), abs=1e-12)
    for name, gradient in zip(LEAVES, gradients(case, terms.total), strict=True):
        for place in itertools.product(*map(range, gradient.shape)):
            above, below = (moved_by(case, name, place, step) for step in (1e-6, -1e-6))
            wanted = (total(above) - total(below)) / 2e-6
            assert gradient[place].item() == pytest.approx(wanted, abs=1e-8), (name, place)


def check_ensemble(of: ModuleType) -> None:
    epochs = list(torch.rand(3, 5, 4, dtype=torch.float64))
    ensemble = torch.zeros(5, 4, dtype=torch.float64)
    for count, assignments in enumerate(epochs, start=1):
        ensemble = of.moved(ensemble, assignments, 0.6)
        found = of.corrected(ensemble, 0.6, torch.tensor(count).double())
        wanted = slow_ensemble([epoch.tolist() for epoch in epochs[:count]], 0.6)
        torch.testing.assert_close(
            found, torch.tensor(wanted, dtype=torch.float64), atol=1e-12, rtol=0
        )


def check(of: ModuleType) -> None:
    for other in get_args(Other):
        check_loss(of, other)
    check_ensemble(of)


@pytest.mark.parametrize("other", get_args(Other))
def test_values_and_gradients_are_those_of_the_definition(other: Other) -> None:
    check_loss(core, other)


def test_the_ensemble_is_the_weighted_mean_of_the_epochs() -> None:
    check_ensemble(core)
    nothing = torch.zeros(2, 3)
    assert torch.equal(core.corrected(nothing, 0.6, torch.tensor(0.0)), nothing)
    newest = core.corrected(core.moved(nothing, nothing + 0.5, 0.0), 0.0, torch.tensor(1.0))
    assert torch.equal(newest, nothing + 0.5)


DEFECTS = {
    "distance_not_squared": ("sum(2)\n", "sum(2).sqrt()\n"),
    "twice_the_exponent": ("-torch.log1p(squares)", "-2 * torch.log1p(squares)"),
    "without_the_one": ("torch.log1p(squares)", "torch.log(squares)"),
    "no_frequency": (" / assignments.sum(0).clamp(min=smallest)", ""),
    "frequency_of_squares": ("assignments.sum(0)", "assignments.square().sum(0)"),
    "targets_not_normalised": (" / weights.sum(1, keepdim=True).clamp(min=smallest)", ""),
    "targets_with_gradient": ("@torch.no_grad()\n", ""),
    "divided_by_rows_alone": ("values.numel()", "values.shape[0]"),
    "cross_entropy_for_kl": ("torch.xlogy(targets, targets) - ", "0.0 - "),
    "wrong_sign": ("- targets * frozen", "+ targets * frozen"),
    "second_view_without_gradient": (
        "(frozen_unless(consistent, x) for",
        "(x.detach() for",
    ),
    "first_view_without_gradient": (
        "frozen_unless(consistent, log_q).exp()",
        "log_q.detach().exp()",
    ),
    "centres_without_gradient": (
        "frozen_unless(sharpened | consistent, centres)",
        "centres.detach()",
    ),
    "consistency_of_logarithms": ("(consistent, log_q).exp()", "(consistent, log_q)"),
    "consistency_not_squared": (" - ensemble).square()", " - ensemble).abs()"),
    "weights_exchanged": (
        "[weights.supervised, weights.sharpening, weights.consistency]",
        "[weights.supervised, weights.consistency, weights.sharpening]",
    ),
    "ensemble_of_the_other_share": (
        "decay * ensemble + (1 - decay)",
        "(1 - decay) * ensemble + decay",
    ),
    "ensemble_not_corrected": ("ensemble / (1 - decay**num_epochs)", "ensemble"),
    "corrected_an_epoch_late": ("decay**num_epochs", "decay ** (num_epochs + 1)"),
}


@pytest.mark.parametrize("name", DEFECTS)
def test_a_planted_defect_is_seen(name: str) -> None:
    wrong = mutated(core, *DEFECTS[name])

    with pytest.raises(AssertionError):
        check(wrong)


def test_equal_distances_give_equal_shares() -> None:
    centres = torch.eye(4)

    q = core.log_assignments(torch.zeros(2, 4), centres).exp()

    assert q.flatten().tolist() == pytest.approx([0.25] * 8)
    assert core.target_distribution(q).flatten().tolist() == pytest.approx([0.25] * 8)
    near = core.log_assignments(torch.tensor([[1.0, 0.0]]), torch.tensor([[1.0, 0.0], [0.0, 0.0]]))
    assert near.exp().tolist()[0] == pytest.approx([2 / 3, 1 / 3])


def test_targets_are_sharper_and_favour_small_clusters() -> None:
    q = torch.tensor([[0.6, 0.4], [0.9, 0.1], [0.9, 0.1]], dtype=torch.float64)

    p = core.target_distribution(q)

    assert p[0].tolist() == pytest.approx([0.36 / 2.4 / (0.36 / 2.4 + 0.16 / 0.6), 0.64], abs=1e-3)
    assert p[1, 0] > q[1, 0]


def test_a_cluster_of_nobody_is_nobodys_target() -> None:
    q = torch.tensor([[1.0, 0.0], [1.0, 0.0]])

    assert core.target_distribution(q).tolist() == q.tolist()


@pytest.mark.parametrize(("num_rows", "num_labeled"), [(0, 3), (4, 0), (1, 1), (0, 0)])
@pytest.mark.parametrize("other", get_args(Other))
def test_degenerate_batches_are_finite(num_rows: int, num_labeled: int, other: Other) -> None:
    case = random_case(num_rows, num_labeled)

    terms = terms_of(case, WEIGHTS, other=other)

    assert all(math.isfinite(getattr(terms, name).item()) for name in TERMS)
    assert all(bool(gradient.isfinite().all()) for gradient in gradients(case, terms.total))
    assert num_rows or terms.sharpening.item() == terms.consistency.item() == 0
    assert num_labeled or terms.cross_entropy.item() == 0


def test_a_row_on_its_centre_and_far_rows_are_finite() -> None:
    outputs = torch.tensor([[0.0, 0.0], [1e15, -1e15]], requires_grad=True)
    centres = torch.tensor([[0.0, 0.0], [1.0, 2.0]], requires_grad=True)

    log_q = core.log_assignments(outputs, centres)
    log_q.sum().backward()  # type: ignore[no-untyped-call]

    assert log_q[1].exp().tolist() == pytest.approx([0.5, 0.5])
    for leaf in (outputs, centres):
        assert leaf.grad is not None
        assert bool(leaf.grad.isfinite().all())


# Weights that switch terms off, and leaves that only these read.
OFF: list[tuple[tuple[float, float, float], tuple[str, ...]]] = [
    ((1.0, 0.0, 0.0), ("outputs", "centres", "second")),
    ((0.0, 1.0, 2.0), ("seen_logits",)),
    ((1.0, 1.0, 0.0), ("second",)),
]


@pytest.mark.parametrize(("weights", "names"), OFF)
@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_a_weight_of_zero_is_exact_even_where_the_term_is_not_finite(
    weights: tuple[float, float, float], names: tuple[str, ...], value: float
) -> None:
    case, targets = random_case(), targets_of(random_case())

    def loss(of_case: Case) -> core.LossTerms:
        return core.dtc_loss(
            of_case.outputs,
            of_case.centres,
            targets,
            weights_of(*weights),
            seen_logits=of_case.seen_logits,
            labels=of_case.labels,
            second=of_case.second,
        )

    bad = case
    for name in names:
        bad = moved_by(bad, name, (0, 0), value)
    found, wanted = loss(bad), loss(case)

    assert found.total.item() == wanted.total.item()
    assert math.isfinite(found.total.item())
    pairs = zip(LEAVES, gradients(bad, found.total), gradients(case, wanted.total), strict=True)
    for name, one, other in pairs:
        assert torch.equal(one, other)
        assert name not in names or not one.any()


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float32])
def test_computed_in_at_least_single_precision(dtype: torch.dtype) -> None:
    case = random_case()

    def loss() -> Tensor:
        return core.dtc_loss(
            case.outputs.to(dtype),
            case.centres.float(),
            targets_of(case).float(),
            core.Weights(*torch.ones(3)),
            seen_logits=case.seen_logits.to(dtype),
            labels=case.labels,
            second=case.second.to(dtype),
        ).total

    total = loss()
    assert total.dtype == torch.float32
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert torch.equal(loss(), total)


def test_no_value_is_read_on_the_way() -> None:
    with FakeTensorMode():
        rows = torch.empty(6, 3, requires_grad=True)
        terms = core.dtc_loss(
            rows,
            torch.empty(4, 3, requires_grad=True),
            core.target_distribution(torch.empty(6, 4)),
            core.Weights(*torch.empty(3).unbind()),
            seen_logits=torch.empty(2, 2, requires_grad=True),
            labels=torch.empty(2, dtype=torch.int64),
            ensemble=core.corrected(torch.empty(6, 4), 0.6, torch.empty(())),
        )
        terms.total.backward()  # type: ignore[no-untyped-call]
        assert terms.total.shape == ()
