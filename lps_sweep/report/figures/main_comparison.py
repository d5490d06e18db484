"""Main comparison: methods in the layout of the paper's Tables 1 and 2."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from lps_sweep.report.cells import ACCURACIES, HEADLINE
from lps_sweep.report.escape import MINUS
from lps_sweep.report.figures.arms import assignment_gap
from lps_sweep.report.figures.methods import (
    NMI,
    PAPER_NAMES,
    MainInfo,
    MethodRow,
    Setting,
    main_info,
    paper_methods,
)
from lps_sweep.report.reference import NAMES, paper_interval, paper_word
from lps_sweep.report.section import Block, Fold, Section
from lps_sweep.report.tables import Cell, Column, Pair, Span, Table, number_text

if TYPE_CHECKING:
    from lps_sweep.results.view import SweepView

ORDER = 12
EMPHASIS = (
    "Bold: the highest mean and all methods that are not distinguishable from it (paired by seed, "
    "each pair with its own spread; the truly best method is among them in 95 of 100 tables, for "
    "near-normal differences). One with fewer than three seeds in common with the highest cannot "
    "be told apart, which is no evidence that it is like it."
)
_NO_EMPHASIS = "No method is emphasised: that needs two with three finished seeds in common."
_GREY = "Grey: the paper\u2019s numbers, not run here and never ranked against ours"
_GAP = (
    "The gap is All minus the mean of seen and novel, weighted by their images: far below zero, "
    "novel classes are scored only because they took a seen class\u2019s place."
)


def accuracy_table(info: MainInfo) -> Table:
    """The layout of Table 1: a row per method, under each setting Seen, Novel, All, gap and n."""
    return _table(info, "main", tuple(ACCURACIES), 1)


def nmi_table(info: MainInfo) -> Table:
    """The layout of Table 2: a row per method, under each setting the NMI of the novel images."""
    return _table(info, "main_nmi", (NMI,), 2)


def _table(info: MainInfo, name: str, metrics: tuple[str, ...], digits: int) -> Table:
    gap = name == "main"
    columns = [Column("method", "Method")]
    spans = []
    for s in info.settings:
        own = [Column(f"{s.key}_{m}", f"{_short(m)} ± sd", "mean_sd", digits) for m in metrics]
        own += [Column(f"{s.key}_gap", "Gap ± sd", "mean_sd")] if gap else []
        own += [Column(f"{s.key}_n", "n", "value"), Column(f"{s.key}_missing", "Missing")]
        columns += own
        spans.append(Span(s.label, own[0].key, f"{s.key}_n", s.facets))
    rows = [_own_row(row, info.settings, metrics, gap=gap) for row in info.rows]
    others = [
        n
        for n in info.paper_methods
        if any(m in info.paper(s, n) for m in metrics for s in info.settings)
    ]
    rows += [_paper_row(info, n, metrics, gap=gap) for n in others]
    strong = {(i, f"{s.key}_{m}") for s in info.settings for m in metrics for i in info.near[s, m]}
    missing = {c.key for c in columns if c.key.endswith("_missing")}
    shown = {c.key for c in columns if c.key not in missing}
    spans = [span for span in spans if span.last in shown]
    return Table(
        name,
        _caption(info, gap=gap, strong=bool(strong), others=bool(others)),
        tuple(columns),
        tuple(rows),
        hidden=frozenset(missing),
        muted=frozenset(range(len(info.rows), len(rows))),
        strong=frozenset(strong),
        spans=tuple(spans),
    )


def _short(metric: str) -> str:
    return "NMI" if metric == NMI else ACCURACIES[metric]


def _own_row(
    row: MethodRow, settings: Sequence[Setting], metrics: Sequence[str], *, gap: bool
) -> tuple[Cell, ...]:
    out: list[Cell] = [row.label]
    for setting in settings:
        cell = row.cells[setting]
        out += [cell.mean_sd(metric) for metric in metrics]
        out += [_described(row.gaps[setting])] if gap else []
        n = max((len(cell.numbers(metric)) for metric in metrics), default=0)
        out += [n if n == cell.planned else f"{n}/{cell.planned}", cell.cause_text]
    return tuple(out)


def _described(values: Mapping[int, float]) -> Pair:
    from lps_sweep.results.statistics import describe

    if not values:
        return (None, None)
    found = describe(list(values.values()))
    return (found.mean, found.sd)


def _paper_row(
    info: MainInfo, method: str, metrics: Sequence[str], *, gap: bool
) -> tuple[Cell, ...]:
    out: list[Cell] = [f"{method}, paper"]
    for setting in info.settings:
        numbers = info.paper(setting, method)
        out += [(numbers.get(metric), None) for metric in metrics]
        if gap:
            out.append((assignment_gap(numbers, {"labeled_ratio": setting.ratio}), None))
        out += [None, None]
    return tuple(out)


def _caption(info: MainInfo, *, gap: bool, strong: bool, others: bool) -> str:
    what = (
        "Seen, novel and all accuracy by method"
        if gap
        else "NMI by method, between class and prediction on the images of novel classes only, "
        "divided by the arithmetic mean of the two entropies, times 100"
    )
    parts = [
        f"{what}: percent, mean ± sample standard deviation over n seeds.",
        *([f"{info.where}."] if gap else []),
        *([_GAP] if gap else []),
        (EMPHASIS if gap else "Bold: as for the accuracies.") if strong else _NO_EMPHASIS,
    ]
    if others:
        table = "Tables 3 and 9" if not any(s.frozen for s in info.settings) else "Table 1"
        parts.append(f"{_GREY} ({table if gap else 'Table 2'}; no spread is published).")
    if others and not all(s in row.comparable for row in info.rows for s in info.settings):
        parts.append("Not all of ours are of the paper\u2019s setting.")
    if info.left_out:
        parts.append(
            f"Arms left out, because another of their method is shown: {', '.join(info.left_out)}."
        )
    return " ".join(parts)


def against_paper_table(info: MainInfo) -> Table | None:
    """Ours less the paper\u2019s, where setting and hyper-parameters are the paper\u2019s."""
    from lps_sweep.results.paper import PAPER_RUNS

    rows: list[tuple[Cell, ...]] = []
    for setting in info.settings:
        for row in info.rows:
            rows += _against(info, row, setting) if setting in row.comparable else []
    if not rows:
        return None
    columns = (
        Column("method", "Method"),
        Column("setting", "Setting"),
        Column("metric", "Metric"),
        Column("mean", "Ours ± sd", "mean_sd"),
        Column("n", "n", "value"),
        Column("paper", "Paper", "number"),
        Column("difference", "Ours less paper", "signed"),
        Column("expected", "Expected of the paper", "interval"),
        Column("against_paper", "Against the paper"),
    )
    caption = (
        "The same methods in the paper (Tables 1 and 2; Table 2 does not state its number of runs, "
        f"{PAPER_RUNS} are assumed). Consistent: the paper\u2019s mean lies where our seeds lead "
        f"to expect a mean of {PAPER_RUNS} new runs (95 % prediction interval, widened by its "
        "rounding)."
    )
    return Table("main_against_paper", caption, columns, tuple(rows))


def _against(info: MainInfo, row: MethodRow, setting: Setting) -> list[tuple[Cell, ...]]:
    numbers = info.paper(setting, PAPER_NAMES.get(row.method, ""))
    found: list[tuple[Cell, ...]] = []
    for metric, number in numbers.items():
        values = row.cells[setting].numbers(metric)
        mean, sd = row.cells[setting].mean_sd(metric)
        difference = None if mean is None else mean - number
        expected, word = paper_interval(values, metric), paper_word(values, metric, number)
        name = HEADLINE[metric]
        label = setting.label
        found.append(
            (row.label, label, name, (mean, sd), len(values), number, difference, expected, word)
        )
    return found


def paper_table() -> Table:
    """The paper\u2019s Table 1 whole, with the gap of each cell."""
    from lps_sweep.results.paper import paper_numbers, paper_value

    cases = dict.fromkeys((n.dataset, n.labeled_ratio) for n in paper_numbers() if n.table == 1)
    columns, spans = [Column("method", "Method")], []
    for dataset, ratio in sorted(cases, key=lambda case: list(NAMES).index(case[0])):
        setting = Setting(dataset, ratio)
        keys = {m: f"{setting.key}_{m}" for m in (*ACCURACIES, "gap")}
        columns += [Column(keys[m], title, "number") for m, title in ACCURACIES.items()]
        columns.append(Column(keys["gap"], "Gap", "signed"))
        spans.append((setting, Span(setting.label, keys["acc_seen"], keys["gap"])))
    rows = []
    for method in paper_methods():
        row: list[Cell] = [method]
        for setting, _ in spans:
            numbers = paper_value(setting.dataset, setting.ratio, method=method)
            row += [numbers.get(metric) for metric in ACCURACIES]
            row.append(assignment_gap(numbers, {"labeled_ratio": setting.ratio}))
        rows.append(tuple(row))
    caption = (
        "The paper\u2019s Table 1 as printed, means of three runs without a spread, in percent; "
        "the gap is computed from them. Some rows are not of one protocol: GCD repeats cells of "
        f"10\u00a0% at 50\u00a0%, and gaps of {MINUS}8 points and below show accuracies under "
        "unrelated assignments. Another setting than ours: nothing in it is compared."
    )
    every = frozenset(range(len(rows)))
    return Table(
        "main_paper",
        caption,
        tuple(columns),
        tuple(rows),
        muted=every,
        spans=tuple(span for _, span in spans),
    )


def finding(info: MainInfo) -> str:
    """Which methods are like the best in All, by setting."""
    parts = []
    for setting in info.settings:
        near = sorted(info.near[setting, "acc_all"])
        if not near:
            continue
        best = max(near, key=lambda i: info.rows[i].cells[setting].mean("acc_all") or 0.0)
        mean = number_text(info.rows[best].cells[setting].mean("acc_all"), 1)
        like = [info.rows[i].label for i in near if i != best]
        words = f"; not distinguishable from it: {', '.join(like)}" if like else ", alone"
        parts.append(f"{setting.label}: {info.rows[best].label} has the highest All, {mean}{words}")
    if not parts:
        return ""
    return f"Methods: {'. '.join(parts)}."


def sections(view: SweepView) -> list[Section]:
    """The section on methods, where the sweep has two or the paper has the same data."""
    info = main_info(view)
    if info is None:
        return []
    blocks: list[Block] = [accuracy_table(info), nmi_table(info)]
    against = against_paper_table(info)
    blocks += [against] if against else []
    if not info.paper_methods:
        blocks.append(Fold("The paper\u2019s Table 1", paper_table()))
    text = finding(info) if len(info.rows) > 1 else ""
    title = "Main comparison"
    return [Section("main_comparison", title, tuple(blocks), (text,) if text else ())]
