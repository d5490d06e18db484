from __future__ import annotations

import dataclasses
import math
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from lps_sweep.methods.hyper import Hyper
from lps_sweep.methods.nach import NACHConfig, core
from tests.methods.nach_cases import (
    NUM_SEEN,
    Case,
    check,
    fixed_of,
    gradients,
    random_case,
    terms_of,
)
from tests.mutants import mutant

THRESHOLDS = (0.95, 0.75)
"""Seen and novel, at the gap of 0.1 that `terms_of` has."""


def hyper(**values: Any) -> Hyper:
    return Hyper.of(NACHConfig(**values), "cpu", torch.float64)


@pytest.mark.parametrize(
    ("num_labeled", "rank", "seed"), [(5, 1, 0), (5, 3, 1), (2, 2, 2), (0, 1, 3), (11, 2, 4)]
)
def test_agrees_with_the_slow_reference_and_its_gradients(
    num_labeled: int, rank: int, seed: int
) -> None:
    check(random_case(num_labeled, seed=seed), THRESHOLDS, rank=rank)


def test_the_total_is_weighted_and_the_thresholds_are_configured() -> None:
    weights = {"w_pairwise": 0.3, "w_pseudo": 2.0, "w_entropy": 0.7}

    check(
        random_case(),
        (0.8, 0.8 - 3 * 0.1),
        (0.3, 2.0, 0.7),
        lambda_seen=0.8,
        gap_scale=3.0,
        **weights,
    )


def test_the_cases_hold_what_a_defect_could_hide_in() -> None:
    fixed = fixed_of(random_case(), 2, THRESHOLDS)
    sure = {t >= NUM_SEEN for t, m in zip(fixed.predicted, fixed.mask, strict=True) if m}

    assert sure == {False, True}
    assert False in fixed.mask
    assert any(fixed.mask[:5])
    assert any(j == i for i, j in enumerate(fixed.partners[5:], start=5))
    assert any(j != i for i, j in enumerate(fixed.partners[5:], start=5))


DEFECTS = [
    ("topk(rank, dim=0).values[-1]", "topk(rank + 1, dim=0).values[-1]"),
    ("topk(rank, dim=0).values[-1]", "topk(rank, dim=0).values[0]"),
    (">= bound[found]", ">= bound"),
    ("similarity[:num_labeled].topk", "similarity.topk"),
    ("torch.where(kept, found, itself)", "found"),
    ("similarity = directions @ directions.T", "similarity = features @ features.T"),
    ("frozen_unless(with_pairs, second)[found]", "frozen_unless(with_pairs, first)[found]"),
    (
        "frozen_unless(with_pairs, second)[found]",
        "frozen_unless(with_pairs, second.detach())[found]",
    ),
    ("frozen_unless(with_pairs, second)[found]", "frozen_unless(with_pairs, second)"),
    ("confidence >= torch.where", "confidence > 2 * torch.where"),
    ("pseudo_labels < num_seen, hyper.lambda_seen", "pseudo_labels <= num_seen, hyper.lambda_seen"),
    ("hyper.gap_scale * gap, hyper", "gap, hyper"),
    ("hyper.lambda_seen - reduction", "hyper.lambda_seen + reduction"),
    ("strong) + _log", "strong) - _log"),
    ("strong) + _log(given.pi_hat)", "strong)"),
    ("hyper.w_pseudo != 0, strong)", "hyper.w_pseudo != 0, second)"),
    ("no_margin, given.mask)", "no_margin)"),
    ("pseudo = adaptive", "pseudo = len(first) / given.mask.sum() * adaptive"),
    (
        "estimate_distribution(probabilities, mask)",
        "estimate_distribution(probabilities, mask | True)",
    ),
    ("@torch.no_grad()\ndef estimate", "def estimate"),
    ("w_entropy != 0, first)", "w_entropy != 0, first[num_labeled:])"),
    ("adaptive_margin(first[:num_labeled]", "adaptive_margin(second[:num_labeled]"),
    ("cross_entropy + switched", "cross_entropy - switched"),
]


@pytest.mark.parametrize(("old", "new"), DEFECTS)
def test_a_defect_is_seen(old: str, new: str) -> None:
    with pytest.raises(AssertionError):
        check(random_case(), THRESHOLDS, module=mutant(core, old, new))


