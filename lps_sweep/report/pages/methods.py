"""Main comparison: methods in the layout of the paper's Tables 1 and 2."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from lps_sweep.report import against
from lps_sweep.report.arms import GAP
from lps_sweep.report.cells import ACCURACIES, HEADLINE, metric_facets
from lps_sweep.report.methods import (
    GAIN,
    MATCHINGS,
    NMI,
    Comparison,
    Method,
    read_methods,
)
from lps_sweep.report.model import Block, Column, Figure, Fold, Section, Table
from lps_sweep.report.numbers import minus, number_text
from lps_sweep.report.reference import PAPER_NAMES, paper_interval, paper_word
from lps_sweep.report.setting import Setting, doubts_table, paper_table
from lps_sweep.report.work import SPLIT

if TYPE_CHECKING:
    from lps_sweep.results.view import SweepView

ORDER = 12
_EMPHASIS = (
    "Bold: the highest mean and all methods that are not distinguishable from it (paired by seed, "
    "each pair with its own spread); the best is among them in 95 of 100 tables, for near-normal "
    "differences. With fewer than three seeds in common nothing can be told apart."
)
_NO_EMPHASIS = "No method is emphasised: that needs two with three finished seeds in common."
_GAP_NOTES = (
    "The gap is All minus the mean of seen and novel, weighted by their images: far below zero, "
    "novel classes are scored only because they took a seen class\u2019s place."
)
_NMI = (
    "NMI is between class and prediction, divided by the arithmetic mean of the two entropies, "
    "times 100."
)
_MATCHINGS = (
    "Seen of Table 1 asks for a class\u2019s own id, where a method has such ids, and matches "
    "clusters with classes where it has not; own matching does the latter for each method. What "
    "that adds is the gain: points of seen images that carry the id of another class. One "
    "matching: a single one for seen and novel together, whose All is that of Table 1. Strict: "
    "novel images that are given a seen class are errors."
)
_SAME = "A standard deviation of 0: the method gives the same at each seed."
_TRACKS = (
    "Two tracks: one recipe of training for all methods, and each method\u2019s own. Methods are "
    "ranked within a track only."
)


def accuracy_table(found: Comparison) -> Table:
    """The layout of Table 1: a row per method, under each setting Seen, Novel, All, gap and n."""
    what, metrics = "Seen, novel and all accuracy", {**ACCURACIES, GAP: "Gap"}
    return _table(found, "main", what, metrics, f"{_GAP_NOTES} {found.where}.")


def nmi_table(found: Comparison) -> Table:
    """The layout of Table 2: a row per method, under each setting the NMI of the novel images."""
    return _table(found, "main_nmi", "NMI of the novel images", {NMI: "NMI"}, _NMI, 2)


def matching_table(found: Comparison) -> Table:
    """Accuracies by other matchings of ids with classes, in the same layout."""
    metrics = {**MATCHINGS, GAIN: "Seen gain"}
    return _table(found, "main_matching", "Accuracies by other matchings", metrics, _MATCHINGS)


def _table(
    found: Comparison,
    name: str,
    what: str,
    metrics: Mapping[str, str],
    notes: str,
    digits: int = 1,
) -> Table:
    ranked = [metric for metric in metrics if metric not in (GAP, GAIN)]
    cells = [m.value(s, metric) for m in found.methods for s in found.settings for metric in ranked]
    papers = found.papers(metrics)
    columns = [Column("method", "Method", of="label")]
    for setting in found.settings:
        columns += _columns(setting, metrics, digits)
    strong = frozenset(
        (i, f"{s.key}_{m}") for s in found.settings for m in ranked for i in found.near(s, m)
    )
    own = len(found.methods)
    words = [_EMPHASIS if strong else _NO_EMPHASIS, notes]
    if any(sd == 0 for _, sd in cells):
        words.append(_SAME)
    if any(setting.recipe for setting in found.settings):
        words.append(_TRACKS)
    if papers and not all(s in m.comparable for m in found.methods for s in found.settings):
        words.append("Not all of ours are of the paper\u2019s setting.")
    if found.left_out:
        words.append(
            f"Left out, because another arm of their method is shown: {', '.join(found.left_out)}."
        )
    return Table.of(
        name,
        _caption(found, what, bool(papers)),
        columns,
        (*found.methods, *papers),
        muted=frozenset(range(own, own + len(papers))),
        strong=strong,
        notes=" ".join(words),
    )


def _columns(setting: Setting, metrics: Mapping[str, str], digits: int) -> Iterator[Column]:
    def missing(method: Method) -> str | None:
        return method.cells[setting].cause_text if method.cells else None

    for metric, label in metrics.items():
        yield setting.column(
            metric,
            f"{label} ± sd",
            "mean_sd",
            digits=digits,
            of=lambda method, metric=metric: method.value(setting, metric),
            facets=metric_facets(metric) if metric in HEADLINE else {},
        )
    yield setting.column("n", "n", "value", of=lambda method: method.count(setting, metrics))
    yield setting.column("missing", "Missing", "text", of=missing, hidden=True)


def _caption(found: Comparison, what: str, papers: bool) -> str:
    text = f"{what} by method: percent, mean ± sample standard deviation over n seeds."
    if not papers:
        return text
    tuned = not any(setting.frozen for setting in found.settings)
    source = "Table 2" if what.startswith("NMI") else "Tables 3 and 9" if tuned else "Table 1"
    return (
        f"{text} Grey: the paper\u2019s numbers, not run here and never ranked against ours "
        f"({source}; no spread is published)."
    )


def cost_table(found: Comparison) -> Table:
    """A row per setting and method: device-seconds of a trial, against LPS's, and its weights."""
    rows = []
    for setting in found.settings:
        levels = found.levels(setting)
        base = levels.cells[levels.default or 0].mean("seconds")
        for method, cell in zip(found.methods, levels.cells, strict=True):
            seconds = cell.mean_sd("seconds")
            times = seconds[0] / base if base and seconds[0] is not None else None
            count = method.count(setting, ("seconds",))
            weights = cell.mean("trained_weights")
            whole = None if weights is None else round(weights)
            rows.append((method.label, setting.label, seconds, times, whole, count))
    columns = (
        Column("method", "Method"),
        Column("setting", "Setting", hidden=len(found.settings) == 1),
        Column("seconds", "Seconds ± sd", "mean_sd"),
        Column("times", f"Times {levels.base}", "number", 2),
        Column("trained_weights", "Trained weights", "value"),
        Column("n", "n", "value"),
    )
    caption = "Cost of a trial: device-seconds of its epochs, and the weights that it trains."
    notes = (
        f"{SPLIT}, so that it compares "
        "methods in packs of one size on one machine. Pre-training, which is shared, is not in it."
    )
    return Table("main_cost", caption, columns, tuple(rows), notes=notes)


