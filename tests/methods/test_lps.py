"""The published golden values of LPS, its margin, its estimate, and its step."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import pytest
import torch
from torch import Tensor

from lps_sweep.methods.lps import LPSConfig
from lps_sweep.methods.lps.core import LossTerms, lps_terms
from lps_sweep.methods.lps.objective import LPSObjective
from lps_sweep.methods.protocol import StepContext, StepLoss, TailOutput
from tests.methods.losses.base import Case, is_finite
from tests.methods.losses.lps import LPS

LOSS = LPS()


def case_of(*views: Tensor, labels: list[int], num_seen: int, progress: float = 0.0) -> Case:
    leaves = dict(zip(("weak1", "weak2", "strong"), views, strict=True))
    more = {"num_seen": num_seen, "progress": torch.tensor(progress, dtype=torch.float64)}
    return Case(leaves, torch.tensor(labels), more)


def wave_case(
    amplitude: float, rate: float, num_rows: int, labels: list[int], progress: float
) -> Case:
    """K = 6, S = 3: z[i, j] = amplitude sin(rate i + 0.9 j (i + 1) + o), o by view."""

    def view(offset: float) -> Tensor:
        rows = [
            [amplitude * math.sin(rate * i + 0.9 * j * (i + 1) + offset) for j in range(6)]
            for i in range(num_rows)
        ]
        return torch.tensor(rows, dtype=torch.float64)

    return case_of(view(0.0), view(0.15), view(0.5), labels=labels, num_seen=3, progress=progress)


NAMES = (
    *("kl_prior_to_estimate", "entropy", "margin_labeled", "margin_unlabeled"),
    *("pc", "uc", "total", "kl_estimate_to_prior"),
)
WAVES: dict[str, tuple[tuple[Any, ...], list[float], str]] = {
    "first": (
        (10.0, 1.7, 8, [0, 1, 2], 20 / 200),
        [2.676211, -1.658160, 2.131967, 0.000000, 1.160135, 0.509868, 2.143810, 0.290494],
        "11111000",
    ),
    "second": (
        (5.0, 1.7, 8, [0, 1, 2], 20 / 200),
        [1.200648, -1.665515, 0.864597, 0.000021, 1.160135, 0.509868, 0.869106, 0.251382],
        "11111000",
    ),
    "third": (
        (3.5, 1.3, 12, [0, 1, 2, 1], 70 / 200),
        [0.063680, -1.722964, 1.922704, 0.100507, 1.128514, 0.669458, 2.098219],
        "111101010000",
    ),
}


@pytest.mark.parametrize("name", WAVES)
def test_golden_values(name: str) -> None:
    arguments, values, mask = WAVES[name]

    terms = LOSS.of(wave_case(*arguments))

    found = [getattr(terms, n).item() for n in NAMES[: len(values)]]
    assert found == pytest.approx(values, abs=1e-6, rel=0)
    assert "".join(str(int(m)) for m in terms.mask.tolist()) == mask


def test_golden_labels_gradients_and_switches() -> None:
    case = wave_case(*WAVES["third"][0])
    terms = LOSS.of(case)
    assert terms.pseudo_labels.tolist() == [0, 1, 2, 1, 2, 5, 0, 5, 2, 3, 2, 0]
    norms = [gradient.norm().item() for gradient in case.gradients(terms.total)]
    assert norms == pytest.approx([0.439069, 0.039972, 0.102207], abs=1e-6, rel=0)
    changed = LOSS.of(case, margin_kl="estimate_to_prior").total.item()
    assert changed == pytest.approx(2.114452, abs=1e-6)
    for switch, uc in (("uc_norm", 1.338916), ("uc_neg", 0.378348)):
        found = LOSS.of(case, **{switch: "low_confidence"}).uc.item()
        assert found == pytest.approx(uc, abs=1e-6)


@pytest.mark.parametrize("contrast_norm", ["cosine", "dot"])
def test_finite_with_an_empty_confident_set(contrast_norm: str) -> None:
    case = LOSS.case(16, 0, scale=0.005)

    terms = LOSS.of(case, contrast_norm=contrast_norm)

    assert not terms.mask.any()
    assert terms.pi_hat.tolist() == pytest.approx([1 / 4] * 4)
    assert terms.pc.item() == terms.margin_labeled.item() == terms.margin_unlabeled.item() == 0
    assert is_finite(case, terms)


@pytest.mark.parametrize("uc_norm", ["batch", "low_confidence"])
@pytest.mark.parametrize("uc_neg", ["batch", "low_confidence"])
def test_finite_with_no_low_confidence_row(uc_norm: str, uc_neg: str) -> None:
    case = LOSS.case(16, 5, scale=100.0)

    terms = LOSS.of(case, uc_norm=uc_norm, uc_neg=uc_neg)

    assert terms.mask.all()
    assert terms.uc.item() == 0
    assert is_finite(case, terms)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("margin_kl", ["prior_to_estimate", "estimate_to_prior"])
def test_finite_with_a_zero_in_pi_hat(dtype: torch.dtype, margin_kl: str) -> None:
    views = [torch.zeros(6, 4, dtype=dtype) for _ in range(3)]
    for view in views:
        view[:, :2] = 2000.0
        view[:, 0] += torch.arange(6)
    case = case_of(*views, labels=[0, 1], num_seen=2)

    terms = LOSS.of(case, margin_kl=margin_kl)

    assert terms.pi_hat[2:].tolist() == [0.0, 0.0]
    assert is_finite(case, terms)
    assert terms.kl_prior_to_estimate.item() > 5


def test_finite_with_a_single_class() -> None:
    case = LOSS.case(16, 5, num_classes=1)

    assert is_finite(case, LOSS.of(case))


@pytest.mark.parametrize(("place", "name"), [(0, "uc"), (1, "pc"), (2, "entropy")])
def test_a_term_that_is_switched_off_is_reported_as_it_is(place: int, name: str) -> None:
    values, places = LOSS.off[place]

    terms = LOSS.of(LOSS.case().spoilt(places, math.nan), **values)

    assert math.isnan(getattr(terms, name).item())
    assert math.isfinite(terms.total.item())


def test_the_margin_lowers_the_gradient_of_a_class_that_the_model_favours() -> None:
    weak = torch.zeros(10, 4)
    weak[:, 0] = 6.0
    weak[8, 1] = 12.0
    case = case_of(weak, weak.clone(), weak.clone(), labels=[0, 0, 1], num_seen=2)

    def on_targets(C: float) -> list[float]:
        total = LOSS.of(case, C=C, eta1=0.0, eta2=0.0, w_entropy=0.0).total
        labeled, _, unlabeled = case.gradients(total)
        targets = [labeled[0, 0], labeled[2, 1], unlabeled[4, 0]]
        return [-gradient.item() for gradient in targets]

    plain, with_margin = on_targets(0.0), on_targets(10.0)

    kept = [m / p for m, p in zip(with_margin, plain, strict=True)]
    assert all(p > 0 for p in plain)
    assert kept[0] < 0.01  # labeled, favoured
    assert kept[2] < 0.01  # unlabeled, favoured
    assert kept[0] < kept[1] <= 1  # rare


def test_pi_ema_keeps_its_share_of_the_estimate_before() -> None:
    case = LOSS.case()
    before = torch.softmax(torch.arange(4, dtype=torch.float64), dim=0)
    batch = LOSS.of(case).pi_hat

    kept = LOSS.of(case, pi_ema=0.75, pi_hat_before=before).pi_hat

    torch.testing.assert_close(kept, 0.75 * before + 0.25 * batch, rtol=0, atol=1e-14)
    assert torch.equal(LOSS.of(case, pi_ema=0.75).pi_hat, batch)
    assert torch.equal(LOSS.of(case, pi_ema=0.75, pi_hat_before=torch.zeros(4)).pi_hat, batch)
    assert torch.equal(LOSS.of(case, pi_hat_before=before).pi_hat, batch)


@pytest.mark.gpu
def test_no_host_synchronisation_on_a_gpu() -> None:
    if not torch.cuda.is_available():
        pytest.skip("no CUDA device")
    cpu = LOSS.case().to(torch.float32)
    case = cpu.mapped(lambda x: x.detach().cuda())
    hyper, (weak1, weak2, strong) = LOSS.hyper(case), case.leaves.values()
    torch.cuda.set_sync_debug_mode("error")
    try:
        terms = lps_terms(weak1, weak2, strong, case.labels, hyper, **case.more)
        terms.total.backward()  # type: ignore[no-untyped-call]
    finally:
        torch.cuda.set_sync_debug_mode("default")
    assert terms.total.item() == pytest.approx(LOSS.of(cpu).total.item(), rel=1e-4)


def objective(**values: Any) -> LPSObjective:
    return LPSObjective(LPSConfig(**values), num_classes=4, device="cpu")


def single(seed: int = 0) -> Case:
    return LOSS.case(16, 5, seed=seed).to(torch.float32)


def step(of: LPSObjective, case: Case) -> StepLoss:
    outputs = {
        name: TailOutput(features=torch.zeros(len(logits), 2), logits=logits)
        for name, logits in case.leaves.items()
    }
    context = StepContext(2, case.more["progress"], torch.zeros(len(case.labels)))
    return of.loss(outputs, case.labels, context)


def added(steps: list[Mapping[str, Tensor]]) -> dict[str, Tensor]:
    return {name: torch.stack([s[name] for s in steps]).sum(0) for name in steps[0]}


@pytest.mark.parametrize("values", [{}, {"C": 1.0, "tau": 0.2, "eta1": 0.5, "w_entropy": 0.0}])
def test_the_step_is_the_function(values: dict[str, Any]) -> None:
    case = single()

    found, wanted = step(objective(**values), case).total, LOSS.of(case, **values).total

    assert torch.equal(found, wanted)
    pairs = zip(case.gradients(found), case.gradients(wanted), strict=True)
    assert all(torch.equal(one, other) for one, other in pairs)


def test_summary_by_hand() -> None:
    cases = [single(seed) for seed in range(3)]
    steps = [step(objective(), case).diagnostics for case in cases]

    metrics = objective().summarise(added(list(steps)), num_steps=3)

    terms: list[LossTerms] = [LOSS.of(case) for case in cases]
    for name, term in (("pc", "pc"), ("loss_total", "total")):
        mean = sum(getattr(t, term).item() for t in terms) / 3
        assert metrics[name] == pytest.approx(mean, rel=1e-6)
    unlabeled = slice(5, None)
    labels, mask, confidence = (
        [x for t in terms for x in getattr(t, name)[unlabeled].tolist()]
        for name in ("pseudo_labels", "mask", "confidence")
    )
    for name, is_seen in (("seen", True), ("novel", False)):
        of_kind = [m for label, m in zip(labels, mask, strict=True) if (label < 2) == is_seen]
        assert 0 < sum(of_kind) < len(of_kind)
        wanted = 100 * sum(of_kind) / len(of_kind)
        assert metrics[f"confident_share_{name}"] == pytest.approx(wanted)
    assert metrics["confidence_mean"] == pytest.approx(sum(confidence) / len(confidence))


def test_shares_of_nothing_are_zero() -> None:
    case = LOSS.case(4, 4).to(torch.float32)

    metrics = objective().summarise(step(objective(), case).diagnostics, num_steps=1)

    names = ("confidence_mean", "confident_share_seen", "confident_share_novel")
    assert [metrics[name] for name in names] == [0.0, 0.0, 0.0]


def test_without_pi_ema_steps_leave_nothing_behind() -> None:
    plain = objective()
    before = step(plain, single(0)).diagnostics["pi_hat"]

    after = step(plain, single(1)).diagnostics["pi_hat"]

    assert plain.state() == {}
    assert torch.equal(after, LOSS.of(single(1)).pi_hat)
    assert not torch.equal(before, after)


def test_pi_ema_moves_the_kept_estimate_and_survives_a_checkpoint() -> None:
    cases = [single(seed) for seed in range(3)]
    batch = [LOSS.of(case).pi_hat for case in cases]
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
    with pytest.raises(KeyError):
        objective(pi_ema=0.5).load_state({})
