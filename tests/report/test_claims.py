from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import pytest

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
        return {"acc_seen": 90.0 + value / 100, "acc_novel": value, "acc_all": value}

    return finals


def ablation(folder: Path, novel: Mapping[str, float], **known: Any) -> SweepView:
    sweep = ablation_record(SEEDS, arms=list(novel), **known)
    return load_view(make_ledger(folder, sweep, epochs=3, finals=steady(novel)), "ablation")


def swept(
    folder: Path, axis: str, novel: Mapping[float, float], margin: float | None = None
) -> SweepView:
    settings = {**PAPER, **WEIGHTS, "lambda_novel_end": 0.8}
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


def test_evidence_has_the_difference_its_interval_and_the_seeds(tmp_path: Path) -> None:
    view = ablation(tmp_path, {"full": 93.4, "without_entropy": 55.0})
    (found,) = [j for text, j in judged(view).items() if j and text.startswith(ENTROPY)]
    assert found.link == "ablation_figure"
    assert found.evidence.startswith("novel, without_entropy \u221238.4 [\u2212")
    assert "0 of 5 seeds above" in found.evidence


def test_the_zero_of_a_weight_is_an_arm(tmp_path: Path) -> None:
    view = swept(tmp_path, "w_entropy", {0.0: 60.0, 1.0: 90.0})
    found = judged(view)["Without the entropy regulariser novel accuracy drops substantially."]
    assert found is not None
    assert (found.verdict, found.link) == ("supported", "sensitivity_w_entropy_figure")


@pytest.mark.parametrize(
    ("novel", "word"),
    [
        ({1: 90.0, 5: 91.0, 10: 93.0, 15: 94.0, 20: 91.0}, "supported"),
        ({1: 90.0, 5: 91.0, 10: 93.0, 20: 95.0}, "contradicted"),
        ({1: 90.0, 10: 93.0}, "inconclusive"),
        ({1: 90.0, 5: 91.0, 20: 91.0}, "none"),
    ],
)
def test_the_best_margin(tmp_path: Path, novel: dict[float, float], word: str) -> None:
    assert verdict(swept(tmp_path, "C", novel), "C = 10 is best") == word


@pytest.mark.parametrize(
    ("novel", "margin", "best", "robust"),
    [
        ({0.2: 90.0, 0.4: 92.0, 0.6: 91.0}, None, "supported", "inconclusive"),
        ({0.2: 90.0, 0.4: 92.0, 0.6: 93.0}, 0.5, "contradicted", "contradicted"),
        ({0.2: 92.0, 0.4: 92.0, 0.6: 92.0}, 0.5, "contradicted", "supported"),
        ({0.2: 92.0, 0.4: 92.0, 0.6: 92.0}, None, "inconclusive", "inconclusive"),
    ],
)
def test_the_best_tau_and_robustness(
    tmp_path: Path, novel: dict[float, float], margin: float | None, best: str, robust: str
) -> None:
    view = swept(tmp_path, "tau", novel, margin)
    assert verdict(view, "tau = 0.4 yields") == best
    assert verdict(view, "Alterations of tau") == robust


def test_a_default_that_is_not_the_paper_s_value_is_no_obstacle(tmp_path: Path) -> None:
    settings = {**PAPER, "tau": 0.2}
    novel = {0.2: 90.0, 0.4: 92.0, 0.6: 91.0}
    sweep = record({"tau": list(novel)}, SEEDS, settings=settings)
    view = load_view(make_ledger(tmp_path, sweep, epochs=3, finals=steady(novel)), "c_tau")
    assert verdict(view, "tau = 0.4 yields") == "supported"
    assert "tau = 0.2" in claims.setting_difference(view)


def test_robust_weights(tmp_path: Path) -> None:
    view = swept(tmp_path, "eta1", {0.6: 90.0, 1.0: 90.0, 1.4: 90.0}, margin=0.5)
    assert verdict(view, "LPS is robust to eta1") == "supported"
    assert verdict(view, "LPS is robust to eta2") == "none"


def test_a_rising_threshold(tmp_path: Path) -> None:
    rising = swept(tmp_path / "a", "lambda_novel_end", {0.7: 60.0, 0.8: 70.0, 0.9: 80.0})
    assert verdict(rising, "Higher lambda_novel gives better") == "supported"
    falling = swept(tmp_path / "b", "lambda_novel_end", {0.7: 80.0, 0.8: 70.0, 0.9: 60.0})
    assert verdict(falling, "Higher lambda_novel gives better") == "contradicted"


