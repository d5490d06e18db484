"""The tables of a slice: what its levels reach, and how they differ from the default."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

from lps_sweep.report.cells import ACCURACIES, HEADLINE, is_numeric
from lps_sweep.report.escape import MINUS
from lps_sweep.report.figures.slices import SliceInfo, held_text
from lps_sweep.report.reference import paper_interval, paper_word
from lps_sweep.report.section import slug
from lps_sweep.report.tables import Cell, Column, Table, number_text, scalar, value_text

Filled: TypeAlias = tuple[Column, Sequence[Cell]]
"""A column and its cells, from top to bottom."""


def level_table(
    info: SliceInfo, name: str = "", what: str = "", extra: Sequence[Filled] = ()
) -> Table:
    """Per level: mean and sd of each accuracy, n, what is missing, the paper's numbers.

    Args:
        info: The slice.
        name: Slug of the table; ``sensitivity_<parameter>`` unless given.
        what: First words of the caption.
        extra: More columns, to stand after the accuracies.
    """
    cells = info.cells
    metrics = [metric for metric in HEADLINE if metric in info.differences]
    parts: list[Filled] = [
        (_level_column(info), [scalar(v) for v in info.levels]),
        *(
            (Column(m, f"{HEADLINE[m]} ± sd", "mean_sd"), [c.mean_sd(m) for c in cells])
            for m in metrics
        ),
        *extra,
        (Column("n", "n", "value"), [c.num_done for c in cells]),
        (Column("planned", "Planned", "value"), [c.planned for c in cells]),
        (Column("missing", "Missing"), [c.cause_text for c in cells]),
        *(_interval_column(info, m) for m in metrics),
        *_paper_columns(info),
    ]
    hidden = {column.key for column, _ in parts if column.kind == "interval"} | {"planned"}
    if not any(c.cause_text for c in cells):
        hidden.add("missing")
    marked = frozenset() if info.default is None else frozenset({info.default})
    default = "The default is marked." if marked else "The default was not planned."
    caption = (
        f"{what or f'Sensitivity to {info.parameter}'}{held_text(info)}: mean ± sample standard "
        f"deviation over n seeds, in percent, after the last epoch. {default} "
        f"{info.reference.caption}"
    )
    return Table(
        name or f"sensitivity_{slug(info.parameter)}",
        caption.strip(),
        tuple(column for column, _ in parts),
        tuple(zip(*(values for _, values in parts), strict=True)),
        marked,
        frozenset(hidden),
    )


def _level_column(info: SliceInfo) -> Column:
    return Column(info.parameter, info.parameter, "value" if is_numeric(info.levels) else "text")


def _interval_column(info: SliceInfo, metric: str) -> Filled:
    stats = [cell.stats(metric) for cell in info.cells]
    column = Column(f"{metric}_interval95", f"{HEADLINE[metric]}, 95 % t interval", "interval")
    return column, [None if found is None else found.interval for found in stats]


def _paper_columns(info: SliceInfo) -> list[Filled]:
    """The paper's numbers; where the setting is the paper's, also how ours lie to them."""
    if not info.reference.numbers:
        return []
    places = range(len(info.levels))
    numbers = {m: [info.reference.numbers.get((i, m)) for i in places] for m in ACCURACIES}
    parts: list[Filled] = [
        (Column(f"{m}_paper", f"{title}, paper", "number"), numbers[m])
        for m, title in ACCURACIES.items()
    ]
    if not info.reference.comparable:
        return parts
    for m, title in ACCURACIES.items():
        ours = zip(info.cells, numbers[m], strict=True)
        differences = [_minus(cell.mean(m), number) for cell, number in ours]
        parts.append(
            (Column(f"{m}_difference", f"{title}, ours less paper", "signed"), differences)
        )
    for m, title in ACCURACIES.items():
        values = [cell.numbers(m) for cell in info.cells]
        words = [paper_word(v, m, n) for v, n in zip(values, numbers[m], strict=True)]
        expected = [paper_interval(v, m) for v in values]
        parts.append((Column(f"{m}_against_paper", f"{title}, against the paper"), words))
        parts.append(
            (Column(f"{m}_expected", f"{title}, expected of the paper", "interval"), expected)
        )
    return parts


def _minus(ours: float | None, paper: float | None) -> float | None:
    return None if ours is None or paper is None else ours - paper


def difference_table(info: SliceInfo, name: str = "") -> Table:
    """Per accuracy and level: the paired difference to the default and what it allows to say.

    Beside it the paper's own difference to its default, where it has both.
    """
    columns = [
        Column("accuracy", "Accuracy"),
        _level_column(info),
        Column("difference", "Difference to default", "signed"),
        Column("interval95", "Simultaneous 95 % interval", "interval"),
        Column("verdict", "Verdict"),
        Column("paper_difference", "The paper\u2019s difference", "signed"),
        Column("n", "Seeds in common", "value"),
        Column("higher", "Of these above default", "value"),
        Column("detectable", "Detectable difference", "number"),
        Column("correlation", "Correlation over seeds", "number", 2),
        Column("variance_ratio", "Variance, paired over unpaired", "number", 2),
    ]
    rows = [
        (HEADLINE[metric], *_difference_row(info, metric, i))
        for metric in HEADLINE
        if metric in info.differences
        for i in range(len(info.levels))
        if i != info.default
    ]
    hidden = {"correlation", "variance_ratio"}
    hidden |= set() if any(row[5] is not None for row in rows) else {"paper_difference"}
    caption = f"{info.parameter}: differences to the default in points, paired by seed. "
    return Table(
        name or f"differences_{slug(info.parameter)}",
        caption + method_text(info),
        tuple(columns),
        tuple(rows),
        hidden=frozenset(hidden),
    )


def method_text(info: SliceInfo) -> str:
    """How the intervals and verdicts of `info` come about, for a caption."""
    how = (
        "block model of level and seed, pooled residual, max-|t|"
        if info.pooled
        else "t intervals of the differences, each level with its own spread, Bonferroni"
    )
    equivalent = (
        f" Equivalent needs a 90 % interval within \u00b1{value_text(info.margin)} points, the "
        "margin declared for this sweep."
        if info.margin is not None
        else ""
    )
    return (
        f"The intervals hold together for all levels of one accuracy ({how}). Better or worse "
        f"needs an interval without zero and all common seeds on that side.{equivalent} Detectable "
        "is the true difference whose interval would leave zero out in 80\u00a0% of cases, if this "
        f"spread were the true one.{pairing_text(info)}"
    )


def pairing_text(info: SliceInfo) -> str:
    """What pairing by seed does to the differences in All; empty where it cannot be told."""
    found = [d for d in info.differences.get("acc_all", ()) if d is not None]
    rows = [
        (d.correlation, d.variance_ratio)
        for d in found
        if d.correlation is not None and d.variance_ratio is not None
    ]
    if not rows:
        return ""
    correlations, ratios = zip(*rows, strict=True)
    return (
        f" Pairing, in All: the correlation with the default over the seeds is "
        f"{_range(correlations)}, the variance of a difference {_range(ratios)} times the unpaired "
        "one (below 1: pairing helps)."
    )


def _range(values: Sequence[float]) -> str:
    low, high = (number_text(v, 2).replace("-", MINUS) for v in (min(values), max(values)))
    return low if low == high else f"{low} to {high}"


def paper_difference(info: SliceInfo, metric: str, i: int) -> float | None:
    """The paper's number at level `i` less that at the default; None where it lacks one."""
    if info.default is None:
        return None
    numbers = info.reference.numbers
    return _minus(numbers.get((i, metric)), numbers.get((info.default, metric)))


def _difference_row(info: SliceInfo, metric: str, i: int) -> tuple[Cell, ...]:
    found, level = info.differences[metric][i], scalar(info.levels[i])
    paper = paper_difference(info, metric, i)
    if found is None:
        return (level, None, None, "too few seeds", paper, 0, None, None, None, None)
    paired = (found.correlation, found.variance_ratio)
    numbers = (found.n, found.higher, found.detectable, *paired)
    return (level, found.difference, found.interval, found.word, paper, *numbers)
