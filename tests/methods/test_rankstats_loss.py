"""The loss of RankStats against its definition, and planted defects that this must see."""

from __future__ import annotations

import dataclasses
import itertools
import math
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor
from torch._subclasses.fake_tensor import FakeTensorMode

from lps_sweep.methods.rankstats import core
from tests.methods.mutated import mutated
from tests.methods.rankstats_reference import slow_positive, slow_terms

LEAVES = ("first1", "first2", "second1", "second2", "features")
WEIGHTS = (1.0, 2.0, 0.5)
NUM_SEEN, NUM_CLUSTERS, TOPK = 2, 3, 2


@dataclass(frozen=True)
class Case:
    """Leaves are float64; features are of dimension 3, of which the two largest count."""

    first1: Tensor
    first2: Tensor
    second1: Tensor
    second2: Tensor
    features: Tensor
    labels: Tensor


def random_case(
    num_rows: int = 7, num_labeled: int = 3, *, incremental: bool = False, scale: float = 2.0
) -> Case:
    generator = torch.Generator().manual_seed(0)

    def drawn(width: int) -> Tensor:
        return torch.randn(num_rows, width, generator=generator, dtype=torch.float64)

    width = NUM_SEEN + NUM_CLUSTERS if incremental else NUM_SEEN
    first, second = scale * drawn(width), scale * drawn(NUM_CLUSTERS)
    return Case(
        first1=first.requires_grad_(),
        first2=(first.detach() + drawn(width)).requires_grad_(),
        second1=second.requires_grad_(),
        second2=(second.detach() + drawn(NUM_CLUSTERS)).requires_grad_(),
        features=drawn(3).requires_grad_(),
        labels=torch.randint(0, NUM_SEEN, (num_labeled,), generator=generator),
    )


def terms_of(
    case: Case, weights: tuple[float, float, float] = WEIGHTS, of: Any = core
) -> core.LossTerms:
    found: core.LossTerms = of.rankstats_loss(
        of.Heads(case.first1, case.second1),
        of.Heads(case.first2, case.second2),
        case.features,
        case.labels,
        of.Weights(*torch.tensor(weights, dtype=case.features.dtype)),
        num_seen=NUM_SEEN,
        topk=TOPK,
    )
    return found


def slow_of(case: Case) -> dict[str, float]:
    first1, first2, second1, second2, features = (getattr(case, n).tolist() for n in LEAVES)
    found = slow_terms(
        (first1, first2), (second1, second2), features, case.labels.tolist(), NUM_SEEN, TOPK
    )
    parts = vars(found)
    weights = zip((1.0, *WEIGHTS), parts.values(), strict=True)
    return parts | {"total": sum(weight * part for weight, part in weights)}


def gradients(case: Case, total: Tensor) -> list[Tensor]:
    leaves = [getattr(case, name) for name in LEAVES]
    return list(torch.autograd.grad(total, leaves, retain_graph=True, materialize_grads=True))


def moved_by(case: Case, name: str, place: Any, step: float) -> Case:
    changed = getattr(case, name).detach().clone()
    changed[place] += step
    return dataclasses.replace(case, **{name: changed.requires_grad_()})


def check(of: ModuleType) -> None:
    for incremental in (False, True):
        case = random_case(incremental=incremental)
        positive = slow_positive(case.features[3:].tolist(), TOPK)
        off_diagonal = sum(map(sum, positive)) - len(positive)
        assert 0 < off_diagonal < len(positive) * (len(positive) - 1)
        check_case(case, of)
    check_values(certain(), of)


def certain() -> Case:
    """All rows are of one cluster for certain, also where their top features differ."""
    case = random_case()
    second = torch.tensor([20.0, 0.0, 0.0], dtype=torch.float64).expand(7, 3)
    return dataclasses.replace(
        case,
        second1=second.clone().requires_grad_(),
        second2=second.clone().requires_grad_(),
    )


def check_values(case: Case, of: ModuleType) -> core.LossTerms:
    terms = terms_of(case, of=of)
    for name, value in slow_of(case).items():
        assert getattr(terms, name).item() == pytest.approx(value, abs=1e-8), name
    return terms


def check_case(case: Case, of: ModuleType) -> None:
    """Values by the definition; gradients by its finite differences."""
    terms = check_values(case, of)
    for name, gradient in zip(LEAVES, gradients(case, terms.total), strict=True):
        for place in itertools.product(*map(range, gradient.shape)):
            above, below = (slow_of(moved_by(case, name, place, s)) for s in (1e-6, -1e-6))
            wanted = (above["total"] - below["total"]) / 2e-6
            assert gradient[place].item() == pytest.approx(wanted, abs=1e-7), (name, place)


