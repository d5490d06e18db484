"""The sentences of the paper on fine-tuning the whole network, and how each is judged."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lps_sweep.report.cells import ACCURACIES
from lps_sweep.report.comparison import level_differences
from lps_sweep.report.figures.evidence import (
    Claim,
    Evidence,
    Judgement,
    Part,
    Verdict,
    judge_differences,
    judge_sign,
    parts_text,
)
from lps_sweep.report.figures.freezing import AXIS, FROZEN, TUNED, freezing_info
from lps_sweep.report.figures.method_claims import BOTH, difference_of, values_of


def _parts(evidence: Evidence, *, few: bool, metrics: tuple[str, ...]) -> list[Part]:
    """The default cell fine-tuned against frozen; none where that or the ratio is another."""
    info = freezing_info(evidence.view)
    if info is None or few != _few_labels(evidence) or TUNED not in info.levels:
        return []
    frozen = info.levels.index(FROZEN) if FROZEN in info.levels else 0
    pair = [info.cells[frozen], info.cells[info.levels.index(TUNED)]]
    return [
        (
            f"{ACCURACIES[m].lower()}, fine-tuned less {info.levels[frozen]}:",
            level_differences([c.values[m] for c in pair], 0, info.margin, pooled=False)[1],
        )
        for m in metrics
    ]


def _gains(evidence: Evidence) -> Judgement | None:
    """With more than 10 % labeled, every accuracy gains by more than the margin (Table 3)."""
    parts = _parts(evidence, few=False, metrics=tuple(ACCURACIES))
    beyond = evidence.view.record.margin
    return judge_differences(parts, "better", "freezing_figure", beyond=beyond) if parts else None


def _still_gains(evidence: Evidence) -> Judgement | None:
    """With 10 % labeled All gains; on CIFAR-100 the paper does not say so (Table 9)."""
    parts = _parts(evidence, few=True, metrics=("acc_all",))
    if not parts or evidence.view.record.settings.get("dataset") == "cifar100":
        return None
    return judge_differences(parts, "better", "freezing_figure")


def _keeps(evidence: Evidence) -> Judgement | None:
    """With 10 % labeled All is not lower, on CIFAR-100 (Table 9)."""
    parts = _parts(evidence, few=True, metrics=("acc_all",))
    if not parts or evidence.view.record.settings.get("dataset") != "cifar100":
        return None
    found = parts[0][1]
    if found is None:
        return Judgement("not tested", "no seeds in common yet")
    verdicts: dict[str, Verdict] = {
        "better": "supported",
        "equivalent": "supported",
        "worse": "contradicted",
    }
    word = verdicts.get(found.word, "inconclusive")
    return Judgement(word, parts_text(parts), "freezing_figure")


def _tuned(evidence: Evidence, method: str) -> dict[str, Mapping[str, Any]] | None:
    """Where a method is frozen and fine-tuned; None where the sweep lacks one of them."""
    point, levels = evidence.method_points.get(method), evidence.view.record.axes.get(AXIS, ())
    if point is None or not {FROZEN, TUNED} <= {str(level) for level in levels}:
        return None
    return {level: {**point, AXIS: level} for level in (FROZEN, TUNED)}


def _few_labels(evidence: Evidence) -> bool:
    return evidence.view.record.settings.get("labeled_ratio") == 0.1


def _gains_more(evidence: Evidence) -> Judgement | None:
    """LPS gains more by fine-tuning than ORCA."""
    found = [_tuned(evidence, method) for method in ("lps", "orca")]
    if None in found or _few_labels(evidence):
        return None
    gains = []
    for where in found:
        ends = [values_of(evidence, (where or {})[k], "acc_all") for k in (FROZEN, TUNED)]
        gains.append({s: ends[1][s] - ends[0][s] for s in ends[0].keys() & ends[1].keys()})
    values = {seed: gains[0][seed] - gains[1][seed] for seed in sorted(gains[0].keys() & gains[1])}
    what = "gain of all by fine-tuning, lps less orca, points:"
    return judge_sign(values, 1, what, "table-freezing")


def _declines(evidence: Evidence) -> Judgement | None:
    """ORCA is less accurate fine-tuned than frozen, with 10 % labeled."""
    where = _tuned(evidence, "orca")
    if where is None or not _few_labels(evidence):
        return None
    tuned, frozen = (values_of(evidence, where[k], "acc_all") for k in (TUNED, FROZEN))
    part = difference_of(
        "all of orca, fine-tuned less frozen:", tuned, frozen, evidence.view.record.margin
    )
    return judge_differences([part], "worse", "table-freezing")


TUNING_CLAIMS = (
    Claim(
        "Fine-tuning the backbone yields substantial gains across both seen and novel classes.",
        "Table 3",
        "frozen_through, none among it, with more than 10 % labeled",
        _gains,
    ),
    Claim(
        "LPS gains more than ORCA by fine-tuning the backbone.",
        "Table 3",
        f"frozen_through at {FROZEN} and {TUNED} with more than 10 % labeled, {BOTH}",
        _gains_more,
        lps_only=False,
    ),
    Claim(
        "With 10 % labeled, fine-tuning still improves LPS (CIFAR-10).",
        "Table 9",
        "frozen_through, none among it, with 10 % labeled",
        _still_gains,
    ),
    Claim(
        "With 10 % labeled, LPS fine-tuned is as accurate as frozen (CIFAR-100).",
        "Table 9",
        "CIFAR-100, frozen_through, none among it, with 10 % labeled",
        _keeps,
    ),
    Claim(
        "With 10 % labeled, ORCA loses overall accuracy by fine-tuning (over 10 %, says the text; "
        "4.6 and 9.0 points, say its tables).",
        "Table 9",
        f"frozen_through at {FROZEN} and {TUNED} with 10 % labeled, the method orca",
        _declines,
        lps_only=False,
    ),
)
"""In the order of the paper's tables."""
