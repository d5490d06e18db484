"""What is said of levels: the columns that many tables have, two tables of levels, a sentence."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from itertools import chain
from typing import Any

from lps_sweep.report.cells import ACCURACIES, HEADLINE, is_numeric, metric_facets, parameter_says
from lps_sweep.report.levels import Level, Levels
from lps_sweep.report.model import Cell, Column, Kind, Table
from lps_sweep.report.numbers import minus, slug, typeset, value_text
from lps_sweep.report.reference import paper_interval, paper_word

ACCURACY = Column("accuracy", "Accuracy", says="metric")
"""The metric of a row, in words."""
COMPARED = (
    Column("difference", "Difference to default", "signed", of="found.difference"),
    Column("interval95", "Simultaneous 95 % interval", "interval", of="found.interval"),
    Column("verdict", "Verdict", of="found.word"),
)
"""A difference, its interval and the verdict, of rows that are `Compared`."""
AGREEING = (
    Column("n", "Seeds in common", "value", of="found.n"),
    Column("higher", "Of these above default", "value", of="found.higher"),
)
"""How many seeds a difference is of, and how many of them are above zero."""


def per_metric(
    metrics: Iterable[str],
    key: str,
    label: str,
    kind: Kind,
    read: Callable[[Any, str], Cell],
    **more: Any,
) -> tuple[Column, ...]:
    """A column for each metric; in `key` and `label` ``{}`` stands for it, `read` is given it."""
    return tuple(
        Column(
            key.format(m),
            label.format(HEADLINE[m]),
            kind,
            of=lambda row, m=m: read(row, m),
            facets=metric_facets(m),
            **more,
        )
        for m in metrics
    )


def means(metrics: Iterable[str]) -> tuple[Column, ...]:
    """Mean and standard deviation of each metric, of rows with a `cell`."""
    return per_metric(metrics, "{}", "{} ± sd", "mean_sd", lambda row, m: row.cell.mean_sd(m))


def intervals(metrics: Iterable[str]) -> tuple[Column, ...]:
    """The 95 % t interval of each metric, for CSV, of rows with a `cell`."""

    def read(row: Any, metric: str) -> Cell:
        interval: Cell = row.cell.interval(metric)
        return interval

    return per_metric(
        metrics, "{}_interval95", "{}, 95 % t interval", "interval", read, hidden=True
    )


def counts(rows: Iterable[Any], *, planned: bool = True) -> tuple[Column, ...]:
    """n, the number planned for CSV, and what is missing where it is of any of `rows`."""
    whole = not any(row.cell.cause_text for row in rows)
    of = Column("planned", "Planned", "value", of="cell.planned", hidden=True)
    return (
        Column("n", "n", "value", of="cell.num_done"),
        *((of,) if planned else ()),
        Column("missing", "Missing", of="cell.cause_text", hidden=whole),
    )


def parameter(name: str, of: str = "value", values: Sequence[Any] = (0,)) -> Column:
    """The value of a parameter."""
    kind: Kind = "value" if is_numeric(values) else "text"
    return Column(name, name, kind, of=of, says=parameter_says(name))


def paper(levels: Levels) -> tuple[Column, ...]:
    """The paper's numbers; where the setting is the paper's, also how ours lie to them."""

    def difference(row: Level, m: str) -> Cell:
        return minus(row.cell.mean(m), row.paper(m))

    def word(row: Level, m: str) -> Cell:
        return paper_word(row.cell.numbers(m), m, row.paper(m))

    def expected(row: Level, m: str) -> Cell:
        return paper_interval(row.cell.numbers(m), m)

    if not levels.reference.numbers:
        return ()
    known = per_metric(ACCURACIES, "{}_paper", "{}, paper", "number", Level.paper)
    if not levels.reference.comparable:
        return known
    words = per_metric(ACCURACIES, "{}_against_paper", "{}, against the paper", "text", word)
    label = "{}, expected of the paper"
    ends = per_metric(ACCURACIES, "{}_expected", label, "interval", expected, hidden=True)
    label = "{}, ours less paper"
    gaps = per_metric(ACCURACIES, "{}_difference", label, "signed", difference)
    return (*known, *gaps, *chain.from_iterable(zip(words, ends, strict=True)))


def level_table(
    levels: Levels, name: str = "", what: str = "", extra: Iterable[Column] = (), notes: str = ""
) -> Table:
    """Per level: mean and sd of each metric, n, what is missing, the paper's numbers.

    Args:
        levels: The levels.
        name: Slug of the table; ``sensitivity_<parameter>`` unless given.
        what: First words of the caption.
        extra: More columns, to stand after the means.
        notes: See `Table`.
    """
    metrics = [metric for metric in HEADLINE if metric in levels.differences]
    marked = frozenset() if levels.default is None else frozenset({levels.default})
    default = "The default is marked." if marked else "The default was not planned."
    caption = (
        f"{what or f'Sensitivity to {levels.parameter}'}{levels.held_text}: mean ± sample standard "
        f"deviation over n seeds, in percent, after the last epoch. {default}"
    )
    columns = (
        parameter(levels.parameter, values=levels.values),
        *means(metrics),
        *extra,
        *counts(levels.rows),
        *intervals(metrics),
        *paper(levels),
    )
    notes = f"{levels.reference.caption} {notes}".strip()
    name = name or f"sensitivity_{slug(levels.parameter)}"
    return Table.of(name, caption, columns, levels.rows, marked=marked, notes=notes)


def difference_table(levels: Levels, name: str = "") -> Table:
    """Per metric and level: the paired difference to the default and what it allows to say.

    Beside it the paper's own difference to its default, where it has both.
    """
    rows = levels.compared(metric for metric in HEADLINE if metric in levels.differences)
    known = any(row.paper_difference is not None for row in rows)
    base = levels.base or "default"
    columns = (
        ACCURACY,
        parameter(levels.parameter, values=levels.values),
        replace(COMPARED[0], label=f"Difference to {base}"),
        *COMPARED[1:],
        Column("paper_difference", "The paper\u2019s difference", "signed", hidden=not known),
        AGREEING[0],
        replace(AGREEING[1], label=f"Of these above {base}"),
        Column("detectable", "Detectable difference", "number", of="found.detectable"),
        Column("correlation", "Correlation over seeds", "number", 2, of="found.correlation"),
        Column(
            "variance_ratio", "Variance, paired over unpaired", "number", 2, "found.variance_ratio"
        ),
    )
    of = "D" if levels.base else f"{levels.parameter}: d"
    caption = f"{of}ifferences to {levels.reference_text} in points, paired by seed."
    name = name or f"differences_{slug(levels.parameter)}"
    return Table.of(name, caption, columns, rows, notes=method_text(levels))


def method_text(levels: Levels) -> str:
    """How the intervals and verdicts of `levels` come about."""
    how = "block model of level and seed, pooled residual, max-|t|"
    if not levels.pooled:
        how = "t intervals of the differences, each level with its own spread, Bonferroni"
    margin = value_text(levels.margin)
    equivalent = f" Equivalent: a 90 % interval within \u00b1{margin} points."
    return (
        f"The intervals hold together for all levels of one accuracy ({how}). Better or worse "
        "needs an interval without zero and all common seeds on that side; inconclusive is no "
        f"evidence of no effect.{'' if levels.margin is None else equivalent} Detectable is the "
        "true difference that would be seen in 80\u00a0% of cases, were this spread the true one. "
        "A variance below 1: pairing helps."
    )


def finding(levels: Levels, subject: str = "") -> str:
    """What the data allow to say about the levels, which are called `subject`, in a sentence."""
    name = subject or levels.parameter
    if levels.default is None:
        return f"{name}: its default was not planned, so no level is compared with it."
    found = {(m, i): levels.difference(m, i) for m in ACCURACIES for i in levels.others}
    judged = {place: d for place, d in found.items() if d.interval is not None}
    if not judged:
        return f"{name}: too few finished seeds to compare its levels with the default."
    told: dict[str, list[str]] = {}
    for (m, i), d in judged.items():
        if d.word in {"better", "worse"}:
            points = typeset(d.difference or 0.0, signed=True)
            beginning = f"{ACCURACIES[m].lower()} is {d.word} {'with' if levels.base else 'at'} "
            told.setdefault(beginning, []).append(f"{levels.texts[i]} ({points} points)")
    apart = [beginning + " and ".join(some) for beginning, some in told.items()]
    equal = sum(d.word == "equivalent" for d in judged.values())
    default = levels.base or f"the default ({levels.texts[levels.default]})"
    if equal == len(judged):
        text = f"equivalent. Every level is within {value_text(levels.margin)} points of {default}"
    else:
        text = f"against {default}, {', '.join(apart)}"
        if not apart:
            none = "None" if levels.base else "No level"
            text = f"inconclusive. {none} is told apart from {default}{_spread(levels)}"
        text += f"; {equal} of {len(judged)} comparisons are equivalent" if equal else ""
    few = [levels.texts[i] for i in levels.others if any((m, i) not in judged for m in ACCURACIES)]
    return f"{name}: {text}." + (f" Too few seeds to judge {', '.join(few)}." if few else "")


def _spread(levels: Levels) -> str:
    means = [mean for c in levels.cells if (mean := c.mean("acc_novel")) is not None]
    return f" (novel means from {min(means):.1f} to {max(means):.1f})" if means else ""