def test_values_and_gradients_are_those_of_the_definition() -> None:
    check(core)


_MSE = "F.mse_loss(torch.softmax(first, dim=1), torch.softmax(second, dim=1))"
_PREDICTED = "second1[num_labeled:].argmax"

DEFECTS = {
    "one feature fewer": ("min(topk, features", "min(topk - 1, features"),
    "smallest features": ("dim=1).indices", "dim=1, largest=False).indices"),
    "every pair is positive": ("> count - 0.5", "> 0.5"),
    "pairs of the first view": ("torch.softmax(second, dim=1).T", "torch.softmax(first, dim=1).T"),
    "no gradient into the second view": (
        "frozen_unless(paired, second2[num_labeled:])",
        "second2[num_labeled:].detach()",
    ),
    "labeled rows in pairs": ("features[num_labeled:], topk", "features[:-num_labeled], topk"),
    "negatives left out": ("(1 - same).clamp(min=0)", "1.0"),
    "signs exchanged": ("(positive, same,", "(~positive, same,"),
    "wrong sign": ("return -(right", "return (right"),
    "mean over rows alone": ("max(right.numel(), 1)", "right.shape[0]"),
    "self-pairs left out": ("(positive, same,", "(positive.fill_diagonal_(False), same,"),
    "smaller floor": ("FLOOR = 1e-7", "FLOOR = 1e-8"),
    "floor as clamp": ("(right + FLOOR)", "right.clamp(min=FLOOR)"),
    "consistency of logits": (_MSE, "F.mse_loss(first, second)"),
    "consistency over rows alone": (_MSE, _MSE + " * first.shape[1]"),
    "no gradient from consistency into the second view": (
        "frozen_unless(consistent, other)",
        "other.detach()",
    ),
    "consistency of the second head alone": (
        "((first1, first2), (second1, second2))",
        "((second1, second2),)",
    ),
    "novel target not shifted": ("num_seen + " + _PREDICTED, _PREDICTED),
    "novel target of the second view": (_PREDICTED, "second2[num_labeled:].argmax"),
    "novel term of labeled rows": (
        "(weights.novel != 0, first1[num_labeled:])",
        "(weights.novel != 0, first1[:-num_labeled])",
    ),
    "weights exchanged": (
        "[weights.pairwise, weights.consistency, weights.novel]",
        "[weights.consistency, weights.pairwise, weights.novel]",
    ),
    "cross-entropy of the second view": ("_labeled(first1", "_labeled(first2"),
    "novel classes closed throughout": ("is_seen | is_open", "is_seen"),
}


@pytest.mark.parametrize("name", DEFECTS)
def test_a_planted_defect_is_seen(name: str) -> None:
    wrong = mutated(core, *DEFECTS[name])

    with pytest.raises(AssertionError):
        check(wrong)


def test_a_product_of_known_probabilities() -> None:
    """Rows of (3/4, 1/4) and (1/4, 3/4): 5/8 of the same, 3/8 of different probability."""
    one = math.log(3.0) * torch.eye(2, dtype=torch.float64)
    positive = torch.tensor([[True, False], [False, True]])

    found = core.pairwise_by_rank(one, one, positive)

    assert found.item() == pytest.approx(-math.log(5 / 8 + 1e-7), abs=1e-12)
    every = core.pairwise_by_rank(one, one, torch.ones(2, 2, dtype=torch.bool))
    assert every.item() == pytest.approx(-(math.log(5 / 8) + math.log(3 / 8)) / 2, abs=1e-6)
    assert core.consistency(one, one.flip(0)).item() == pytest.approx(0.25)


def test_the_sets_are_compared_and_not_the_order() -> None:
    features = torch.tensor([[9.0, 8, 7, 1], [7, 8, 9, 0], [9, 8, 1, 7], [1, 9, 7, 8]])

    assert core.same_top(features, 3).int().tolist() == [
        [1, 1, 0, 0],
        [1, 1, 0, 0],
        [0, 0, 1, 0],
        [0, 0, 0, 1],
    ]
    assert core.same_top(features, 1)[0].tolist() == [True, False, True, False]
    for topk in (4, 9):
        assert core.same_top(features, topk).all()