def test_closed_forms() -> None:
    num_rows, certain = 8, 60.0
    classes = torch.arange(num_rows) % 5
    sure = certain * F.one_hot(classes, 5).double()
    same = F.one_hot(classes, 5).double()
    case = Case(same, (sure, sure, torch.zeros(num_rows, 5).double()), classes[:3], torch.zeros(8))

    terms = terms_of(case)

    counts = torch.bincount(classes).double()
    assert terms.mask.all()
    assert terms.cross_entropy.item() == pytest.approx(0.0, abs=1e-12)
    assert terms.entropy.item() == pytest.approx(float((counts / 8 * (counts / 8).log()).sum()))
    # with logits of zero the aligned prediction is the class distribution itself
    assert terms.pseudo.item() == pytest.approx(-terms.entropy.item())
    # of classes 3 and 4 there is one row each, whose partner is sure of another class
    assert terms.partners.tolist() == [0, 1, 2, 0, 0, 0, 1, 2]
    assert terms.pairwise.item() == pytest.approx((certain - math.log(2)) / 4)


def test_a_labeled_neighbour_is_its_own_first() -> None:
    features = torch.tensor([[1.0, 0.0], [0.8, 0.6], [0.9, 0.1]])
    labels, draws = torch.tensor([0, 1]), torch.zeros(3)

    assert core.filtered_partners(features, labels, draws, 1).tolist() == [0, 1, 2]
    assert core.filtered_partners(features, labels, draws, 2).tolist() == [0, 1, 0]
    # with fewer labeled rows than the rank nothing is refused
    assert core.filtered_partners(features, labels[:0], draws, 1)[2] == 0
    assert core.filtered_partners(features, labels, draws, 3)[2] == 0
    # another labeled row is closer to the neighbour than the row itself
    closer = torch.tensor([[1.0, 0.0], [1.0, 0.05], [0.9, -0.3]])
    assert core.filtered_partners(closer, labels, draws, 2).tolist() == [0, 1, 2]


def rule_of(gap: float, **values: Any) -> float:
    return core.novel_threshold(torch.tensor(gap, dtype=torch.float64), hyper(**values)).item()


def test_the_novel_threshold_follows_the_gap() -> None:
    assert rule_of(0.1) == pytest.approx(0.75)
    assert rule_of(0.4) == pytest.approx(0.45)
    assert rule_of(1.0) == pytest.approx(0.45)
    assert rule_of(1.0, max_reduction=0.2) == pytest.approx(0.75)
    assert rule_of(-0.2) == 0.95
    assert rule_of(-0.2, gap_rule="reference") == pytest.approx(1.35)
    assert rule_of(0.1, gap_rule="reference") == pytest.approx(0.75)
    assert math.isnan(rule_of(math.nan, gap_rule="reference"))


def gap_after(batches: list[tuple[list[float], list[int]]], rule: str, before: float) -> float:
    sums = torch.zeros(4, dtype=torch.float64)
    for confidence, predicted in batches:
        values = torch.tensor(confidence, dtype=torch.float64)
        sums += core.gap_sums(values, torch.tensor(predicted), NUM_SEEN, rule)
    return core.gap_of(sums, torch.tensor(before, dtype=torch.float64)).item()


@pytest.mark.parametrize("rule", ["guarded", "reference"])
def test_the_gap_is_one_of_means_over_batches(rule: str) -> None:
    batches = [([0.9, 0.7, 0.5], [0, 2, 3]), ([0.6, 0.4, 0.2], [1, 4, 3])]

    assert gap_after(batches, rule, 9.0) == pytest.approx((0.8 + 0.6) / 2 - (0.5 + 0.3) / 2)
    # a batch without a row predicted novel counts as one of confidence 0
    assert gap_after([*batches, ([1.0], [0])], rule, 9.0) == pytest.approx(2.4 / 3 - 0.8 / 3)


def test_batches_without_a_row_predicted_seen() -> None:
    batches = [([0.9, 0.5], [0, 3]), ([0.7], [4])]

    assert gap_after(batches, "guarded", 9.0) == pytest.approx(0.9 - 0.6)
    assert math.isnan(gap_after(batches, "reference", 9.0))
    assert gap_after(batches[1:], "guarded", 0.25) == 0.25
    assert gap_after([], "guarded", 0.25) == 0.25
    assert gap_after([], "reference", 0.25) == 0.25


