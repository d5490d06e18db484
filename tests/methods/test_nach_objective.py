from __future__ import annotations

import pytest
import torch

from lps_sweep.methods.nach import NACHConfig, core
from lps_sweep.methods.nach.objective import NACHObjective
from lps_sweep.methods.protocol import StepContext, TailOutput
from tests.methods.nach_cases import NUM_SEEN, Case, random_case, terms_of


def objective(**values: object) -> NACHObjective:
    return NACHObjective(NACHConfig(**values), num_classes=5, device="cpu")  # type: ignore[arg-type]


def step(of: NACHObjective, case: Case) -> dict[str, torch.Tensor]:
    views = dict(zip(of.views, (view.detach().float() for view in case.views), strict=True))
    outputs = {name: TailOutput(case.features.float(), logits) for name, logits in views.items()}
    context = StepContext(NUM_SEEN, torch.tensor(0.0), case.draws.float())
    found = of.loss(outputs, case.labels, context)
    assert found.diagnostics["loss_total"].item() == found.total.item()
    return found.diagnostics


def gap_of(cases: list[Case]) -> float:
    sums = torch.zeros(4, dtype=torch.float64)
    for case in cases:
        terms = terms_of(case)
        sums += core.gap_sums(terms.confidence, terms.pseudo_labels, NUM_SEEN, "guarded")
    return core.gap_of(sums, torch.tensor(9.0)).item()


def test_an_epoch_has_the_gap_of_the_epoch_before() -> None:
    of, cases = objective(), [random_case(seed=seed) for seed in range(3)]
    gap = 1.0
    for epoch in range(3):
        assert of.start_epoch(epoch) is False
        for case in cases[: epoch + 1]:
            found = step(of, case)
            wanted = terms_of(case, gap=gap)
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


def test_a_checkpoint_holds_gap_and_sums() -> None:
    of, other = objective(), objective()
    step(of, random_case())
    of.start_epoch(1)
    step(of, random_case(seed=3))
    other.load_state(of.state())
    of.start_epoch(2)
    other.start_epoch(2)

    assert other.gap.item() == of.gap.item() != 1.0


@pytest.mark.parametrize(("rule", "gap"), [("guarded", 1.0), ("reference", float("nan"))])
def test_an_epoch_that_predicts_nothing_seen(rule: str, gap: float) -> None:
    of, case = objective(gap_rule=rule), random_case(0)
    novel = tuple(view + 50 * torch.eye(5, dtype=torch.float64)[4] for view in case.views)
    step(of, Case(case.features, novel, case.labels, case.draws))  # type: ignore[arg-type]

    of.start_epoch(1)

    assert of.gap.item() == pytest.approx(gap, nan_ok=True)


def test_the_rank_is_the_configured_one() -> None:
    case = random_case()
    for rank in (1, 3):
        found = step(objective(neighbour_rank=rank), case)["pairwise"].item()
        assert found == pytest.approx(terms_of(case, rank=rank).pairwise.item(), abs=1e-5)
    assert terms_of(case, rank=1).pairwise != terms_of(case, rank=3).pairwise
