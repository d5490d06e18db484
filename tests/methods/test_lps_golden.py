"""The published golden values, and planted defects that they must see."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import pytest

from lps_sweep.losses.adaptive_margin import class_margins
from lps_sweep.losses.entropy import negative_entropy
from lps_sweep.methods.lps import core
from tests.methods.lps_cases import Case, terms_of, wave_case

FIRST = functools.partial(wave_case, 10.0, 1.7, 8, [0, 1, 2], 20 / 200)
SECOND = functools.partial(wave_case, 5.0, 1.7, 8, [0, 1, 2], 20 / 200)
THIRD = functools.partial(wave_case, 3.5, 1.3, 12, [0, 1, 2, 1], 70 / 200)

GOLDEN = {
    "first": (
        FIRST,
        {
            "kl_prior_to_estimate": 2.676211,
            "kl_estimate_to_prior": 0.290494,
            "entropy": -1.658160,
            "margin_labeled": 2.131967,
            "margin_unlabeled": 0.000000,
            "pc": 1.160135,
            "uc": 0.509868,
            "total": 2.143810,
        },
    ),
    "second": (
        SECOND,
        {
            "kl_prior_to_estimate": 1.200648,
            "kl_estimate_to_prior": 0.251382,
            "entropy": -1.665515,
            "margin_labeled": 0.864597,
            "margin_unlabeled": 0.000021,
            "pc": 1.160135,
            "uc": 0.509868,
            "total": 0.869106,
        },
    ),
    "third": (
        THIRD,
        {
            "kl_prior_to_estimate": 0.063680,
            "entropy": -1.722964,
            "margin_labeled": 1.922704,
            "margin_unlabeled": 0.100507,
            "pc": 1.128514,
            "uc": 0.669458,
            "total": 2.098219,
        },
    ),
}
GRADIENT_NORMS = (0.439069, 0.039972, 0.102207)
SWITCHES: list[tuple[dict[str, Any], str, float]] = [
    ({"margin_kl": "estimate_to_prior"}, "total", 2.114452),
    ({"uc_norm": "low_confidence"}, "uc", 1.338916),
    ({"uc_neg": "low_confidence"}, "uc", 0.378348),
]


def check_values(terms: core.LossTerms, wanted: dict[str, float]) -> None:
    found = {name: getattr(terms, name).item() for name in wanted}
    assert found == pytest.approx(wanted, abs=1e-6, rel=0)


def check_third(case: Case) -> None:
    terms = terms_of(case)
    check_values(terms, GOLDEN["third"][1])
    assert "".join(str(int(m)) for m in terms.mask.tolist()) == "111101010000"
    assert terms.pseudo_labels.tolist() == [0, 1, 2, 1, 2, 5, 0, 5, 2, 3, 2, 0]
    terms.total.backward()  # type: ignore[no-untyped-call]
    norms = [view.grad.norm().item() for view in case.views if view.grad is not None]
    assert norms == pytest.approx(GRADIENT_NORMS, abs=1e-6, rel=0)


@pytest.mark.parametrize("name", GOLDEN)
def test_golden_values(name: str) -> None:
    make, wanted = GOLDEN[name]

    check_values(terms_of(make()), wanted)


@pytest.mark.parametrize("name", ["first", "second"])
def test_golden_mask(name: str) -> None:
    assert terms_of(GOLDEN[name][0]()).mask.tolist() == [True] * 5 + [False] * 3


def test_golden_labels_and_gradients() -> None:
    check_third(THIRD())


@pytest.mark.parametrize(("switches", "name", "wanted"), SWITCHES)
def test_golden_switches(switches: dict[str, Any], name: str, wanted: float) -> None:
    check_values(terms_of(THIRD(), **switches), {name: wanted})


def _pseudo_labels_from_strong(case: Case, patch: pytest.MonkeyPatch) -> None:
    strong = case.views[2]
    right = core.estimate
    patch.setattr(core, "estimate", lambda _, *args, **kw: right(strong, *args, **kw))


def _gradient_through_the_margin(_: Case, patch: pytest.MonkeyPatch) -> None:
    patch.setattr(core, "estimate", core.estimate.__wrapped__)  # type: ignore[attr-defined]


def _margin_of_the_wrong_sign(_: Case, patch: pytest.MonkeyPatch) -> None:
    patch.setattr(core, "class_margins", lambda *args: -class_margins(*args))


def _entropy_of_the_wrong_sign(_: Case, patch: pytest.MonkeyPatch) -> None:
    patch.setattr(core, "negative_entropy", lambda z: -negative_entropy(z))


def _frozen_threshold(_: Case, patch: pytest.MonkeyPatch) -> None:
    patch.setattr(core, "lambda_novel", lambda _shape, start, _end, _progress: start)


def _entropy_from_weak2(case: Case, patch: pytest.MonkeyPatch) -> None:
    patch.setattr(core, "negative_entropy", lambda _: negative_entropy(case.views[1]))


def _contrast_of_the_weak_views(case: Case, patch: pytest.MonkeyPatch) -> None:
    right, weak1 = core._contrastive, case.views[0]
    patch.setattr(core, "_contrastive", lambda weak2, _, *args: right(weak2, weak1, *args))


DEFECTS: list[Callable[[Case, pytest.MonkeyPatch], None]] = [
    _pseudo_labels_from_strong,
    _gradient_through_the_margin,
    _margin_of_the_wrong_sign,
    _entropy_of_the_wrong_sign,
    _frozen_threshold,
    _entropy_from_weak2,
    _contrast_of_the_weak_views,
]


@pytest.mark.parametrize("plant", DEFECTS)
def test_a_planted_defect_is_seen(
    plant: Callable[[Case, pytest.MonkeyPatch], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    case = THIRD()
    plant(case, monkeypatch)

    with pytest.raises(AssertionError):
        check_third(case)