GAP_DEFECTS = [
    ("totals.sum(1) / num_rows.clamp(min=1)", "totals.sum(1) / num_rows.sum()"),
    ("counts[0] = num_rows[0].clamp(max=1)", "counts[0] = 1"),
    ("counts[0] = num_rows[0].clamp(max=1)", "counts[0] = num_rows[0]"),
    ("means[0] - means[1]", "means[1] - means[0]"),
    ("torch.nan, means[0]", "0.0, means[0]"),
    ("torch.where(sums[1] == 0, before,", "torch.where(sums[1] == 0, 0.0,"),
    ("seen = pseudo_labels < num_seen\n    num", "seen = pseudo_labels <= num_seen\n    num"),
]


def check_the_gap() -> None:
    test_the_gap_is_one_of_means_over_batches("guarded")
    test_the_gap_is_one_of_means_over_batches("reference")
    test_batches_without_a_row_predicted_seen()


@pytest.mark.parametrize(("old", "new"), GAP_DEFECTS)
def test_a_defect_of_the_gap_is_seen(old: str, new: str, monkeypatch: pytest.MonkeyPatch) -> None:
    changed = mutant(core, old, new)
    monkeypatch.setattr(core, "gap_sums", changed.gap_sums)
    monkeypatch.setattr(core, "gap_of", changed.gap_of)
    with pytest.raises(AssertionError):
        check_the_gap()


@pytest.mark.parametrize(
    ("kept", "reads"),
    [("w_pairwise", (0, 1)), ("w_pseudo", (1, 2)), ("w_entropy", (0,)), (None, ())],
)
def test_a_weight_of_zero_is_exact_even_beside_nan(kept: str | None, reads: tuple[int]) -> None:
    weights: dict[str, Any] = dict.fromkeys(("w_pairwise", "w_pseudo", "w_entropy"), 0.0)
    case = random_case()

    def spoilt(view: int, rows: Tensor) -> Tensor:
        if view not in reads:
            rows[7] = math.nan
        return rows.requires_grad_()

    other = case.changed(spoilt)
    whole, total = terms_of(case), F.cross_entropy(case.views[0][:5], case.labels)
    if kept:
        weights[kept] = 0.5
        total = total + 0.5 * getattr(whole, kept.removeprefix("w_"))

    terms = terms_of(other, **weights)

    assert terms.total.item() == pytest.approx(total.item(), abs=1e-12)
    for found, wanted in zip(gradients(other, terms.total), gradients(case, total), strict=True):
        assert torch.allclose(found, wanted, atol=1e-12, rtol=0)


@pytest.mark.parametrize(("num_labeled", "num_rows"), [(0, 1), (1, 1), (0, 6), (6, 6), (1, 6)])
@pytest.mark.parametrize("scale", [0.0, 1.0, 200.0])
def test_degenerate_batches_are_finite(num_labeled: int, num_rows: int, scale: float) -> None:
    case = random_case(num_labeled, num_rows, scale=scale)

    terms = terms_of(case, gap=1.0)

    assert terms.total.isfinite()
    assert all(bool(g.isfinite().all()) for g in gradients(case, terms.total))
    if scale == 0:
        assert terms.pseudo.item() == 0


def test_no_confident_row_gives_no_pseudo_label_term() -> None:
    case = random_case(scale=0.1)

    terms = terms_of(case)

    assert not terms.mask.any()
    assert terms.pseudo.item() == 0
    assert not gradients(case, terms.total)[2].any()
    assert torch.allclose(terms.pi_hat, torch.full((5,), 0.2, dtype=torch.float64))


def test_half_precision_is_raised() -> None:
    case = random_case()
    half = dataclasses.replace(case, features=case.features.half())
    half = half.changed(lambda _, rows: rows.bfloat16())
    full = dataclasses.replace(half, features=half.features.float())
    full = full.changed(lambda _, rows: rows.float())

    with torch.autocast("cpu", dtype=torch.bfloat16):
        found = terms_of(half).total

    assert found.dtype == torch.float32
    assert found.item() == terms_of(full).total.item()
