"""Losses of methods where pen and paper give the value."""

from __future__ import annotations

import math

import pytest
import torch
import torch.nn.functional as F

from lps_sweep.methods.nach.core import filtered_partners
from lps_sweep.methods.rankstats import core as rankstats
from tests.methods.losses import LOSSES
from tests.methods.losses.base import Case, is_finite
from tests.methods.losses.openncd import OpenNCD
from tests.methods.losses.rankstats import RankStats, slow_positive
from tests.methods.losses.simgcd import TEACHER

NONE = torch.tensor([], dtype=torch.int64)


def double(rows: list[list[float]]) -> torch.Tensor:
    return torch.tensor(rows, dtype=torch.float64)


def test_fixmatch() -> None:
    """Weak logits log 3 : log 1 are 3/4 and 1/4, strong ones 0 : 0 a half each."""
    third = math.log(3.0)
    weak, strong = double([[third, 0.0], [0.0, third], [0.0, 0.0]]), double([[0.0, 0.0]] * 3)
    case = Case({"weak": weak, "strong": strong}, torch.tensor([0]))

    terms = LOSSES["fixmatch"].of(case, threshold=0.74, lambda_u=3.0)

    assert terms.labeled.item() == pytest.approx(math.log(4 / 3), abs=1e-12)
    assert terms.unlabeled.item() == pytest.approx(math.log(2) / 2, abs=1e-12)
    assert terms.total.item() == pytest.approx(math.log(4 / 3) + 1.5 * math.log(2), abs=1e-12)
    assert terms.mask.tolist() == [True, False]
    assert terms.confidence.tolist() == pytest.approx([0.75, 0.5])


@pytest.mark.parametrize(("name", "threshold"), [("fixmatch", "threshold"), ("lps", "lambda_seen")])
def test_a_row_at_the_threshold_is_confident(name: str, threshold: str) -> None:
    loss = LOSSES[name]
    undecided = loss.case(6, 0, scale=0.0)

    assert loss.of(undecided, **{threshold: 0.25}).mask.all()
    assert not loss.of(undecided, **{threshold: 0.251}).mask.any()


def test_the_lower_level_of_ds3l() -> None:
    """Probabilities 3/4, 1/4 and 1/2, 1/2: a consistency of 1/16 in the unlabeled row."""
    leaves = {
        "first": double([[0.0, 0.0], [math.log(3.0), 0.0]]),
        "second": double([[0.0, 0.0]] * 2),
        "weights": double([[0.3]]),
    }
    case = Case(leaves, torch.tensor([1]))

    terms = LOSSES["ds3l"].of(case, coefficient=8.0)

    assert terms.labeled.item() == pytest.approx(math.log(2) / 2, abs=1e-12)
    assert terms.consistency.tolist() == pytest.approx([1 / 16], abs=1e-12)
    assert terms.total.item() == pytest.approx(math.log(2) / 2 + 0.5, abs=1e-12)
    other = LOSSES["ds3l"].of(case, coefficient=8.0, labeled_norm="labeled")
    assert other.labeled.item() == pytest.approx(math.log(2), abs=1e-12)


def test_weights_that_are_all_zero_leave_the_labeled_term_of_ds3l() -> None:
    case = LOSSES["ds3l"].case().changed(lambda name, x: 0 * x if name == "weights" else x)

    terms = LOSSES["ds3l"].of(case, coefficient=10.0)

    assert terms.total.item() == terms.labeled.item()
    bad = LOSSES["ds3l"].case().spoilt([("second", -1)], math.nan)
    off = LOSSES["ds3l"].of(bad, coefficient=0.0)
    assert off.total.item() == off.labeled.item()
    slope = case.gradients(terms.total)[2]
    assert slope[0].tolist() == pytest.approx((10 * terms.consistency).tolist())


def test_gcd_of_equal_projections() -> None:
    leaves = {"first": double([[1.0] * 3] * 5), "second": double([[2.0] * 3] * 5)}

    terms = LOSSES["gcd"].of(Case(leaves, torch.tensor([0, 1, 1])))

    assert terms.contrastive.item() == pytest.approx(math.log(9))
    assert terms.supervised_contrastive.item() == pytest.approx(math.log(5))
    assert terms.total.item() == pytest.approx(0.65 * math.log(9) + 0.35 * math.log(5))


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("gcd", {"contrastive_temperature": 0.01, "supervised_temperature": 0.001}),
        *(
            ("lps", {"tau": tau, "contrast_norm": norm})
            for tau in (0.05, 0.02)
            for norm in ("cosine", "dot")
        ),
    ],
)
@pytest.mark.parametrize("num_labeled", [0, 1, 7])
def test_small_temperatures_are_finite(
    name: str, values: dict[str, float], num_labeled: int
) -> None:
    case = LOSSES[name].case(7, num_labeled, scale=2.5).to(torch.float32)

    assert is_finite(case, LOSSES[name].of(case, **values))


