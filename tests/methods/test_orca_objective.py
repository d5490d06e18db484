from __future__ import annotations

import math
from typing import Any

import pytest
import torch
import torch.nn.functional as F

from lps_sweep.losses.entropy import negative_entropy
from lps_sweep.methods.orca import ORCAConfig
from lps_sweep.methods.orca.objective import ORCAObjective
from lps_sweep.methods.protocol import StepContext, TailOutput
from tests.methods.orca_cases import LABELS, gradients, terms_of, wave_outputs

SILENT: dict[str, Any] = {"margin_scale": 0.0, "w_pairwise": 0.0, "w_entropy": 0.0}


def single() -> tuple[TailOutput, TailOutput]:
    first, second = (
        TailOutput(output.features.detach().float(), output.logits.detach().float())
        for output in wave_outputs()
    )
    first.logits.requires_grad_()
    second.logits.requires_grad_()
    return first, second


def test_the_golden_values() -> None:
    outputs = wave_outputs()

    terms = terms_of(outputs)

    assert terms.entropy.item() == pytest.approx(-1.699780, abs=1e-6)
    assert terms.margin_labeled.item() == pytest.approx(2.396004, abs=1e-6)
    assert terms.pairwise.item() == pytest.approx(2.022768, abs=1e-6)
    assert terms.total.item() == pytest.approx(2.718992, abs=1e-6)
    norms = [gradient.norm().item() for gradient in gradients(outputs, terms.total)]
    assert norms == pytest.approx([0.584148, 0.199698], abs=1e-6)


def test_features_choose_partners_and_get_no_gradient() -> None:
    outputs = wave_outputs()

    terms_of(outputs).total.backward()  # type: ignore[no-untyped-call]

    assert outputs[0].features.grad is None
    turned = (TailOutput(outputs[0].features.flip(0), outputs[0].logits), outputs[1])
    assert terms_of(turned).pairwise.item() != pytest.approx(2.022768, abs=1e-3)
    ignored = (outputs[0], TailOutput(outputs[1].features.flip(0), outputs[1].logits))
    assert terms_of(ignored).pairwise.item() == pytest.approx(2.022768, abs=1e-6)


@pytest.mark.parametrize(
    ("uncertainty", "values", "margin"),
    [
        (0.0, {}, 0.0),
        (0.3, {}, 3.0),
        (0.51, {}, 5.0),
        (0.4, {"margin_scale": 4.0}, 1.6),
        (0.4, {"max_uncertainty": 0.2}, 2.0),
        (0.4, {"margin_scale": 0.0}, 0.0),
    ],
)
def test_the_margin_grows_with_uncertainty_up_to_a_limit(
    uncertainty: float, values: dict[str, Any], margin: float
) -> None:
    outputs = wave_outputs()
    shifted = outputs[0].logits[:4] + margin * F.one_hot(LABELS, 6).double()

    found = terms_of(outputs, uncertainty=uncertainty, **values).margin_labeled

    assert found.item() == pytest.approx(F.cross_entropy(shifted, LABELS).item(), abs=1e-12)


def test_the_total_is_the_weighted_sum() -> None:
    terms = terms_of(wave_outputs(), w_pairwise=0.3, w_entropy=2.0)

    wanted = terms.margin_labeled + 0.3 * terms.pairwise + 2 * terms.entropy
    assert terms.total.item() == pytest.approx(wanted.item(), abs=1e-12)
    assert terms.entropy.item() == negative_entropy(wave_outputs()[0].logits).item()


def test_a_weight_of_zero_is_exact_even_beside_nan() -> None:
    outputs = wave_outputs()
    plain = F.cross_entropy(outputs[0].logits[:4], LABELS)
    wanted = gradients(outputs, plain)
    with torch.no_grad():
        outputs[0].logits[7] = math.nan
        outputs[1].logits[2] = math.nan

    terms = terms_of(outputs, **SILENT)

    assert terms.total.item() == plain.item()
    assert terms.pairwise.isnan()
    for one, other in zip(gradients(outputs, terms.total), wanted, strict=True):
        assert torch.equal(one, other)


@pytest.mark.parametrize("num_labeled", [0, 1, 10])
def test_batches_of_one_kind_are_finite(num_labeled: int) -> None:
    outputs = wave_outputs()

    terms = terms_of(outputs, torch.zeros(num_labeled, dtype=torch.int64))

    assert terms.total.isfinite()
    assert all(bool(g.isfinite().all()) for g in gradients(outputs, terms.total))


def objective(**values: Any) -> ORCAObjective:
    return ORCAObjective(ORCAConfig(**values), num_classes=6, device="cpu")


def read_of(confidences: list[float]) -> dict[str, torch.Tensor]:
    return {"confidence": torch.tensor(confidences), "ids": torch.zeros(len(confidences))}


def test_a_step_has_the_uncertainty_of_the_newest_evaluation() -> None:
    outputs = single()
    named = dict(zip(ORCAObjective.views, outputs, strict=True))
    context = StepContext(3, torch.tensor(0.0), torch.rand(10))
    of = objective()
    for confidences, uncertainty in ((None, 1.0), ([0.9, 0.5], 0.3), ([0.8, 1.0, 0.9], 0.1)):
        if confidences:
            of.evaluated(read_of(confidences))
        step = of.loss(named, LABELS, context)
        wanted = terms_of(outputs, uncertainty=uncertainty)
        assert step.total.item() == pytest.approx(wanted.total.item(), abs=1e-6)
        metrics = of.summarise({n: 2 * t for n, t in step.diagnostics.items()}, 2)
        values = {name: getattr(wanted, name).item() for name in ("pairwise", "entropy")}
        values["margin_labeled"] = wanted.margin_labeled.item()
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
