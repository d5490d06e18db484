"""The sentences of the paper that a sweep can test, and how each is judged."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Literal

from lps_sweep.report.cells import ACCURACIES
from lps_sweep.report.figures.evidence import (
    EARLY,
    Claim,
    Evidence,
    Judgement,
    against,
    early,
    figure_of,
    judge_differences,
    judge_equivalence,
    judge_sign,
)
from lps_sweep.report.figures.lines import GAP, average
from lps_sweep.report.figures.method_claims import METHOD_CLAIMS
from lps_sweep.report.figures.tuning_claims import TUNING_CLAIMS
from lps_sweep.report.section import slug
from lps_sweep.report.tables import value_text


def _removals(
    arms: tuple[str, ...], metric: str, evidence: Evidence, *, large: bool = False
) -> Judgement | None:
    """Without each of the terms the accuracy falls, by more than the margin if it is `large`."""
    found = [r for arm in arms if (r := evidence.removal(arm, metric)) is not None]
    if not found:
        return None
    parts = [(f"{ACCURACIES[metric].lower()}, {name}", part) for name, part, _ in found]
    beyond = evidence.view.record.margin if large else 0.0
    whole = len(found) == len(arms)
    return judge_differences(parts, "worse", found[0][2], whole=whole, beyond=beyond)


def _margin_gap(evidence: Evidence) -> Judgement | None:
    """Without the margin the gap of seen and novel, averaged over the epochs, is wider."""
    info = evidence.ablation
    if info is None or not {"full", "without_margin"} <= set(info.paper_names):
        return None
    arms = [info.arms.levels[info.paper_names.index(n)] for n in ("without_margin", "full")]
    by_arm = evidence.level_lines("arm", GAP)
    without, full = ({s: average(x) for s, x in by_arm[arm].items()} for arm in arms)
    values = {seed: without[seed] - full[seed] for seed in without.keys() & full.keys()}
    what = "gap, averaged over the epochs, without the margin less with it:"
    return judge_sign(dict(sorted(values.items())), 1, what, "pace_arm_figure")


def _best(
    parameter: str, best: float, metric: str, others: tuple[float, ...], evidence: Evidence
) -> Judgement | None:
    """The paper's value beats the `others`, or all that were planned."""
    info = evidence.slice(parameter)
    found = None if info is None else against(info, best, metric)
    if not found:
        return None
    chosen = {v: d for v, d in found.items() if not others or v in others}
    if not chosen:
        return None
    name = ACCURACIES[metric].lower()
    parts = [
        (f"{name}, {value_text(v)} less {value_text(best)}:", part) for v, part in chosen.items()
    ]
    whole = not others or len(chosen) == len(others)
    return judge_differences(parts, "worse", figure_of(parameter), whole=whole)


def _robust(parameter: str, evidence: Evidence) -> Judgement | None:
    """No planned value of the parameter moves All by more than the margin."""
    info = evidence.slice(parameter)
    if info is None or info.default is None:
        return None
    parts = [
        (f"all, {value_text(v)}:", part)
        for i, (v, part) in enumerate(zip(info.levels, info.differences["acc_all"], strict=True))
        if i != info.default
    ]
    return judge_equivalence(parts, info.margin, figure_of(parameter))


def _rises(parameter: str, metric: str, step: float, evidence: Evidence) -> Judgement | None:
    """The accuracy rises along the parameter, by the slope of each seed."""
    from lps_sweep.results.statistics import slopes

    info = evidence.slice(parameter)
    if info is None:
        return None
    levels = {float(v): c.values[metric] for v, c in zip(info.levels, info.cells, strict=True)}
    values = {seed: step * slope for seed, slope in slopes(levels).items()}
    what = f"{ACCURACIES[metric].lower()} per {step:g} of {parameter}, points:"
    return judge_sign(values, 1, what, figure_of(parameter))


def _fewer(evidence: Evidence) -> Judgement | None:
    """The higher lambda_novel, the smaller the part of novel predictions that count as sure."""
    from lps_sweep.results.statistics import slopes

    parameter = "lambda_novel_end"
    if evidence.slice(parameter) is None:
        return None
    lines = evidence.level_lines(parameter, "confident_share_novel")
    levels = {float(v): {s: average(x) for s, x in own.items()} for v, own in lines.items()}
    values = {seed: 0.1 * slope for seed, slope in slopes(levels).items()}
    what = "sure among the images predicted novel, per 0.1, points:"
    return judge_sign(values, -1, what, figure_of(parameter))


def _aligns(evidence: Evidence) -> Judgement | None:
    """The larger C, the lower the early KL divergence."""
    from lps_sweep.results.statistics import slopes

    if evidence.slice("C") is None:
        return None
    metric = _divergence(evidence)
    lines = evidence.level_lines("C", metric)
    first = {float(v): {s: early(x) for s, x in by_seed.items()} for v, by_seed in lines.items()}
    values = {seed: 10 * slope for seed, slope in slopes(first).items()}
    what = f"KL after {100 * EARLY:.0f} % of the epochs, per 10 of C, nats:"
    return judge_sign(values, -1, what, f"pace_{slug('C')}_figure", 3)