def test_tops_of_many_features_agree_with_the_slow_reference() -> None:
    features = torch.randn(60, 7, generator=torch.Generator().manual_seed(0))

    assert core.same_top(features, 5).tolist() == slow_positive(features.tolist(), 5)


@pytest.mark.parametrize("incremental", [False, True])
@pytest.mark.parametrize(
    ("num_rows", "num_labeled", "scale"),
    [(1, 0, 2.0), (1, 1, 2.0), (5, 0, 2.0), (5, 5, 2.0), (5, 4, 2.0), (7, 3, 1e4), (7, 3, 0.0)],
)
def test_degenerate_batches_are_finite(
    num_rows: int, num_labeled: int, scale: float, incremental: bool
) -> None:
    case = random_case(num_rows, num_labeled, incremental=incremental, scale=scale)

    terms = terms_of(case)

    assert all(math.isfinite(value.item()) for value in vars(terms).values())
    assert all(bool(gradient.isfinite().all()) for gradient in gradients(case, terms.total))
    assert num_labeled or terms.cross_entropy.item() == 0
    assert num_labeled < num_rows or terms.pairwise.item() == 0


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_a_product_of_one_and_of_zero_meet_the_floor(dtype: torch.dtype) -> None:
    logits = (1e4 * torch.eye(2, dtype=dtype)).requires_grad_()

    found = core.pairwise_by_rank(logits, logits, ~torch.eye(2, dtype=torch.bool))
    found.backward()  # type: ignore[no-untyped-call]

    assert found.item() == pytest.approx(-math.log(1e-7))
    assert logits.grad is not None
    assert bool(logits.grad.isfinite().all())


def test_without_the_joint_phase_only_seen_classes_count() -> None:
    case = random_case(incremental=True)

    terms = terms_of(case, (0.0, 0.0, 0.0))

    wanted = F.cross_entropy(case.first1[:3, :NUM_SEEN], case.labels)
    assert terms.total.item() == pytest.approx(wanted.item(), abs=1e-12)
    first1, *others = gradients(case, terms.total)
    assert first1[:3, :NUM_SEEN].any()
    assert not first1[:, NUM_SEEN:].any()
    assert not any(gradient.any() for gradient in others)


# Weights that switch terms off, and leaves (with the rows) that only these read.
OFF: list[tuple[tuple[float, float, float], list[tuple[str, int]]]] = [
    ((0.0, 0.0, 0.0), [("first1", -1), ("first2", 0), ("second1", -1), ("second2", -1)]),
    ((1.0, 0.0, 0.5), [("first2", 0), ("second1", 0), ("second2", 0)]),
    ((1.0, 0.0, 0.0), [("first1", -1)]),
    ((0.0, 2.0, 0.0), [("features", -1)]),
]


@pytest.mark.parametrize(("weights", "places"), OFF)
@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_a_weight_of_zero_is_exact_even_where_the_term_is_not_finite(
    weights: tuple[float, float, float], places: list[tuple[str, int]], value: float
) -> None:
    case = random_case(incremental=True)
    bad = case
    for name, row in places:
        bad = moved_by(bad, name, (row, 0), value)

    found, wanted = terms_of(bad, weights), terms_of(case, weights)

    assert found.total.item() == wanted.total.item()
    for one, other in zip(gradients(bad, found.total), gradients(case, wanted.total), strict=True):
        assert torch.equal(one, other)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float32])
def test_computed_in_at_least_single_precision(dtype: torch.dtype) -> None:
    case = random_case(incremental=True)
    low = {name: getattr(case, name).detach().to(dtype) for name in LEAVES}
    case = dataclasses.replace(case, **low)

    total = terms_of(case).total

    single = {name: value.float() for name, value in low.items()}
    assert total.dtype == torch.float32
    assert total.item() == terms_of(dataclasses.replace(case, **single)).total.item()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert torch.equal(terms_of(case).total, total)


def test_no_value_is_read_on_the_way() -> None:
    with FakeTensorMode():
        heads = [
            core.Heads(torch.empty(6, 5, requires_grad=True), torch.empty(6, 3, requires_grad=True))
            for _ in range(2)
        ]
        terms = core.rankstats_loss(
            heads[0],
            heads[1],
            torch.empty(6, 8),
            torch.empty(2, dtype=torch.int64),
            core.Weights(*torch.empty(3).unbind()),
            num_seen=2,
            topk=5,
        )
        terms.total.backward()  # type: ignore[no-untyped-call]
        assert terms.total.shape == ()
