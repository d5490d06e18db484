from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from lps_sweep.report.figures.claims import claims_info, finding, sections, setting_text
from lps_sweep.report.figures.evidence import Evidence, Judgement, judge_sign
from lps_sweep.report.figures.paper_claims import CLAIMS
from lps_sweep.results import Ledger, SweepView, load_view
from tests.report.report_cases import (
    ARMS,
    PAPER,
    WEIGHTS,
    ablation_record,
    make_ledger,
    record,
)

SEEDS = range(5)
STILL = "With 10 % labeled, fine-tuning still"


def judged(view: SweepView) -> dict[str, Judgement | None]:
    return {claim.text: found for claim, found in claims_info(view).judged}


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
    return load_view(make_ledger(folder, sweep, epochs=10, finals=steady(novel)), "ablation")


def swept(
    folder: Path, axis: str, novel: Mapping[float, float], margin: float | None = None
) -> SweepView:
    settings = {**PAPER, **WEIGHTS, "lambda_novel_end": 0.8}
    sweep = record({axis: list(novel)}, SEEDS, settings=settings, margin=margin)
    return load_view(make_ledger(folder, sweep, epochs=10, finals=steady(novel)), "c_tau")


def test_an_ablation_like_the_paper_s(tmp_path: Path) -> None:
    novel = {"full": 93.4, **dict.fromkeys(list(ARMS)[1:], 89.0)} | {"without_entropy": 55.0}
    view = ablation(tmp_path, novel)
    assert verdict(view, "Without the entropy regulariser") == "supported"
    assert verdict(view, "The removal of any component") == "supported"
    assert verdict(view, "Pseudo-label contrastive loss and adaptive") == "supported"
    found = judged(view)["Without the entropy regulariser novel accuracy drops substantially."]
    assert found is not None
    assert found.link == "ablation_figure"
    assert found.evidence.startswith("novel, without_entropy \u221238.4 [\u2212")
    assert "0 of 5 seeds above; direction only: without a declared margin" in found.evidence


@pytest.mark.parametrize(("margin", "word"), [(1.0, "supported"), (4.0, "inconclusive")])
def test_a_substantial_drop_is_beyond_the_margin(tmp_path: Path, margin: float, word: str) -> None:
    """A drop of four points is surely a drop, and substantial only where so much matters."""
    view = ablation(tmp_path, {"full": 90.0, "without_entropy": 86.0}, margin=margin)
    assert verdict(view, "Without the entropy regulariser") == word
    assert verdict(view, "The removal of any component") == "inconclusive"


def test_one_removal_that_helps_contradicts(tmp_path: Path) -> None:
    novel = {"full": 90.0, **dict.fromkeys(list(ARMS)[1:], 85.0)} | {"without_margin": 92.0}
    view = ablation(tmp_path, novel)
    assert verdict(view, "The removal of any component") == "contradicted"
    assert verdict(view, "Pseudo-label contrastive loss and adaptive") == "contradicted"
    assert verdict(view, "Without the entropy regulariser") == "supported"


def test_a_part_of_the_arms_cannot_support_all_of_them(tmp_path: Path) -> None:
    view = ablation(tmp_path, {"full": 93.4, "without_entropy": 55.0})
    assert verdict(view, "The removal of any component") == "inconclusive"
    assert verdict(view, "Pseudo-label contrastive loss and adaptive") == "none"


def test_an_equivalent_arm_contradicts_its_use(tmp_path: Path) -> None:
    novel = {"full": 90.0, "without_pc": 90.0, "without_margin": 80.0}
    view = ablation(tmp_path, novel, margin=1.0)
    assert verdict(view, "Pseudo-label contrastive loss and adaptive") == "contradicted"


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
    assert claims_info(view).setting == "CIFAR-10 with tau = 0.2, not with tau = 0.4"


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
    found = judged(view)[
        "The divergence of estimated and prior class distribution falls in training."
    ]
    assert found is not None
    assert found.link == "pace_default_figure"


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


def test_signs_need_three_seeds_and_all_of_them() -> None:
    assert judge_sign({}, 1, "x", "f") == Judgement(
        "not tested", "no seed is done at all that is compared"
    )
    assert judge_sign({0: 1.0, 1: 1.1}, 1, "x", "f").verdict == "inconclusive"
    assert judge_sign({0: 1.0, 1: 1.1, 2: 0.9}, 1, "x", "f").verdict == "supported"
    assert judge_sign({0: 1.0, 1: 1.1, 2: 0.9}, -1, "x", "f").verdict == "contradicted"
    wide = {0: 0.1, 1: 5.0, 2: 10.0}
    assert judge_sign(wide, 1, "x", "f").verdict == "inconclusive", "its interval has zero in it"
    rounding = dict.fromkeys(range(3), -1e-17)
    assert judge_sign(rounding, 1, "x", "f").verdict == "inconclusive"
    many = {seed: 1.0 + 0.01 * seed for seed in range(20)} | {20: -0.01}
    assert judge_sign(many, 1, "x", "f").verdict == "inconclusive"


def test_the_setting_is_stated(tmp_path: Path) -> None:
    ours = ablation(tmp_path / "ours", dict.fromkeys(ARMS, 90.0))
    assert setting_text(claims_info(ours)).startswith("Not the paper\u2019s setting: digits with")
    assert "in this setting, which is not the paper\u2019s" in finding(claims_info(ours))
    paper = ablation(tmp_path / "paper", dict.fromkeys(ARMS, 90.0), settings=PAPER)
    assert setting_text(claims_info(paper)).startswith("The setting is the paper\u2019s")
    changed = ablation(tmp_path / "c", dict.fromkeys(ARMS, 90.0), settings={**PAPER, "tau": 0.9})
    assert "CIFAR-10 with tau = 0.9, not with" in setting_text(claims_info(changed))
    other = ablation(
        tmp_path / "o", dict.fromkeys(ARMS, 90.0), settings={**PAPER, "method": "orca"}
    )
    assert "default cell is another method\u2019s" in setting_text(claims_info(other))


def test_every_claim_is_listed_once_with_its_verdict_or_what_it_needs(tmp_path: Path) -> None:
    view = ablation(tmp_path, {"full": 93.4, "without_entropy": 55.0})
    (section,) = sections(view)
    tested, untested = section.tables
    texts = [row[0] for row in (*tested.rows, *untested.rows)]
    assert sorted(map(str, texts)) == sorted(claim.text for claim in CLAIMS)
    assert {row[1] for row in untested.rows} >= {"Figure 4b", "Table 3", "Table 8"}
    assert len({claim.text for claim in CLAIMS}) == len(CLAIMS)


@pytest.mark.parametrize("axes", [{"C": [1, 10], "tau": [0.2, 0.4]}, {"arm": list(ARMS)}, {}])
def test_nothing_run_supports_nothing(tmp_path: Path, axes: dict[str, list[Any]]) -> None:
    sweep = record(axes, settings={**PAPER, **WEIGHTS}, defaults={n: v[0] for n, v in axes.items()})
    view = load_view(make_ledger(tmp_path, sweep, otherwise="not_run"), "c_tau")
    verdicts = {found.verdict for _, found in claims_info(view).judged if found}
    assert verdicts <= {"not tested"}
    assert finding(claims_info(view)) == ""
    assert Evidence(view).lines({}, "acc_novel") == {}