def _divergence(evidence: Evidence) -> str:
    """The divergence that Figure 4 draws, or the other one where it was not recorded."""
    recorded = evidence.view.epochs.columns
    first, second = "kl_estimate_to_prior", "kl_prior_to_estimate"
    return first if first in recorded else second


def _kl_falls(evidence: Evidence) -> Judgement | None:
    lines = evidence.lines(evidence.default_point, _divergence(evidence))
    values = {s: x.values[-1] - x.values[0] for s, x in lines.items() if len(x.values) > 1}
    return _of_curves(values, -1, "KL, last epoch less first, nats:", 3)


def _seen_first(evidence: Evidence) -> Judgement | None:
    lines = evidence.lines(evidence.default_point, GAP)
    values = {seed: early(line) for seed, line in lines.items()}
    what = f"seen less novel after {100 * EARLY:.0f} % of the epochs, points:"
    return _of_curves(values, 1, what)


def _gap_closes(evidence: Evidence) -> Judgement | None:
    lines = evidence.lines(evidence.default_point, GAP)
    values = {s: x.values[-1] - x.values[0] for s, x in lines.items() if len(x.values) > 1}
    return _of_curves(values, -1, "gap of seen and novel, last epoch less first, points:")


def _of_curves(
    values: Mapping[int, float], want: Literal[1, -1], what: str, digits: int = 1
) -> Judgement | None:
    return judge_sign(values, want, what, "pace_default_figure", digits) if values else None


TERMS = ("without_margin", "without_pc", "without_uc", "without_entropy")
_CURVES = "recorded epochs of the default cell"


def _claims() -> tuple[Claim, ...]:
    return (
        Claim(
            "The model learns seen classes faster than novel ones.",
            "Figure 2a",
            _CURVES,
            _seen_first,
        ),
        Claim(
            "The accuracy gap of seen and novel classes narrows in training.",
            "Figure 2a",
            _CURVES,
            _gap_closes,
        ),
        Claim(
            "The adaptive margin narrows the gap in learning pace.",
            "Figure 2a, Section 5",
            "the arms full and without_margin",
            _margin_gap,
        ),
        Claim(
            "Without the entropy regulariser novel accuracy drops substantially.",
            "Table 4",
            "the arm without_entropy, or w_entropy at 0",
            partial(_removals, ("without_entropy",), "acc_novel", large=True),
        ),
        Claim(
            "The removal of any component degrades performance.",
            "Table 4",
            "the four arms without a term",
            partial(_removals, TERMS, "acc_all"),
        ),
        Claim(
            "Pseudo-label contrastive loss and adaptive margin substantially improve novel "
            "accuracy.",
            "Table 4",
            "the arms without_pc and without_margin",
            partial(_removals, ("without_pc", "without_margin"), "acc_novel", large=True),
        ),
        Claim(
            "The divergence of estimated and prior class distribution falls in training.",
            "Figure 4a",
            _CURVES,
            _kl_falls,
        ),
        Claim(
            "The estimated class distribution closely aligns with the prior at the end.",
            "Figure 4b",
            "a published number: the figure has none",
            lambda _: None,
        ),
        *(
            Claim(f"LPS is robust to {eta}.", "Table 5", eta, partial(_robust, eta))
            for eta in ("eta1", "eta2")
        ),
        Claim(
            "Higher lambda_novel gives better accuracy on seen classes.",
            "Table 6",
            "lambda_novel_end",
            partial(_rises, "lambda_novel_end", "acc_seen", 0.1),
        ),
        Claim(
            "Higher lambda_novel gives fewer novel images a pseudo-label.",
            "Table 6",
            "lambda_novel_end",
            _fewer,
        ),
        Claim(
            "A larger C aligns estimated and prior distribution faster.",
            "Table 7",
            "C",
            _aligns,
        ),
        Claim(
            "C = 10 is best for novel classes: 1 and 5 are too slow, 20 is too fast.",
            "Table 7",
            "C at 10 and at 1, 5 and 20",
            partial(_best, "C", 10.0, "acc_novel", (1, 5, 20)),
        ),
        Claim(
            "tau = 0.4 yields the best performance.",
            "Table 8",
            "tau, 0.4 among it",
            partial(_best, "tau", 0.4, "acc_all", ()),
        ),
        Claim(
            "Alterations of tau have no pronounced impact.",
            "Table 8",
            "tau",
            partial(_robust, "tau"),
        ),
    )


LPS_CLAIMS = _claims()
"""In the order of the paper's tables and figures."""

CLAIMS = (*LPS_CLAIMS, *TUNING_CLAIMS, *METHOD_CLAIMS)
