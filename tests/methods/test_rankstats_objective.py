"""The phases of RankStats, its two heads, and whose ids are predictions."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from lps_sweep.methods.protocol import StepContext, StepLoss, TailOutput
from lps_sweep.methods.rankstats import RankStatsConfig
from lps_sweep.methods.rankstats.core import Heads, Weights, rankstats_loss
from lps_sweep.methods.rankstats.objective import RankStatsObjective
from tests.methods.losses.dtc import slow_ramp
from tests.methods.parts_cases import parts_of

DIM, K, S = 8, 5, 2
LABELS = torch.tensor([1, 0])


def objective(num_epochs: int = 20, num_classes: int = K, **values: Any) -> RankStatsObjective:
    """Of 20 epochs, the first 2 are supervised."""
    made = RankStatsObjective(RankStatsConfig(**values), num_classes, device="cpu")
    made.build(
        parts_of(
            feature_dim=DIM,
            num_seen=S,
            num_steps=4,
            num_epochs=num_epochs,
            num_images=30,
            unlabeled=torch.arange(20),
        )
    )
    return made


def views() -> dict[str, Tensor]:
    generator = torch.Generator().manual_seed(0)
    return {n: torch.rand(9, DIM, generator=generator) for n in ("weak1", "weak2")}


def step(of: RankStatsObjective) -> StepLoss:
    context = StepContext(S, torch.zeros(()), torch.zeros(9), torch.arange(9))
    return of.loss(of.outputs(views()), LABELS, context)


@pytest.mark.parametrize("incremental", [False, True])
def test_weights_follow_the_phases(incremental: bool) -> None:
    of = objective(incremental=incremental, rampup_length=10)
    anew, weights = [], []
    for epoch in range(20):
        anew.append(of.start_epoch(epoch))
        weights.append(of.weights.tolist())

    assert [epoch for epoch in range(20) if anew[epoch]] == [2]
    ramp = [0.0] * 2 + [slow_ramp(done, 10) for done in range(18)]
    assert [w[0] for w in weights] == [0.0] * 2 + [1.0] * 18
    assert [w[1] for w in weights] == pytest.approx([50 * r for r in ramp], rel=1e-6)
    novel = [0.05 * r if incremental else 0.0 for r in ramp]
    assert [w[2] for w in weights] == pytest.approx(novel, rel=1e-6)


@pytest.mark.parametrize(("num_epochs", "first"), [(1, 0), (2, 1), (3, 1), (200, 20)])
def test_short_trainings_end_in_the_joint_phase(num_epochs: int, first: int) -> None:
    of = objective(num_epochs)
    assert [e for e in range(num_epochs) if of.start_epoch(e)] == [first]
    assert of.weights[0].item() == 1.0


@pytest.mark.parametrize("incremental", [False, True])
def test_the_step_is_the_function(incremental: bool) -> None:
    of = objective(incremental=incremental, topk=3)
    of.start_epoch(12)

    found = step(of)

    outputs = of.outputs(views())
    heads = [Heads(outputs[n].more["classes"], outputs[n].logits) for n in ("weak1", "weak2")]
    wanted = rankstats_loss(
        heads[0],
        heads[1],
        outputs["weak1"].features,
        LABELS,
        Weights(*of.weights.unbind()),
        num_seen=S,
        topk=3,
    )
    assert torch.equal(found.total, wanted.total)
    metrics = of.summarise({name: 2 * value for name, value in found.diagnostics.items()}, 2)
    values = {name: value.item() for name, value in vars(wanted).items()}
    values["loss_total"] = values.pop("total")
    values["consistency_weight"] = of.weights[1].item()
    assert metrics == pytest.approx(values)
    assert not any(value.requires_grad for value in found.diagnostics.values())


def test_labels_alone_count_in_the_supervised_phase() -> None:
    of = objective()
    of.start_epoch(0)
    found = step(of)
    found.total.backward()  # type: ignore[no-untyped-call]

    assert found.total.item() == found.diagnostics["cross_entropy"].item()
    learning = {n for n, w in of.named_parameters() if w.grad is not None and w.grad.any()}
    assert learning == {"classifier.weight", "classifier.bias"}


def test_the_heads_have_their_outputs() -> None:
    plain, incremental = objective(), objective(incremental=True)
    assert (plain.head.weight.shape, plain.classifier.weight.shape) == ((K, DIM), (S, DIM))
    shapes = incremental.head.weight.shape, incremental.classifier.weight.shape
    assert shapes == ((K - S, DIM), (K, DIM))
    without_novel = objective(num_classes=S, incremental=True)
    assert without_novel.head.weight.shape == (1, DIM)


def test_predictions_are_ids_of_the_second_head_and_with_increments_of_the_first() -> None:
    classes = torch.tensor([[0.0, 1.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, 0.0, 1.0]])
    clusters = torch.tensor([[0.0, 0.0, 1.0], [1.0, 0.0, 0.0]])
    output = TailOutput(torch.zeros(2, DIM), clusters, {"classes": classes})

    for incremental, ids in ((False, [2, 0]), (True, [1, 4])):
        of = objective(incremental=incremental)
        found = of.read(output)
        assert of.predict(found).tolist() == ids
        assert of.classify(found).tolist() == [1, 4]
        assert of.aligned == incremental


def test_novel_classes_of_the_first_head_start_below_the_seen_ones() -> None:
    of = objective(incremental=True)
    fresh = of.classifier.weight.detach().clone()
    of.start_epoch(0)
    with torch.no_grad():
        of.classifier.weight.mul_(3)
        of.classifier.bias.copy_(torch.tensor([0.5, -0.25, 9.0, 9.0, 9.0]))
    of.start_epoch(1)
    assert of.classifier.bias.tolist() == [0.5, -0.25, 9.0, 9.0, 9.0]

    of.start_epoch(2)

    assert of.classifier.bias.tolist() == [0.5, -0.25, -1.25, -1.25, -1.25]
    assert torch.equal(of.classifier.weight[:S], 3 * fresh[:S])
    assert torch.equal(of.classifier.weight[S:], fresh[S:])
    with torch.no_grad():
        of.classifier.bias.add_(1)
    of.start_epoch(3)
    assert of.classifier.bias.tolist() == [1.5, 0.75, -0.25, -0.25, -0.25]
