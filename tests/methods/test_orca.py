"""Partners, golden values of the loss, and the uncertainty that ORCA keeps."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from lps_sweep.methods.orca import ORCAConfig
from lps_sweep.methods.orca.objective import ORCAObjective
from lps_sweep.methods.orca.partners import partners
from lps_sweep.methods.protocol import StepContext, TailOutput
from tests.methods.losses import slow
from tests.methods.losses.base import Case
from tests.methods.losses.orca import ORCA

LABELS = torch.tensor([0, 1, 1, 0])
"""Each class stands twice, so each labeled row has one possible partner."""
ALMOST_ONE = 1 - 2.0**-24


def table(num_columns: int, value: Callable[[int, int], float]) -> Tensor:
    rows = [[value(i, j) for j in range(num_columns)] for i in range(10)]
    return torch.tensor(rows, dtype=torch.float64)


def wave_case() -> Case:
    """B = 10, K = 6, d = 5."""
    features = table(5, lambda i, d: math.cos(0.8 * i + 0.37 * d * (i + 1)))

    def view(offset: float) -> Tensor:
        return table(6, lambda i, j: 3.5 * math.sin(1.3 * i + 0.9 * j * (i + 1) + offset))

    leaves = {"first": view(0.0), "second": view(0.15)}
    return Case(leaves, LABELS, {"features": features, "draws": torch.zeros(10)})


def test_golden_values() -> None:
    case = wave_case()

    terms = ORCA().of(case)

    assert terms.entropy.item() == pytest.approx(-1.699780, abs=1e-6)
    assert terms.margin_labeled.item() == pytest.approx(2.396004, abs=1e-6)
    assert terms.pairwise.item() == pytest.approx(2.022768, abs=1e-6)
    assert terms.total.item() == pytest.approx(2.718992, abs=1e-6)
    norms = [gradient.norm().item() for gradient in case.gradients(terms.total)]
    assert norms == pytest.approx([0.584148, 0.199698], abs=1e-6)


def test_features_choose_partners_and_get_no_gradient() -> None:
    features = wave_case().more["features"].requires_grad_()
    case = Case(wave_case().leaves, LABELS, {**wave_case().more, "features": features})

    ORCA().of(case).total.backward()

    assert features.grad is None
    case.more["features"] = features.flip(0)
    assert ORCA().of(case).pairwise.item() != pytest.approx(2.022768, abs=1e-3)


@pytest.mark.parametrize("draw", [0.0, ALMOST_ONE])
def test_partners_of_the_golden_case(draw: float) -> None:
    features = wave_case().more["features"].requires_grad_()

    found = partners(features, LABELS, torch.full((10,), draw))

    assert found.tolist() == [3, 2, 1, 0, 3, 4, 9, 8, 7, 6]
    assert not found.requires_grad


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("num_labeled", [0, 1, 9, 20])
def test_partners_agree_with_the_slow_reference(seed: int, num_labeled: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    features = torch.randn(20, 6, generator=generator, dtype=torch.float64)
    labels = torch.randint(0, 4, (num_labeled,), generator=generator)
    draws = torch.rand(20, generator=generator)

    found = partners(features, labels, draws)

    assert found.dtype == torch.int64
    assert found.tolist() == slow.partners(features.tolist(), labels.tolist(), draws.tolist())


def test_each_of_the_class_is_as_likely_and_never_the_row_itself() -> None:
    labels = torch.tensor([0, 1, 0, 0, 1, 0])
    draws = [torch.full((6,), (i + 0.5) / 30) for i in range(30)]
    counts = Counter(int(partners(torch.ones(6, 2), labels, draw)[2]) for draw in draws)

    assert counts == {0: 10, 3: 10, 5: 10}


@pytest.mark.parametrize("count", [2, 34, 128])
def test_the_largest_draw_is_the_last_of_the_class(count: int) -> None:
    draws = torch.full((count,), ALMOST_ONE)

    found = partners(torch.ones(count, 2), torch.zeros(count, dtype=torch.int64), draws)

    assert found.tolist() == [count - 1] * (count - 1) + [count - 2]


def test_an_unlabeled_row_may_be_nearest_to_a_labeled_one_whatever_the_length() -> None:
    features = torch.tensor([[0.0, 9.0], [1.0, 0.0], [0.0, 0.1], [5.0, 1.0]])

    assert partners(features, torch.tensor([0]), torch.zeros(4)).tolist() == [0, 3, 0, 1]


@pytest.mark.parametrize("labels", [[], [0]])
def test_a_row_alone_is_its_own_partner(labels: list[int]) -> None:
    given = torch.tensor(labels, dtype=torch.int64)

    assert partners(torch.ones(1, 3), given, torch.zeros(1)).tolist() == [0]


def objective(**values: Any) -> ORCAObjective:
    return ORCAObjective(ORCAConfig(**values), num_classes=6, device="cpu")


def read_of(confidences: list[float]) -> dict[str, torch.Tensor]:
    return {"confidence": torch.tensor(confidences), "ids": torch.zeros(len(confidences))}


def test_a_step_has_the_uncertainty_of_the_newest_evaluation() -> None:
    case = wave_case().to(torch.float32)
    views = zip(ORCAObjective.views, case.leaves.values(), strict=True)
    named = {name: TailOutput(case.more["features"], z) for name, z in views}
    context = StepContext(3, torch.tensor(0.0), case.more["draws"])
    of = objective()
    for confidences, uncertainty in ((None, 1.0), ([0.9, 0.5], 0.3), ([0.8, 1.0, 0.9], 0.1)):
        if confidences:
            of.evaluated(read_of(confidences))
        step = of.loss(named, LABELS, context)
        wanted = ORCA().of(case, uncertainty=uncertainty)
        assert step.total.item() == pytest.approx(wanted.total.item(), abs=1e-6)
        metrics = of.summarise({n: 2 * t for n, t in step.diagnostics.items()}, 2)
        names = ("pairwise", "entropy", "margin_labeled")
        values = {name: getattr(wanted, name).item() for name in names}
        values |= {"loss_total": wanted.total.item(), "uncertainty": uncertainty}
        assert metrics == pytest.approx(values, abs=1e-6)
        assert not any(t.requires_grad for t in step.diagnostics.values())


def test_an_evaluation_keeps_ids_and_largest_probabilities() -> None:
    logits = torch.tensor([[0.0, math.log(3.0)], [math.log(4.0), 0.0]])

    kept = objective().read(TailOutput(torch.zeros(2, 3), logits))

    assert kept["ids"].tolist() == [1, 0]
    assert kept["confidence"].tolist() == pytest.approx([0.75, 0.8])
    assert objective().predict(kept) is kept["ids"]


def test_the_uncertainty_survives_a_checkpoint_and_does_not_move_with_it() -> None:
    of, other = objective(), objective()
    of.evaluated(read_of([0.75]))
    saved = of.state()
    of.evaluated(read_of([0.5]))
    other.load_state(saved)

    assert other.state()["uncertainty"].item() == 0.25
    with pytest.raises(KeyError):
        other.load_state({})
