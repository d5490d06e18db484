from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
import torch
from torch import Tensor

from lps_sweep.methods.lps import LPSConfig
from lps_sweep.methods.lps.objective import LPSObjective
from lps_sweep.methods.protocol import Objective, StepContext, StepLoss, TailOutput
from tests.methods.lps_cases import Case, gradients, random_case, terms_of


def objective(**values: Any) -> LPSObjective:
    return LPSObjective(LPSConfig(**values), num_classes=6, device="cpu")


def step(of: Objective, case: Case) -> StepLoss:
    outputs = {
        name: TailOutput(features=torch.zeros(len(logits), 2), logits=logits)
        for name, logits in zip(of.views, case.views, strict=True)
    }
    context = StepContext(case.num_seen, torch.tensor(case.progress), torch.zeros(len(case.labels)))
    return of.loss(outputs, case.labels, context)


def single(**values: Any) -> Case:
    return random_case(dtype=torch.float32, **values)


def added(steps: list[Mapping[str, Tensor]]) -> dict[str, Tensor]:
    return {name: torch.stack([s[name] for s in steps]).sum(0) for name in steps[0]}


@pytest.mark.parametrize("values", [{}, {"C": 1.0, "tau": 0.2, "eta1": 0.5, "w_entropy": 0.0}])
def test_the_step_is_the_function(values: dict[str, Any]) -> None:
    case = single()

    found, wanted = step(objective(**values), case).total, terms_of(case, **values).total

    assert torch.equal(found, wanted)
    for one, other in zip(gradients(case, found), gradients(case, wanted), strict=True):
        assert torch.equal(one, other)


def test_summary_by_hand() -> None:
    cases = [single(seed=seed) for seed in range(3)]
    steps = [step(objective(), case).diagnostics for case in cases]

    metrics = objective().summarise(added(list(steps)), num_steps=3)

    terms = [terms_of(case) for case in cases]
    mean_pc = sum(t.pc.item() for t in terms) / 3
    assert metrics["pc"] == pytest.approx(mean_pc, rel=1e-6)
    assert metrics["loss_total"] == pytest.approx(sum(t.total.item() for t in terms) / 3, rel=1e-6)
    rows = [
        (label < 3, confident, p)
        for t in terms
        for label, confident, p in zip(
            t.pseudo_labels.tolist()[5:],
            t.mask.tolist()[5:],
            t.confidence.tolist()[5:],
            strict=True,
        )
    ]
    for name, is_seen in (("seen", True), ("novel", False)):
        of_kind = [confident for seen, confident, _ in rows if seen == is_seen]
        assert 0 < sum(of_kind) < len(of_kind)
        wanted = 100 * sum(of_kind) / len(of_kind)
        assert metrics[f"confident_share_{name}"] == pytest.approx(wanted)
    assert metrics["confidence_mean"] == pytest.approx(sum(p for *_, p in rows) / len(rows))


def test_shares_of_nothing_are_zero() -> None:
    case = single(num_rows=4, num_labeled=4)

    metrics = objective().summarise(step(objective(), case).diagnostics, num_steps=1)

    names = ("confidence_mean", "confident_share_seen", "confident_share_novel")
    assert [metrics[name] for name in names] == [0.0, 0.0, 0.0]


def test_without_pi_ema_steps_leave_nothing_behind() -> None:
    plain = objective()
    before = step(plain, single(seed=0)).diagnostics["pi_hat"]

    after = step(plain, single(seed=1)).diagnostics["pi_hat"]

    assert plain.state() == {}
    assert torch.equal(after, terms_of(single(seed=1)).pi_hat)
    assert not torch.equal(before, after)


def test_pi_ema_moves_the_kept_estimate_and_survives_a_checkpoint() -> None:
    cases = [single(seed=seed) for seed in range(3)]
    batch = [terms_of(case).pi_hat for case in cases]
    straight = objective(pi_ema=0.75)
    found = [step(straight, case).diagnostics["pi_hat"] for case in cases]

    torch.testing.assert_close(found[0], batch[0])
    torch.testing.assert_close(found[1], 0.75 * found[0] + 0.25 * batch[1])
    torch.testing.assert_close(found[2], 0.75 * found[1] + 0.25 * batch[2])

    stopped, resumed = objective(pi_ema=0.75), objective(pi_ema=0.75)
    for case in cases[:2]:
        step(stopped, case)
    saved = stopped.state()
    step(stopped, cases[0])  # what was saved does not move with it
    resumed.load_state(saved)
    assert torch.equal(step(resumed, cases[2]).diagnostics["pi_hat"], found[2])


def test_a_state_that_lacks_pi_hat_is_refused() -> None:
    with pytest.raises(KeyError):
        objective(pi_ema=0.5).load_state({})
