"""The gap of an epoch, the threshold that follows it, and what NACH keeps of both."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch

from lps_sweep.methods.hyper import Hyper
from lps_sweep.methods.nach import NACHConfig, core
from lps_sweep.methods.nach.objective import NACHObjective
from lps_sweep.methods.protocol import StepContext, TailOutput
from tests.methods.losses.base import Case
from tests.methods.losses.nach import NACH, NUM_SEEN
from tests.mutants import mutant

LOSS = NACH()


def random_case(num_labeled: int = 5, *, seed: int = 6) -> Case:
    return LOSS.case(11, num_labeled, seed=seed)


def objective(**values: object) -> NACHObjective:
    return NACHObjective(NACHConfig(**values), num_classes=5, device="cpu")  # type: ignore[arg-type]


def step(of: NACHObjective, case: Case) -> dict[str, torch.Tensor]:
    single = case.to(torch.float32)
    features, draws = (single.more[name] for name in ("features", "draws"))
    outputs = {name: TailOutput(features, z.detach()) for name, z in single.leaves.items()}
    context = StepContext(NUM_SEEN, torch.tensor(0.0), draws)
    found = of.loss(outputs, case.labels, context)
    assert found.diagnostics["loss_total"].item() == found.total.item()
    return found.diagnostics


def gap_of(cases: list[Case]) -> float:
    sums = torch.zeros(4, dtype=torch.float64)
    for case in cases:
        terms = LOSS.of(case)
        sums += core.gap_sums(terms.confidence, terms.pseudo_labels, NUM_SEEN, "guarded")
    return core.gap_of(sums, torch.tensor(9.0)).item()


def test_an_epoch_has_the_gap_of_the_epoch_before() -> None:
    of, cases = objective(), [random_case(seed=seed) for seed in range(3)]
    gap = 1.0
    for epoch in range(3):
        assert of.start_epoch(epoch) is False
        for case in cases[: epoch + 1]:
            found = step(of, case)
            wanted = LOSS.of(case, gap=gap)
            assert found["gap"].item() == pytest.approx(gap, abs=1e-6)
            assert found["novel_threshold"].item() == pytest.approx(
                wanted.novel_threshold.item(), abs=1e-6
            )
            for name in ("cross_entropy", "pairwise", "pseudo", "entropy", "total"):
                key = "loss_total" if name == "total" else name
                assert found[key].item() == pytest.approx(getattr(wanted, name).item(), abs=1e-5)
            share = 100 * wanted.mask.double().mean().item()
            assert found["confident_share"].item() == pytest.approx(share, abs=1e-4)
        gap = gap_of(cases[: epoch + 1])
    assert gap != pytest.approx(1.0)


def test_an_epoch_that_starts_again_keeps_the_gap() -> None:
    of = objective()
    step(of, random_case())
    of.start_epoch(1)
    gap = of.gap.item()

    of.start_epoch(1)

    assert of.gap.item() == gap


@pytest.mark.parametrize(("rule", "gap"), [("guarded", 1.0), ("reference", float("nan"))])
def test_an_epoch_that_predicts_nothing_seen(rule: str, gap: float) -> None:
    of, case = objective(gap_rule=rule), random_case(0)
    step(of, case.changed(lambda _, view: view + 50 * torch.eye(5, dtype=torch.float64)[4]))

    of.start_epoch(1)

    assert of.gap.item() == pytest.approx(gap, nan_ok=True)


def test_the_rank_is_the_configured_one() -> None:
    case = random_case()
    for rank in (1, 3):
        found = step(objective(neighbour_rank=rank), case)["pairwise"].item()
        assert found == pytest.approx(LOSS.of(case, rank=rank).pairwise.item(), abs=1e-5)
    assert LOSS.of(case, rank=1).pairwise != LOSS.of(case, rank=3).pairwise


def rule_of(gap: float, **values: Any) -> float:
    hyper = Hyper.of(NACHConfig(**values), "cpu", torch.float64)
    return core.novel_threshold(torch.tensor(gap, dtype=torch.float64), hyper).item()


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


GAP_DEFECTS = (
    "totals.sum(1) / num_rows.clamp(min=1) => totals.sum(1) / num_rows.sum()",
    "counts[0] = num_rows[0].clamp(max=1) => counts[0] = 1",
    "counts[0] = num_rows[0].clamp(max=1) => counts[0] = num_rows[0]",
    "means[0] - means[1] => means[1] - means[0]",
    "torch.nan, means[0] => 0.0, means[0]",
    "torch.where(sums[1] == 0, before, => torch.where(sums[1] == 0, 0.0,",
    "seen = pseudo_labels < num_seen\n    num => seen = pseudo_labels <= num_seen\n    num",
)


def check_the_gap() -> None:
    for rule in ("guarded", "reference"):
        test_the_gap_is_one_of_means_over_batches(rule)
    test_batches_without_a_row_predicted_seen()


@pytest.mark.parametrize("defect", GAP_DEFECTS)
def test_a_defect_of_the_gap_is_seen(defect: str, monkeypatch: pytest.MonkeyPatch) -> None:
    changed = mutant(core, *defect.split(" => "))
    monkeypatch.setattr(core, "gap_sums", changed.gap_sums)
    monkeypatch.setattr(core, "gap_of", changed.gap_of)
    with pytest.raises(AssertionError):
        check_the_gap()
