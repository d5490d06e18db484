"""The sentences of the paper on LPS and other methods, and how each is judged."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any, Literal

from lps_sweep.report.cells import ACCURACIES, cell_of, select, without
from lps_sweep.report.comparison import level_differences
from lps_sweep.report.figures.evidence import (
    Claim,
    Evidence,
    Judgement,
    Part,
    difference_text,
    early,
    judge_differences,
    judge_sign,
)
from lps_sweep.report.figures.lines import GAP, average
from lps_sweep.report.figures.methods import METRICS
from lps_sweep.report.tables import value_text

WORDS = {
    **{metric: name.lower() for metric, name in ACCURACIES.items()},
    "nmi_novel": "NMI of novel",
    "novel_to_seen_share": "novel given to seen, %",
}
NOT_HERE = "NACH and OpenNCD, which are not implemented here"
BOTH = "arms with the methods lps and orca"

Values = Mapping[int, float]


def values_of(evidence: Evidence, point: Mapping[str, Any], metric: str) -> Values:
    """The final value of each done trial at `point`, by seed."""
    return cell_of(select(evidence.view.trials, point), (*METRICS, metric)).values[metric]


def difference_of(what: str, ours: Values, other: Values, margin: float | None) -> Part:
    """Ours less the other, by seed, with a spread of its own."""
    return what, level_differences([other, ours], 0, margin, pooled=False)[1]


def _ahead(
    metric: str,
    want: Literal["better", "worse"],
    pairs: tuple[tuple[str, str], ...],
    evidence: Evidence,
) -> Judgement | None:
    """The first method of each pair is above or below the second one."""
    points = evidence.method_points
    known = [(a, b) for a, b in pairs if {a, b} <= points.keys()]
    if not known:
        return None
    parts = [
        difference_of(
            f"{WORDS[metric]}, {a} less {b}:",
            values_of(evidence, points[a], metric),
            values_of(evidence, points[b], metric),
            evidence.view.record.margin,
        )
        for a, b in known
    ]
    link = {"nmi_novel": "table-main_nmi", "novel_to_seen_share": None}.get(metric, "table-main")
    return judge_differences(parts, want, link, whole=len(known) == len(pairs))


def _narrower(when: Literal["early", "average"], evidence: Evidence) -> Judgement | None:
    """The gap of seen and novel is narrower with LPS, early or averaged over the epochs."""
    points = evidence.method_points
    if not {"lps", "orca"} <= points.keys():
        return None
    read = early if when == "early" else average
    ours, other = (
        {seed: read(line) for seed, line in evidence.lines(points[m], GAP).items()}
        for m in ("lps", "orca")
    )
    values = {seed: ours[seed] - other[seed] for seed in sorted(ours.keys() & other.keys())}
    words = "after a tenth of the epochs" if when == "early" else "averaged over the epochs"
    return judge_sign(values, -1, f"gap {words}, lps less orca:", "pace_arm_figure")


def _everywhere(parameter: str, evidence: Evidence) -> Judgement | None:
    """LPS is above ORCA in novel and all accuracy at each level of a parameter of the data."""
    points, levels = evidence.method_points, evidence.view.record.axes.get(parameter, ())
    if not {"lps", "orca"} <= points.keys() or len(levels) < 2:
        return None
    parts = []
    for level in levels:
        ours, other = ({**without(points[m], parameter), parameter: level} for m in ("lps", "orca"))
        for metric in ("acc_novel", "acc_all"):
            words = f"{ACCURACIES[metric].lower()} at {value_text(level)}, lps less orca:"
            pair = (values_of(evidence, ours, metric), values_of(evidence, other, metric))
            parts.append(difference_of(words, *pair, evidence.view.record.margin))
    return judge_differences(parts, "better", f"counts_{parameter}_figure")


def _seventy(evidence: Evidence) -> Judgement | None:
    """From half to 70 % labeled All falls with ORCA and rises with LPS; no seed pairs the two."""
    from lps_sweep.results.unpaired import welch_interval

    points, levels = evidence.method_points, evidence.view.record.axes.get("labeled_ratio", ())
    if not {"lps", "orca"} <= points.keys() or not {0.5, 0.7} <= set(levels):
        return None
    signs, texts = [], []
    for method, want in (("lps", 1), ("orca", -1)):
        less, more = (
            list(values_of(evidence, {**points[method], "labeled_ratio": r}, "acc_all").values())
            for r in (0.5, 0.7)
        )
        if not less or not more:
            return Judgement("not tested", "no seed is done at all that is compared")
        interval = welch_interval(more, less)
        difference = sum(more) / len(more) - sum(less) / len(less)
        texts.append(f"all of {method}, 0.7 less 0.5: {difference_text(difference, interval)}")
        low, high = sorted(want * end for end in interval or (0.0, 0.0))
        signs.append(1 if low > 0 else -1 if high < 0 else 0)
    verdict: Literal["contradicted", "supported", "inconclusive"] = "inconclusive"
    if -1 in signs:
        verdict = "contradicted"
    elif signs == [1, 1]:
        verdict = "supported"
    return Judgement(verdict, f"{'; '.join(texts)} (Welch)", "counts_labeled_ratio_figure")


_LPS_ORCA = (("lps", "orca"),)
_BASE = (("lps", "simclr_kmeans"), ("orca", "simclr_kmeans"))

METHOD_CLAIMS = (
    Claim(
        "LPS is more accurate over all classes than ORCA.",
        "Table 1, Figure 2b",
        BOTH,
        partial(_ahead, "acc_all", "better", _LPS_ORCA),
        lps_only=False,
    ),
    Claim(
        "LPS is more accurate on novel classes than ORCA.",
        "Table 1",
        BOTH,
        partial(_ahead, "acc_novel", "better", _LPS_ORCA),
        lps_only=False,
    ),
    Claim(
        "LPS and ORCA improve on the pre-trained model alone (k-means of its features).",
        "Table 1",
        "arms with the methods lps, orca and simclr_kmeans",
        partial(_ahead, "acc_all", "better", _BASE),
        lps_only=False,
    ),
    Claim(
        "LPS is the best of all methods: by 1.2 % (novel) over NACH on CIFAR-10, 3.2 % on "
        "CIFAR-100, 3.8 % (all) on ImageNet-100.",
        "Table 1",
        NOT_HERE,
        lambda _: None,
        lps_only=False,
    ),
    Claim(
        "LPS has the highest NMI of novel classes, above ORCA.",
        "Table 2",
        BOTH,
        partial(_ahead, "nmi_novel", "better", _LPS_ORCA),
        lps_only=False,
    ),
    Claim(
        "The gap of seen and novel is narrower with LPS than with ORCA.",
        "Figure 2a",
        BOTH,
        partial(_narrower, "average"),
        lps_only=False,
    ),
    Claim(
        "LPS attends more to novel classes early in training than ORCA.",
        "Figure 4",
        BOTH,
        partial(_narrower, "early"),
        lps_only=False,
    ),
    Claim(
        "ORCA gives more novel images to seen classes at the end than LPS.",
        "Figure 4b",
        BOTH,
        partial(_ahead, "novel_to_seen_share", "worse", _LPS_ORCA),
        lps_only=False,
    ),
    Claim(
        "LPS\u2019s features have clearer boundaries, with fewer misclassifications, than "
        "ORCA\u2019s.",
        "Figure 5",
        "a number for it: distances in a map are no evidence",
        lambda _: None,
        lps_only=False,
    ),
    Claim(
        "LPS outperforms ORCA at every number of novel classes.",
        "Figure 6a, 6b",
        f"novel_classes, {BOTH}",
        partial(_everywhere, "novel_classes"),
        lps_only=False,
    ),
    Claim(
        "LPS outperforms ORCA at every labeled ratio.",
        "Figure 6c, 6d",
        f"labeled_ratio, {BOTH}",
        partial(_everywhere, "labeled_ratio"),
        lps_only=False,
    ),
    Claim(
        "From 50 % to 70 % labeled ORCA gets worse and LPS better.",
        "Figure 6d",
        f"labeled_ratio at 0.5 and 0.7, {BOTH}",
        _seventy,
        lps_only=False,
    ),
)
"""In the order of the paper's tables and figures."""
