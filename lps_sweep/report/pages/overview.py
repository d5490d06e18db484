"""The first screen: the question, what the data is, completeness, and the default cell."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from lps_sweep.report.cells import (
    HEADLINE,
    STATUS_WORDS,
    Cell,
    cell_of,
    held_point,
    plain,
    same,
    select,
)
from lps_sweep.report.model import Column, Section, Table
from lps_sweep.report.numbers import duration, minus, number_text, point_text, value_text
from lps_sweep.report.reference import (
    LOCATIONS,
    default_reference,
    paper_word,
    where_text,
)
from lps_sweep.report.work import newest
from lps_sweep.results.times import utc

if TYPE_CHECKING:
    from pandas import DataFrame

    from lps_sweep.report.searches import Configuration
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
    tables: tuple[Table, ...]
    command: str
    findings: tuple[str, ...]
    origin: str


def summarise(view: SweepView, sections: Sequence[Section]) -> Summary:
    """The first screen of `view`; the findings are those of its `sections`, folded ones last."""
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
        tables=(headline_table(view),),
        command=confirming(view),
        findings=tuple(
            text for one in sorted(sections, key=lambda one: one.folded) for text in one.findings
        ),
        origin=origin_text(view),
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
    seeds = ", ".join(map(str, record.seeds))
    word = "seed" if len(record.seeds) == 1 else "seeds"
    return (
        f"{where_text(known)}, batch {value_text(known.get('batch_size'))}; {_classes_text(known)}"
        f"; {len(record.seeds)} {word} ({seeds}). Accuracies are percent of the unlabeled training "
        "images, scored after the last epoch with their hidden labels: oracle accuracies, which "
        f"no method has when it trains.{_stored_text(known)}"
    )


def _classes_text(known: Mapping[str, Json]) -> str:
    """Which classes are seen; which are novel and how many are assumed, where that is set."""
    seen, novel = known.get("seen_classes", 0), known.get("novel_classes")
    text = f"the first {seen} classes seen" if seen else "the first half of the classes seen"
    if isinstance(seen, list | tuple):
        text = f"classes {', '.join(map(str, seen))} seen"
    if novel:
        others = " of the others" if isinstance(novel, float) else ""
        text += f" and the next {value_text(novel)}{others} novel"
    assumed = known.get("assumed_classes")
    return f"{text}, {assumed} classes assumed in all" if assumed else text


def _stored_text(known: Mapping[str, Json]) -> str:
    """How training departs from the reference where images are stored before it."""
    if known.get("dataset") != "imagenet100":
        return ""
    side = known.get("image_size", 256)
    return (
        f" Random crops come out of stored squares of {side} x {side} pixels, not out of the "
        "original photographs: a departure from the reference."
    )


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
    record, point = view.record, held_point(view)
    cell = cell_of(select(view.trials, point), tuple(HEADLINE))
    reference = default_reference(record.settings)
    papers = {metric: reference.numbers.get((0, metric)) for metric in HEADLINE}
    interval = Column("interval95", "95 % t interval", "interval", of=cell.interval, percent=True)
    mean, sd, n = _cell_columns(cell)
    columns = [
        Column("metric", "Metric", of=HEADLINE.get, says="metric"),
        *(mean, sd, interval, n),
        Column("seeds", "Each seed", of=lambda m: _seeds_text(cell.numbers(m))),
        Column("paper", "Paper", "number", of=papers.get),
    ]
    off = [name for name, v in point.items() if not same(v, record.defaults.get(name))]
    if reference.comparable and not off:

        def less_paper(metric: str) -> float | None:
            return minus(cell.mean(metric), papers[metric])

        def word(metric: str) -> str:
            values = cell.numbers(metric)
            return paper_word(values, metric, papers[metric]) if values else ""

        columns.append(Column("difference", "Difference to paper", "signed", of=less_paper))
        columns.append(Column("against_paper", "Against the paper", of=word))
    else:
        reference = replace(reference, comparable=False)
    caption = _headline_caption(point, off, cell)
    best = selected_of(view)
    if best is not None:
        columns += _cell_columns(cell_of(_trials_of(view, best), tuple(HEADLINE)), "selected")
        caption += (
            f" Beside it what the search selected, number {best.number} ({best.words}): its mean "
            "is too high because it was selected for it."
        )
    notes = (
        "Strict counts novel images that are given a seen class as errors; NMI is between class "
        f"and prediction on the novel images. {reference.caption}"
    )
    return Table.of("default_cell", caption, columns, HEADLINE, notes=notes.strip())


def _cell_columns(cell: Cell, name: str = "") -> list[Column]:
    """Mean, sd and n of each metric of `cell`, which has a `name` where it is not the default."""
    before, span = (f"{name}_", name.capitalize()) if name else ("", "")
    return [
        Column(name or "mean", "Mean", "number", of=cell.mean, span=span),
        Column(f"{before}sd", "sd", "number", of=lambda m: cell.mean_sd(m)[1], span=span),
        Column(f"{before}n", "n", "value", of=lambda m: len(cell.numbers(m)), span=span),
    ]


def _seeds_text(values: Sequence[float]) -> str:
    return ", ".join(number_text(value, 1) for value in values)


def _headline_caption(point: dict[str, Any], off: Sequence[str], cell: Cell) -> str:
    text = "The one configuration of this sweep"
    if off:
        text = (
            f"The cell nearest the default ({point_text(point)}; that of {', '.join(off)} was not "
            "planned)"
        )
    elif point:
        text = f"The default cell ({point_text(point)})"
    missing = f" Missing: {cell.cause_text}." if cell.cause_text else ""
    return f"{text}: percent, over n of {cell.planned} seeds.{missing}"


def selected_of(view: SweepView) -> Configuration | None:
    """What the only search of a sweep selected; None where there are several, or none is whole."""
    from lps_sweep.report.searches import searches

    found = searches(view)
    return found[0].selected if len(found) == 1 else None


def _trials_of(view: SweepView, configuration: Configuration) -> DataFrame:
    ids = set(configuration.trials.trials.values())
    return view.trials.loc[[trial in ids for trial in view.trials["trial_id"].tolist()]]


def confirming(view: SweepView, folder: str = "DIR") -> str:
    """The command that measures what a search selected on fresh seeds; empty where it is none.

    None is needed where the default was selected, and where the sweep was confirmed.
    """
    from lps_sweep.report.searches import searches

    default = set(select(view.trials, held_point(view))["trial_id"].tolist())
    for info in searches(view):
        best = info.selected
        if best is None or info.confirmed:
            continue
        if default != set(best.trials.trials.values()):
            return f"lps-sweep confirm {folder} {view.record.name}"
    return ""
