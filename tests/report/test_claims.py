from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import pytest

from lps_sweep.report.cells import FREEZING
from lps_sweep.report.evidence import Judgement, judge_sign
from lps_sweep.report.judges import JUDGES
from lps_sweep.report.pages import claims
from lps_sweep.results import Ledger, SweepView, load_view
from tests.report.report_cases import (
    ARMS,
    PAPER,
    SETTINGS,
    WEIGHTS,
    ablation_record,
    make_ledger,
    record,
)

SEEDS = range(5)
STILL = "With 10 % labeled, fine-tuning still"


@lru_cache(maxsize=1)
def judged(view: SweepView) -> dict[str, Judgement | None]:
    return {claim.text: found for claim, found in claims.judged(view)}


def verdict(view: SweepView, start: str) -> str:
    (found,) = [j for text, j in judged(view).items() if text.startswith(start)]
    return "none" if found is None else found.verdict


def steady(novel: Mapping[Any, float], place: int = 0) -> Any:
    """Final metrics that depend on one swept value, with a little noise by seed."""

    def finals(point: Sequence[Any], seed: int) -> dict[str, float]:
        value = novel[point[place]] + 0.02 * ((seed * (3 + len(str(point[place])))) % 5)
        return {"acc_seen": value, "acc_novel": value, "acc_all": value}

    return finals


def ablation(folder: Path, novel: Mapping[str, float], **known: Any) -> SweepView:
    sweep = ablation_record(SEEDS, arms=list(novel), **known)
    return load_view(make_ledger(folder, sweep, epochs=3, finals=steady(novel)), "ablation")


def swept(
    folder: Path,
    axis: str,
    novel: Mapping[Any, float],
    margin: float | None = None,
    known: Mapping[str, Any] = {},
) -> SweepView:
    settings = {**PAPER, **WEIGHTS, "lambda_novel_end": 0.8, **known}
    sweep = record({axis: list(novel)}, SEEDS, settings=settings, margin=margin)
    return load_view(make_ledger(folder, sweep, epochs=3, finals=steady(novel)), "c_tau")


ALL = dict.fromkeys(list(ARMS)[1:], 85.0)
ENTROPY, ANY, LARGE = (
    "Without the entropy regulariser",
    "The removal of any component",
    "Pseudo-label contrastive loss and adaptive",
)


@pytest.mark.parametrize(
    ("novel", "margin", "words"),
    [
        ({"full": 93.4, **ALL}, None, ("supported", "supported", "supported")),
        (
            {"full": 90.0, **ALL, "without_margin": 92.0},
            None,
            ("supported", "contradicted", "contradicted"),
        ),
        ({"full": 93.4, "without_entropy": 55.0}, None, ("supported", "inconclusive", "none")),
        (
            {"full": 90.0, "without_pc": 90.0, "without_margin": 80.0},
            1.0,
            ("none", "contradicted", "contradicted"),
        ),
        ({"full": 90.0, "without_entropy": 86.0}, 1.0, ("supported", "inconclusive", "none")),
        ({"full": 90.0, "without_entropy": 86.0}, 4.0, ("inconclusive", "inconclusive", "none")),
    ],
)
def test_without_a_term(
    tmp_path: Path, novel: dict[str, float], margin: float | None, words: tuple[str, ...]
) -> None:
    """Each term that is planned must matter, beyond the margin for what is substantial."""
    view = ablation(tmp_path, novel, margin=margin)
    assert tuple(verdict(view, claim) for claim in (ENTROPY, ANY, LARGE)) == words


def test_the_zero_of_a_weight_is_an_arm(tmp_path: Path) -> None:
    view = swept(tmp_path, "w_entropy", {0.0: 60.0, 1.0: 90.0})
    found = judged(view)["Without the entropy regulariser novel accuracy drops substantially."]
    assert found is not None
    assert (found.verdict, found.link) == ("supported", "sensitivity_w_entropy_figure")


MARGIN, TAU, ROBUST = "C = 10 is best", "tau = 0.4 yields", "Alterations of tau"
THRESHOLD = "Higher lambda_novel gives better"
TUNED, KEPT = "Fine-tuning the", "With 10 % labeled, LPS fine-tuned is as"
FEW: dict[str, Any] = {"labeled_ratio": 0.1}
MANY_CLASSES: dict[str, Any] = {**FEW, "dataset": "cifar100"}