def test_simgcd_with_class_weights_along_the_axes() -> None:
    loss, classes, tau = LOSSES["simgcd"], torch.arange(4), 0.1
    apart, nothing = 3 * torch.eye(4, dtype=torch.float64), torch.zeros(4, 4, dtype=torch.float64)
    others = 3 * math.exp(-1 / tau)

    def of(cosines: torch.Tensor, labels: torch.Tensor) -> Case:
        leaves = {"cosines1": cosines, "projected1": apart.clone()}
        leaves |= {"cosines2": cosines.clone(), "projected2": apart.clone()}
        return Case(leaves, labels)

    onto = F.one_hot(classes).double()
    terms = loss.of(of(onto.clone(), torch.tensor([0, 1])))

    assert terms.cross_entropy.item() == pytest.approx(math.log(1 + others))
    assert terms.mean_entropy.item() == pytest.approx(0.0, abs=1e-12)
    assert terms.contrastive.item() == pytest.approx(math.log(math.e + 6) - 1)
    weight = 1 / (1 + 3 * math.exp(-1 / TEACHER))
    wanted = math.log(1 + others) + (1 - weight) / tau
    assert terms.distillation.item() == pytest.approx(wanted)
    undecided = loss.of(of(nothing, torch.tensor([0, 1])))
    assert undecided.distillation.item() == pytest.approx(math.log(4))
    assert undecided.mean_entropy.item() == pytest.approx(0.0, abs=1e-12)
    one_class = loss.of(of(onto[[2, 2, 2, 2]] * 50, NONE))
    assert one_class.mean_entropy.item() == pytest.approx(math.log(4))


def test_openncd_of_even_assignments() -> None:
    leaves = {name: torch.zeros(7, 8, dtype=torch.float64) for name in ("first", "second")}
    case = OpenNCD().case(groups=(0, 0, 0, 0, 1, 1, 2, 3))
    labels = [1, 0, 1, 2]

    terms = LOSSES["openncd"].of(Case(leaves, torch.tensor(labels), case.more))

    sizes, log = {0: 4, 1: 2, 2: 1, 3: 1}, math.log
    assert terms.prototype.item() == pytest.approx(log(8))
    entropy = -sum(n / 8 * log(n / 8) for n in sizes.values())
    assert terms.group.item() == pytest.approx(entropy, abs=1e-6)
    classes = [-log(sizes[label] / 8) for label in labels]
    assert terms.classification.item() == pytest.approx(sum(classes) / 4, abs=1e-6)
    divergence = sum(n / 8 * log(n / 8 * 4) for n in sizes.values())
    assert terms.entropy.item() == pytest.approx(divergence + 8e-7, abs=1e-12)


def test_a_mean_assignment_that_is_the_prior_has_no_divergence() -> None:
    groups = (0, 0, 0, 1, 1, 2, 3, 3)
    prior = double([[1 / 4 / groups.count(g) for g in groups]]).log().repeat(7, 1)
    case = OpenNCD().case(groups=groups)

    terms = LOSSES["openncd"].of(case.changed(lambda n, x: prior.clone() if n == "first" else x))

    assert terms.entropy.item() == pytest.approx(8e-7, abs=1e-12)


def test_nach_of_certain_rows() -> None:
    num_rows, certain = 8, 60.0
    classes = torch.arange(num_rows) % 5
    features = F.one_hot(classes, 5).double()
    sure, even = certain * features, torch.zeros(num_rows, 5, dtype=torch.float64)
    more = {"features": features, "draws": torch.zeros(8)}
    leaves = {"weak1": sure, "weak2": sure.clone(), "strong": even}

    terms = LOSSES["nach"].of(Case(leaves, classes[:3], more))

    counts = torch.bincount(classes).double()
    assert terms.mask.all()
    assert terms.cross_entropy.item() == pytest.approx(0.0, abs=1e-12)
    assert terms.entropy.item() == pytest.approx(float((counts / 8 * (counts / 8).log()).sum()))
    # with logits of zero the aligned prediction is the class distribution itself
    assert terms.pseudo.item() == pytest.approx(-terms.entropy.item())
    # of classes 3 and 4 there is one row each, whose partner is sure of another class
    assert terms.partners.tolist() == [0, 1, 2, 0, 0, 0, 1, 2]
    assert terms.pairwise.item() == pytest.approx((certain - math.log(2)) / 4)


