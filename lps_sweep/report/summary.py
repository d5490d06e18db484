"""The first screen: the question, what the data is, completeness, and the default cell."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from lps_sweep.report import cells
from lps_sweep.report.cells import (
    HEADLINE,
    STATUS_WORDS,
    cell_of,
    held_point,
    plain,
    point_text,
    same,
    select,
)
from lps_sweep.report.figures.health import duration
from lps_sweep.report.figures.notes import LOCATIONS
from lps_sweep.report.figures.work_info import newest
from lps_sweep.report.reference import Reference, default_reference, paper_word
from lps_sweep.report.section import Section
from lps_sweep.report.tables import Cell, Column, Table, number_text, value_text
from lps_sweep.results.times import utc

if TYPE_CHECKING:
    from lps_sweep.results import Counts, Json, SweepRecord
    from lps_sweep.results.view import SweepView


@dataclass(frozen=True)
class BarPart:
    """Trials of one state in the bar; `start` and `width` are in thousandths of its length."""

    state: str
    word: str
    count: int
    start: float
    width: float


@dataclass(frozen=True)
class Summary:
    """What the first screen says."""

    name: str
    question: str
    data: str
    banner: str
    completeness: str
    bar: tuple[BarPart, ...]
    headline: Table
    findings: tuple[str, ...]
    origin: str
    footer: str


def summarise(view: SweepView, sections: Sequence[Section]) -> Summary:
    """The first screen of `view`; the findings are those of its `sections`."""
    from lps_sweep.results.paper import same_setting

    comparable, reason = same_setting(view.record.settings)
    counts = view.counts
    return Summary(
        name=view.record.name,
        question=view.record.question,
        data=data_text(view.record),
        banner="" if comparable else banner_text(reason),
        completeness=f"{counts.done} of {counts.planned} planned trials are done.",
        bar=bar_parts(counts),
        headline=headline_table(view),
        findings=tuple(text for section in sections for text in section.findings),
        origin=origin_text(view),
        footer=f"Made from the ledger's state {view.digest[:16]}.",
    )


def origin_text(view: SweepView) -> str:
    """As of when, device time, and the hashes of the code and of what was planned."""
    seconds = [plain(value) for value in view.trials["seconds"].tolist()]
    total = math.fsum(s for s in seconds if s is not None and math.isfinite(s))
    commits = {str(facts["commit"]): None for facts in view.provenance if facts.get("commit")}
    record = view.record
    settings = {name: v for name, v in record.settings.items() if name not in LOCATIONS}
    planned = [settings, record.axes, record.seeds, record.search]
    text = json.dumps(planned, sort_keys=True, default=str)
    code = f"code {', '.join(commits)}" if commits else "code not recorded"
    last = newest(view.attempts)
    when = "" if last is None else f"As of {utc(last)}: "
    return (
        f"{when}{duration(total)} of device time over all attempts; {code}; "
        f"configuration {hashlib.sha256(text.encode()).hexdigest()[:16]}; "
        f"results {view.digest[:16]}."
    )


def banner_text(reason: str) -> str:
    """What a reader must know before comparing with the paper."""
    return (
        f"Not the paper\u2019s setting: {reason.strip().rstrip('.')}. The paper\u2019s numbers are "
        "printed for reference only, and no difference to them is given."
    )


def data_text(record: SweepRecord) -> str:
    """One paragraph on data, network, length and replicates."""
    known = record.settings
    seen = known.get("seen_classes", 0)
    if isinstance(seen, list | tuple):
        seen_words = f"classes {', '.join(map(str, seen))} seen"
    else:
        seen_words = (
            "the first half of the classes seen" if not seen else f"the first {seen} classes seen"
        )
    parts = [
        str(known.get("dataset", "unknown data set")),
        f"{number_text(100 * _float(known.get('labeled_ratio')), 0)} % of the seen classes\u2019 "
        "images labeled",
        seen_words + _class_text(known.get("novel_classes"), known.get("assumed_classes")),
        _network_text(known.get("network"), known.get("frozen_through")),
        f"{value_text(known.get('epochs'))} epochs",
        f"batch {value_text(known.get('batch_size'))}",
    ]
    seeds = ", ".join(map(str, record.seeds))
    word = "seed" if len(record.seeds) == 1 else "seeds"
    return (
        f"Data: {', '.join(parts)}; {len(record.seeds)} {word} ({seeds}). Accuracies are "
        "percent of the unlabeled training images, scored after the last epoch with their hidden "
        f"labels: oracle accuracies, which no method has when it trains.{_stored_text(known)}"
    )


def _stored_text(known: Mapping[str, Json]) -> str:
    """How training departs from the reference where images are stored before it."""
    if known.get("dataset") != "imagenet100":
        return ""
    side = known.get("image_size", 256)
    return (
        f" Random crops come out of stored squares of {side} x {side} pixels, not out of the "
        "original photographs: a departure from the reference."
    )


def _class_text(novel: object, assumed: object) -> str:
    """Which classes are novel and how many are assumed, where it is not all and the true number."""
    count = f"{novel}" + (" of the others" if isinstance(novel, float) else "")
    words = f" and the next {count} novel" if novel else ""
    return words + (f", {assumed} classes assumed in all" if assumed else "")


def _network_text(network: object, frozen: object) -> str:
    if frozen in (None, "none"):
        return f"{network or 'unknown network'}, nothing frozen"
    return f"{network or 'unknown network'} frozen through {frozen}"


def _float(value: Any) -> float:
    return float(value) if isinstance(value, int | float) else float("nan")


def bar_parts(counts: Counts) -> tuple[BarPart, ...]:
    """The states that occur, in a fixed order, end to end."""
    parts: list[BarPart] = []
    start = 0.0
    for state, word in STATUS_WORDS.items():
        count = int(getattr(counts, state))
        if count:
            width = 1000 * count / counts.planned
            parts.append(BarPart(state, word, count, round(start, 2), round(width, 2)))
            start += width
    return tuple(parts)


def headline_table(view: SweepView) -> Table:
    """The default cell: mean, spread and n of each metric of the first screen."""
    record = view.record
    point = held_point(view)
    cell = cell_of(select(view.trials, point), tuple(HEADLINE))
    reference = default_reference(record.settings)
    if any(not same(v, record.defaults.get(n)) for n, v in point.items()):
        reference = replace(reference, comparable=False)
    columns = [
        Column("metric", "Metric"),
        Column("mean", "Mean", "number"),
        Column("sd", "sd", "number"),
        Column("interval95", "95 % t interval", "interval"),
        Column("n", "n", "value"),
        Column("seeds", "Each seed"),
        Column("paper", "Paper", "number"),
    ]
    if reference.comparable:
        columns.append(Column("difference", "Difference to paper", "signed"))
        columns.append(Column("against_paper", "Against the paper"))
    rows = []
    for metric, label in HEADLINE.items():
        row = _headline_row(label, cell, metric, reference)
        rows.append(row if reference.comparable else row[:-2])
    return Table(
        "default_cell",
        _headline_caption(record, point, cell, reference),
        tuple(columns),
        tuple(rows),
    )


def _headline_row(
    label: str, cell: cells.Cell, metric: str, reference: Reference
) -> tuple[Cell, ...]:
    found, paper = cell.stats(metric), reference.numbers.get((0, metric))
    if found is None:
        return (label, None, None, None, 0, "", paper, None, "")
    seeds = ", ".join(number_text(value, 1) for value in cell.numbers(metric))
    difference = None if paper is None else found.mean - paper
    word = paper_word(cell.numbers(metric), metric, paper)
    return (label, found.mean, found.sd, found.interval, found.n, seeds, paper, difference, word)


def _headline_caption(
    record: SweepRecord, point: dict[str, Any], cell: cells.Cell, reference: Reference
) -> str:
    off = [n for n, v in point.items() if not same(v, record.defaults.get(n))]
    if not point:
        text = "The one configuration of this sweep"
    elif off:
        names = ", ".join(off)
        text = (
            f"The cell nearest the default ({point_text(point)}; that of {names} was not planned)"
        )
    else:
        text = f"The default cell ({point_text(point)})"
    missing = f" Missing: {cell.cause_text}." if cell.cause_text else ""
    return (
        f"{text}: percent, over n of {cell.planned} seeds.{missing} "
        "Strict counts novel images that are given a seen class as errors; NMI is between class "
        f"and prediction on the novel images. {reference.caption}"
    )