@pytest.mark.parametrize(
    ("axis", "novel", "known", "words"),
    [
        ("C", {1: 90, 5: 91, 10: 93, 15: 94, 20: 91}, {}, {MARGIN: "supported"}),
        ("C", {1: 90, 5: 91, 10: 93, 20: 95}, {}, {MARGIN: "contradicted"}),
        ("C", {1: 90, 10: 93}, {}, {MARGIN: "inconclusive"}),
        ("C", {1: 90, 5: 91, 20: 91}, {}, {MARGIN: "none"}),
        ("tau", {0.2: 90, 0.4: 92, 0.6: 91}, {}, {TAU: "supported", ROBUST: "inconclusive"}),
        ("tau", {0.2: 90, 0.4: 92, 0.6: 91}, {"tau": 0.2}, {TAU: "supported"}),
        (
            "tau",
            {0.2: 90, 0.4: 92, 0.6: 93},
            {"margin": 0.5},
            {TAU: "contradicted", ROBUST: "contradicted"},
        ),
        (
            "tau",
            {0.2: 92, 0.4: 92, 0.6: 92},
            {"margin": 0.5},
            {TAU: "contradicted", ROBUST: "supported"},
        ),
        ("tau", {0.2: 92, 0.4: 92, 0.6: 92}, {}, {TAU: "inconclusive", ROBUST: "inconclusive"}),
        (
            "eta1",
            {0.6: 90, 1.0: 90, 1.4: 90},
            {"margin": 0.5},
            {"LPS is robust to eta1": "supported", "LPS is robust to eta2": "none"},
        ),
        ("lambda_novel_end", {0.7: 60, 0.8: 70, 0.9: 80}, {}, {THRESHOLD: "supported"}),
        ("lambda_novel_end", {0.7: 80, 0.8: 70, 0.9: 60}, {}, {THRESHOLD: "contradicted"}),
        (FREEZING, {"stage3": 90, "none": 95}, {}, {TUNED: "supported", STILL: "none"}),
        (FREEZING, {"stage3": 90, "none": 95}, {FREEZING: "none"}, {TUNED: "supported"}),
        (FREEZING, {"stage3": 90, "none": 95}, FEW, {TUNED: "none", STILL: "supported"}),
        (
            FREEZING,
            {"stage3": 90, "none": 93},
            MANY_CLASSES,
            {KEPT: "supported", STILL: "none"},
        ),
        (FREEZING, {"stage3": 90, "none": 90}, MANY_CLASSES, {KEPT: "inconclusive"}),
        (
            FREEZING,
            {"stage3": 90, "none": 90},
            {**MANY_CLASSES, "margin": 1.0},
            {KEPT: "supported"},
        ),
        (
            FREEZING,
            {"stage3": 90, "none": 87},
            {**MANY_CLASSES, "margin": 1.0},
            {KEPT: "contradicted"},
        ),
    ],
)
def test_one_parameter(
    tmp_path: Path,
    axis: str,
    novel: dict[Any, float],
    known: dict[str, Any],
    words: dict[str, str],
) -> None:
    """Levels against the one of the paper; `known` are settings, and the declared margin."""
    settings = dict(known)
    view = swept(tmp_path, axis, novel, settings.pop("margin", None), settings)
    assert {claim: verdict(view, claim) for claim in words} == words


def test_curves_of_the_default_cell(tmp_path: Path) -> None:
    view = swept(tmp_path, "C", {5: 80.0, 10: 80.0})
    assert verdict(view, "The divergence of estimated") == "supported"
    assert verdict(view, "The model learns seen classes faster") == "supported"
    assert verdict(view, "The accuracy gap of seen and novel") == "supported"


FASTER, FEWER = "A larger C aligns", "Higher lambda_novel gives fewer"