@pytest.mark.parametrize(
    ("ratio", "tested", "other"),
    [(0.5, "Fine-tuning the", STILL), (0.1, STILL, "Fine-tuning the")],
)
def test_fine_tuning(tmp_path: Path, ratio: float, tested: str, other: str) -> None:
    novel = {"stage3": 90.0, "none": 95.0}

    def finals(point: Sequence[Any], seed: int) -> dict[str, float]:
        found = dict(steady(novel)(point, seed))
        return found | {"acc_seen": found["acc_novel"]}

    settings = {**PAPER, "labeled_ratio": ratio}
    for default, folder in (("stage3", "a"), ("none", "b")):
        sweep = record(
            {"frozen_through": list(novel)},
            SEEDS,
            settings={**settings, "frozen_through": default},
        )
        made = make_ledger(tmp_path / folder, sweep, epochs=3, finals=finals)
        view = load_view(made, "c_tau")
        assert verdict(view, tested) == "supported"
        assert verdict(view, other) == "none"


@pytest.mark.parametrize(
    ("tuned", "margin", "word"),
    [
        (93.0, None, "supported"),
        (90.0, 1.0, "supported"),
        (90.0, None, "inconclusive"),
        (87.0, 1.0, "contradicted"),
    ],
)
def test_with_few_labels_the_paper_s_cifar_100_only_keeps_its_accuracy(
    tmp_path: Path, tuned: float, margin: float | None, word: str
) -> None:
    settings = {**PAPER, "dataset": "cifar100", "labeled_ratio": 0.1}
    novel = {"stage3": 90.0, "none": tuned}
    sweep = record({"frozen_through": list(novel)}, SEEDS, settings=settings, margin=margin)
    made = make_ledger(tmp_path, sweep, epochs=3, finals=steady(novel))
    view = load_view(made, "c_tau")
    assert verdict(view, "With 10 % labeled, LPS fine-tuned is as") == word
    assert verdict(view, STILL) == "none"


def test_curves_of_the_default_cell(tmp_path: Path) -> None:
    view = swept(tmp_path, "C", {5: 80.0, 10: 80.0})
    assert verdict(view, "The divergence of estimated") == "supported"
    assert verdict(view, "The model learns seen classes faster") == "supported"
    assert verdict(view, "The accuracy gap of seen and novel") == "supported"


def _with_curves(
    folder: Path,
    view_kl: Mapping[float, float],
    axis: str = "C",
    metric: str = "kl_estimate_to_prior",
) -> SweepView:
    """A sweep over `axis` whose `metric` after the first of two epochs is `view_kl`."""
    sweep = record({axis: list(view_kl)}, SEEDS, settings={**PAPER, "lambda_novel_end": 0.8})
    make_ledger(folder, sweep, otherwise="not_run")
    with Ledger.open(folder, write=True) as ledger, ledger.transaction():
        for trial in ledger.outstanding("c_tau"):
            known = ledger.trial(trial, "c_tau")
            attempt = ledger.start_attempts([trial], "p", {})[trial]
            ledger.begin_attempt(trial, attempt, {})
            first = view_kl[float(str(known.swept[axis]))] + 0.001 * (known.seed % 2)
            for epoch, kl in ((1, first), (2, 0.01)):
                metrics = {metric: kl, "acc_seen": 90.0, "acc_novel": 80.0}
                ledger.add_epoch(trial, attempt, epoch, metrics, 1.0)
            ledger.finish(trial, attempt, "done", epoch=2, metrics={"acc_all": 85.0})
    return load_view(folder, "c_tau")


def test_a_larger_margin_aligns_faster(tmp_path: Path) -> None:
    claim = "A larger C aligns"
    assert verdict(_with_curves(tmp_path / "a", {1: 0.3, 10: 0.2, 20: 0.1}), claim) == "supported"
    assert verdict(_with_curves(tmp_path / "b", {1: 0.1, 10: 0.2, 20: 0.3}), claim) == (
        "contradicted"
    )


@pytest.mark.parametrize(("last", "word"), [(20.0, "supported"), (60.0, "contradicted")])
def test_a_higher_threshold_gives_fewer_pseudo_labels(
    tmp_path: Path, last: float, word: str
) -> None:
    shares = {0.7: 40.0, 0.9: last}
    view = _with_curves(tmp_path, shares, "lambda_novel_end", "confident_share_novel")
    assert verdict(view, "Higher lambda_novel gives fewer") == word
    assert verdict(
        swept(tmp_path / "b", "C", {5: 80.0, 10: 80.0}), "Higher lambda_novel gives f"
    ) == ("none")


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
    assert found in claims.setting_text(found)


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