@pytest.mark.parametrize(
    ("name", "place", "term"), [("nach", 2, "pseudo"), ("fixmatch", 1, "unlabeled")]
)
def test_no_confident_row_gives_no_pseudo_label_term(name: str, place: int, term: str) -> None:
    case = LOSSES[name].case(scale=0.03)

    terms = LOSSES[name].of(case)

    assert not terms.mask.any()
    assert getattr(terms, term).item() == 0
    assert not case.gradients(terms.total)[place].any()


def test_a_labeled_neighbour_is_its_own_first() -> None:
    features = torch.tensor([[1.0, 0.0], [0.8, 0.6], [0.9, 0.1]])
    labels, draws = torch.tensor([0, 1]), torch.zeros(3)

    assert filtered_partners(features, labels, draws, 1).tolist() == [0, 1, 2]
    assert filtered_partners(features, labels, draws, 2).tolist() == [0, 1, 0]
    # with fewer labeled rows than the rank nothing is refused
    assert filtered_partners(features, labels[:0], draws, 1)[2] == 0
    assert filtered_partners(features, labels, draws, 3)[2] == 0
    # another labeled row is closer to the neighbour than the row itself
    closer = torch.tensor([[1.0, 0.0], [1.0, 0.05], [0.9, -0.3]])
    assert filtered_partners(closer, labels, draws, 2).tolist() == [0, 1, 2]


def test_a_product_of_known_probabilities() -> None:
    """Rows of (3/4, 1/4) and (1/4, 3/4): 5/8 of the same, 3/8 of different probability."""
    one = math.log(3.0) * torch.eye(2, dtype=torch.float64)
    positive = torch.tensor([[True, False], [False, True]])

    found = rankstats.pairwise_by_rank(one, one, positive)

    assert found.item() == pytest.approx(-math.log(5 / 8 + 1e-7), abs=1e-12)
    every = rankstats.pairwise_by_rank(one, one, torch.ones(2, 2, dtype=torch.bool))
    assert every.item() == pytest.approx(-(math.log(5 / 8) + math.log(3 / 8)) / 2, abs=1e-6)
    assert rankstats.consistency(one, one.flip(0)).item() == pytest.approx(0.25)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_a_product_of_one_and_of_zero_meet_the_floor(dtype: torch.dtype) -> None:
    logits = (1e4 * torch.eye(2, dtype=dtype)).requires_grad_()

    found = rankstats.pairwise_by_rank(logits, logits, ~torch.eye(2, dtype=torch.bool))

    assert found.item() == pytest.approx(-math.log(1e-7))
    assert bool(torch.autograd.grad(found, logits)[0].isfinite().all())


def test_the_sets_are_compared_and_not_the_order() -> None:
    features = torch.tensor([[9.0, 8, 7, 1], [7, 8, 9, 0], [9, 8, 1, 7], [1, 9, 7, 8]])

    assert rankstats.same_top(features, 3).int().tolist() == [
        [1, 1, 0, 0],
        [1, 1, 0, 0],
        [0, 0, 1, 0],
        [0, 0, 0, 1],
    ]
    assert rankstats.same_top(features, 1)[0].tolist() == [True, False, True, False]
    for topk in (4, 9):
        assert rankstats.same_top(features, topk).all()
    many = torch.randn(60, 7, generator=torch.Generator().manual_seed(0))
    assert rankstats.same_top(many, 5).tolist() == slow_positive(many.tolist(), 5)


def test_without_the_joint_phase_only_seen_classes_count() -> None:
    loss, case = RankStats(), RankStats().case()

    terms = loss.of(case, weights=(0.0, 0.0, 0.0))

    wanted = F.cross_entropy(case.leaves["first1"][:3, :2], case.labels)
    assert terms.total.item() == pytest.approx(wanted.item(), abs=1e-12)
    first1, *others = case.gradients(terms.total)
    assert first1[:3, :2].any()
    assert not first1[:, 2:].any()
    assert not any(gradient.any() for gradient in others)