def _with_curves(folder: Path, numbers: Mapping[float, float], axis: str, metric: str) -> SweepView:
    """A sweep over `axis` whose `metric` after the first of two epochs is of `numbers`."""
    sweep = record({axis: list(numbers)}, SEEDS, settings={**PAPER, "lambda_novel_end": 0.8})
    make_ledger(folder, sweep, otherwise="not_run")
    with Ledger.open(folder, write=True) as ledger, ledger.transaction():
        for trial in ledger.outstanding("c_tau"):
            known = ledger.trial(trial, "c_tau")
            attempt = ledger.start_attempts([trial], "p", {})[trial]
            ledger.begin_attempt(trial, attempt, {})
            first = numbers[float(str(known.swept[axis]))] + 0.001 * (known.seed % 2)
            for epoch, kl in ((1, first), (2, 0.01)):
                metrics = {metric: kl, "acc_seen": 90.0, "acc_novel": 80.0}
                ledger.add_epoch(trial, attempt, epoch, metrics, 1.0)
            ledger.finish(trial, attempt, "done", epoch=2, metrics={"acc_all": 85.0})
    return load_view(folder, "c_tau")


@pytest.mark.parametrize(
    ("axis", "metric", "numbers", "claim", "word"),
    [
        ("C", "kl_estimate_to_prior", {1: 0.3, 10: 0.2, 20: 0.1}, FASTER, "supported"),
        ("C", "kl_estimate_to_prior", {1: 0.1, 10: 0.2, 20: 0.3}, FASTER, "contradicted"),
        ("C", "kl_estimate_to_prior", {1: 0.1, 10: 0.2, 20: 0.3}, FEWER, "none"),
        ("lambda_novel_end", "confident_share_novel", {0.7: 40, 0.9: 20}, FEWER, "supported"),
        ("lambda_novel_end", "confident_share_novel", {0.7: 40, 0.9: 60}, FEWER, "contradicted"),
    ],
)
def test_a_curve_along_a_parameter(
    tmp_path: Path, axis: str, metric: str, numbers: dict[float, float], claim: str, word: str
) -> None:
    assert verdict(_with_curves(tmp_path, numbers, axis, metric), claim) == word


@pytest.mark.parametrize(
    ("values", "word"),
    [
        ([], "not tested"),
        ([1.0, 1.1], "inconclusive"),
        ([1.0, 1.1, 0.9], "supported"),
        ([-1.0, -1.1, -0.9], "contradicted"),
        ([0.1, 5.0, 10.0], "inconclusive"),
        ([-1e-17] * 3, "inconclusive"),
        ([*(1.0 + 0.01 * seed for seed in range(20)), -0.01], "inconclusive"),
    ],
)
def test_a_sign_needs_three_seeds_all_of_them_and_an_interval(
    values: list[float], word: str
) -> None:
    assert judge_sign(dict(enumerate(values)), "higher", "x", "f").verdict == word


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        (SETTINGS, "digits"),
        (PAPER, ""),
        ({**PAPER, "tau": 0.9}, "tau = 0.9"),
        ({**PAPER, "method": "orca"}, "method"),
    ],
)
def test_the_setting_is_stated(tmp_path: Path, settings: dict[str, Any], words: str) -> None:
    view = ablation(tmp_path, dict.fromkeys(ARMS, 90.0), settings=settings)
    found = claims.setting_difference(view)
    assert bool(words) == bool(found)
    assert words in found


def test_every_claim_is_listed_once_with_its_verdict_or_what_it_needs(tmp_path: Path) -> None:
    view = ablation(tmp_path, {"full": 93.4, "without_entropy": 55.0})
    (section,) = claims.sections(view)
    tested, untested = section.tables
    texts = [row[0] for row in (*tested.rows, *untested.rows)]
    assert sorted(map(str, texts)) == sorted(claim.text for claim in claims.claims())
    assert len(set(texts)) == len(texts) == 40


def test_every_judge_takes_the_parameters_of_its_claims() -> None:
    used = {claim.judge for claim in claims.claims()} - {""}
    assert used == set(JUDGES)
    for claim in claims.claims():
        if claim.judge:
            inspect.signature(JUDGES[claim.judge]).bind(None, **claim.given)


@pytest.mark.parametrize("axes", [{"C": [1, 10], "tau": [0.2, 0.4]}, {"arm": list(ARMS)}, {}])
def test_nothing_run_supports_nothing(tmp_path: Path, axes: dict[str, list[Any]]) -> None:
    sweep = record(axes, settings={**PAPER, **WEIGHTS}, defaults={n: v[0] for n, v in axes.items()})
    view = load_view(make_ledger(tmp_path, sweep, otherwise="not_run"), "c_tau")
    found = claims.judged(view)
    assert {judgement.verdict for _, judgement in found if judgement} <= {"not tested"}
    assert claims.finding(found, "") == ""