def against_paper_table(found: Comparison) -> Table | None:
    """Ours less the paper\u2019s, where setting and hyper-parameters are the paper\u2019s."""
    from lps_sweep.results.paper import PAPER_RUNS

    rows = []
    for setting in found.settings:
        for method in found.methods:
            name = PAPER_NAMES.get(method.name, "")
            papers = setting.paper(name) if setting in method.comparable else {}
            for metric, number in papers.items():
                values = method.cells[setting].numbers(metric)
                mean = method.value(setting, metric)
                numbers = (mean, len(values), number, minus(mean[0], number))
                told = (paper_interval(values, metric), paper_word(values, metric, number))
                doubt = "" if metric == NMI else setting.doubt(name)
                rows.append((method.label, setting.label, HEADLINE[metric], *numbers, *told, doubt))
    if not rows:
        return None
    columns = (
        Column("method", "Method"),
        Column("setting", "Setting"),
        Column("metric", "Metric", says="metric"),
        Column("mean", "Ours ± sd", "mean_sd"),
        Column("n", "n", "value"),
        Column("paper", "Paper", "number"),
        Column("difference", "Ours less paper", "signed"),
        Column("expected", "Expected of the paper", "interval"),
        Column("against_paper", "Against the paper"),
        Column("doubt", "Doubt about the paper\u2019s", hidden=not any(row[-1] for row in rows)),
    )
    notes = (
        f"Table 2 does not state its number of runs, {PAPER_RUNS} are assumed. Consistent: the "
        f"paper\u2019s mean lies where our seeds lead to expect a mean of {PAPER_RUNS} new runs "
        "(95 % prediction interval, widened by its rounding)."
    )
    caption = "The same methods in the paper."
    return Table("main_against_paper", caption, columns, tuple(rows), notes=notes)


def finding(found: Comparison) -> str:
    """Which methods are like the best in All, by setting."""
    parts = []
    for setting in found.settings:
        means = {
            i: found.methods[i].value(setting, "acc_all")[0] or 0.0
            for i in sorted(found.near(setting, "acc_all"))
        }
        if not means:
            continue
        best = max(means, key=means.__getitem__)
        like = [found.methods[i].label for i in means if i != best]
        words = f"; not distinguishable from it: {', '.join(like)}" if like else ", alone"
        parts.append(
            f"{setting.label}: {found.methods[best].label} has the highest All, "
            f"{number_text(means[best], 1)}{words}"
        )
    return f"Methods: {'. '.join(parts)}." if parts else ""


def _blocks(found: Comparison) -> Iterator[Block]:
    yield accuracy_table(found)
    several = len(found.methods) > 1
    for number, setting in enumerate(found.settings if several else ()):
        alone = len(found.settings) == 1
        slug, subject = ("main", "Methods") if alone else (f"main_{setting.key}", setting.label)
        lead, where = 2 if found.whole else 1, f"{found.where}."
        blocks = [*against.blocks(found.levels(setting), slug, subject, where, lead)]
        parts = tuple(part for part in blocks if isinstance(part, Table | Figure))
        yield from [Fold(f"Differences: {setting.label}", parts)] if number else blocks
    yield nmi_table(found)
    if several:
        yield cost_table(found)
    yield Fold("Accuracies by other matchings", matching_table(found))
    if (table := against_paper_table(found)) is not None:
        yield table
    if found.papers():
        yield Fold("What is doubtful in the paper\u2019s Table 1", doubts_table())
    else:
        yield Fold("The paper\u2019s Table 1", (paper_table(), doubts_table()))


def sections(view: SweepView) -> list[Section]:
    """The section on methods, where the sweep has two or the paper has the same data."""
    found = read_methods(view)
    if found is None:
        return []
    text = finding(found) if len(found.methods) > 1 else ""
    findings = (text,) if text else ()
    return [Section("main_comparison", "Main comparison", tuple(_blocks(found)), findings)]
