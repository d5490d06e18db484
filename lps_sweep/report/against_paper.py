"""Tables of the paper's numbers beside a comparison of methods, and of what is doubtful in them."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from lps_sweep.report.cells import ACCURACIES, HEADLINE, metric_facets
from lps_sweep.report.escape import MINUS
from lps_sweep.report.methods import NMI, paper_methods
from lps_sweep.report.model import Column, Table
from lps_sweep.report.numbers import minus
from lps_sweep.report.reference import NAMES, PAPER_NAMES, paper_interval, paper_word
from lps_sweep.report.setting import Setting

if TYPE_CHECKING:
    from lps_sweep.report.methods import Comparison


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


def _paper_settings() -> tuple[Setting, ...]:
    from lps_sweep.results.paper import paper_numbers

    cases = dict.fromkeys((n.dataset, n.labeled_ratio) for n in paper_numbers() if n.table == 1)
    ordered = sorted(cases, key=lambda case: list(NAMES).index(case[0]))
    return tuple(Setting(dataset, ratio) for dataset, ratio in ordered)


def paper_table() -> Table:
    """The paper\u2019s Table 1 whole, with the gap of each cell."""

    def printed(setting: Setting, metric: str, method: str) -> float | None:
        return setting.paper(method).get(metric)

    columns = [Column("method", "Method", of=str)]
    for s in _paper_settings():
        for m, title in ACCURACIES.items():
            read: Any = partial(printed, s, m)
            columns.append(s.column(m, title, "number", of=read, facets=metric_facets(m)))
        columns.append(s.column("gap", "Gap", "signed", of=s.paper_gap))
    caption = (
        "The paper\u2019s Table 1 as printed, means of three runs without a spread, in percent; "
        "the gap is computed from them. Another setting than ours: nothing in it is compared."
    )
    rows = paper_methods()
    return Table.of("main_paper", caption, columns, rows, muted=frozenset(range(len(rows))))


def doubts_table() -> Table:
    """A row per cell of the paper\u2019s Table 1 whose numbers do not go together."""
    rows = [
        (method, setting.label, setting.paper_gap(method), doubt)
        for method in paper_methods()
        for setting in _paper_settings()
        if (doubt := setting.doubt(method))
    ]
    columns = (
        Column("method", "Method"),
        Column("setting", "Setting"),
        Column("gap", "Gap", "signed"),
        Column("doubt", "Doubt"),
    )
    caption = (
        f"{len(rows)} of {len(paper_methods()) * len(_paper_settings())} cells of the paper\u2019s "
        "Table 1 in which Seen, Novel and All do not go together, or are not of their setting."
    )
    notes = (
        "Where seen and novel are matched each by itself, All is at most their mean, weighted by "
        f"their images: a gap above zero is not of one protocol. A gap below {MINUS}7.5 points is "
        "that of novel classes which are scored in a seen class\u2019s place, or also not of one."
    )
    every = frozenset(range(len(rows)))
    return Table("main_doubts", caption, columns, tuple(rows), muted=every, notes=notes)
