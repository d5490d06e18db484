"""Run health: states, failures with cause, attempts, time, and what it was run with."""

from __future__ import annotations

import math
import statistics
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lps_sweep.report.cells import ACCURACIES, STATUS_WORDS, plain, point_text
from lps_sweep.report.escape import first_line
from lps_sweep.report.figures.stops import stopped_table, stopped_text, stopped_trials
from lps_sweep.report.section import Block, Fold, Section
from lps_sweep.report.tables import Column, Table, value_text
from lps_sweep.results.rates import error_line, normalised_error
from lps_sweep.results.repeats import NO_REPEATS, Repeats

if TYPE_CHECKING:
    from lps_sweep.results import Counts
    from lps_sweep.results.view import SweepView

ORDER = 80
MOST_KINDS = 10
"""Kinds of error that are printed whole."""
MOST_LINES = 60
"""Lines of each, the last ones."""


@dataclass(frozen=True)
class HealthInfo:
    """Sums over all trials of a sweep.

    Attributes:
        counts: Trials by state.
        attempts: Attempts at trials, the repeated ones among them.
        retried: Trials with more than one attempt.
        repeated_epochs: Epochs trained again after an interruption.
        total_s: Seconds of all attempts of all trials.
        lost_s: The part of it that trials which are not done took.
        done_s: Least, median and most seconds of a done trial; None without one.
        repeats: Whether the repeated epochs gave the same numbers.
    """

    counts: Counts
    attempts: int
    retried: int
    repeated_epochs: int
    total_s: float
    lost_s: float
    done_s: tuple[float, float, float] | None
    repeats: Repeats = NO_REPEATS


def health_info(view: SweepView) -> HealthInfo:
    """Sums over the trials of `view`."""
    states = [str(state) for state in view.trials["status"].tolist()]
    attempts = [_number(value) for value in view.trials["attempts"].tolist()]
    seconds = [_number(value) for value in view.trials["seconds"].tolist()]
    done = [s for s, state in zip(seconds, states, strict=True) if state == "done"]
    return HealthInfo(
        counts=view.counts,
        attempts=int(sum(attempts)),
        retried=sum(1 for number in attempts if number > 1),
        repeated_epochs=view.repeated_epochs,
        total_s=math.fsum(seconds),
        lost_s=math.fsum(s for s, state in zip(seconds, states, strict=True) if state != "done"),
        done_s=(min(done), statistics.median(done), max(done)) if done else None,
        repeats=view.repeats,
    )


def _number(value: Any) -> float:
    value = plain(value)
    return float(value) if value is not None and math.isfinite(value) else 0.0


def duration(seconds: float) -> str:
    """``8.4 s``, ``12 min``, ``3.4 h``: two or three digits are enough to plan by."""
    if seconds < 120:
        return f"{seconds:.1f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"


def health_table(info: HealthInfo) -> Table:
    """The counts and sums, one a row."""
    counts = [
        (f"Trials {word}", getattr(info.counts, state)) for state, word in STATUS_WORDS.items()
    ]
    rows: list[tuple[str, int | float | str | None]] = [
        ("Trials planned", info.counts.planned),
        *counts,
    ]
    least, median, most = info.done_s or (None, None, None)
    rows += [
        ("Attempts", info.attempts),
        ("Trials with more than one attempt", info.retried),
        ("Epochs trained again after an interruption", info.repeated_epochs),
        ("Seconds of a done trial, median", _tenth(median)),
        ("Seconds of a done trial, least", _tenth(least)),
        ("Seconds of a done trial, most", _tenth(most)),
        ("Device seconds, all attempts of all trials", _tenth(info.total_s)),
        ("Device seconds of trials that are not done", _tenth(info.lost_s)),
    ]
    columns = (Column("what", "What"), Column("number", "Number", "value"))
    caption = "Trials by state, attempts, and seconds spent in epochs."
    return Table("health", caption, columns, tuple(rows))


def _tenth(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, 1)


def failures_table(view: SweepView) -> Table:
    """Trials that failed or diverged, with their error on one line."""
    swept = list(view.record.axes)
    frame = view.trials[view.trials["status"].isin(["failed", "diverged"])]
    columns = (
        Column("trial_id", "Trial", "trial"),
        Column("status", "Status"),
        Column("setting", "Setting"),
        Column("seed", "Seed", "value"),
        Column("attempts", "Attempts", "value"),
        Column("error", "Error"),
    )
    rows = []
    for row in frame.to_dict("records"):
        error = row.get("error")
        rows.append(
            (
                str(row["trial_id"]),
                str(row["status"]),
                point_text({name: plain(row[name]) for name in swept}),
                int(row["seed"]),
                int(_number(row["attempts"])),
                first_line(error_line(error)) if isinstance(error, str) else "",
            )
        )
    caption = "Trials without a final value because they failed or diverged."
    return Table("failures", caption, columns, tuple(rows))


def traces_text(view: SweepView) -> str:
    """The whole error of the first trial of each kind, such as its traceback."""
    first: dict[str, str] = {}
    frame = view.trials[view.trials["status"].isin(["failed", "diverged"])]
    for row in frame.to_dict("records"):
        error = row.get("error")
        if isinstance(error, str) and error.strip():
            kept = "\n".join(error.strip().splitlines()[-MOST_LINES:])
            first.setdefault(normalised_error(error), f"{row['trial_id']}\n{kept}")
    kinds = list(first.values())
    more = [f"{len(kinds) - MOST_KINDS} more kinds"] if len(kinds) > MOST_KINDS else []
    return "\n\n".join([*kinds[:MOST_KINDS], *more])


def provenance_rows(provenance: list[dict[str, Any]]) -> list[tuple[str, tuple[str, ...]]]:
    """Each recorded fact and its distinct values, in the order met; nested names are joined."""
    found: dict[str, dict[str, None]] = {}
    for record in provenance:
        for name, value in _leaves(record):
            found.setdefault(name, {})[value_text(value)] = None
    return [(name, tuple(values)) for name, values in sorted(found.items())]


def _leaves(record: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in record.items():
        if isinstance(value, Mapping):
            yield from _leaves(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value


def provenance_table(provenance: list[dict[str, Any]]) -> Table:
    """What the trials were run with; facts with several values are marked."""
    facts = provenance_rows(provenance)
    columns = (
        Column("fact", "Fact"),
        Column("value", "Value"),
        Column("num_values", "Values", "value"),
    )
    rows = tuple((name, "; ".join(values), len(values)) for name, values in facts)
    mixed = frozenset(i for i, (_, values) in enumerate(facts) if len(values) > 1)
    caption = "What the trials were run with."
    if mixed:
        caption += " A marked fact has more than one value in this sweep."
    hidden = frozenset() if mixed else frozenset({"num_values"})
    return Table("provenance", caption, columns, rows, mixed, hidden)


def mixture_text(provenance: list[dict[str, Any]]) -> str:
    """A sentence that names the facts with several values; empty when there are none."""
    mixed = [name for name, values in provenance_rows(provenance) if len(values) > 1]
    if not mixed:
        return ""
    return (
        f"The trials were not all run with the same {', '.join(mixed)}; see the provenance table."
    )


def sections(view: SweepView) -> list[Section]:
    """Run health and provenance."""
    info = health_info(view)
    blocks: list[Block] = [_summary(info), health_table(info)]
    failures = failures_table(view)
    if failures.rows:
        blocks += [failures, Fold("The first of each kind, whole", traces_text(view))]
    stopped = stopped_trials(view)
    if stopped:
        blocks += [stopped_text(stopped, _planned_epochs(view)), stopped_table(stopped)]
    mixture = mixture_text(view.provenance)
    if mixture:
        blocks.append(mixture)
    if view.provenance:
        blocks.append(provenance_table(view.provenance))
    else:
        blocks.append("No attempt has been started, so there is no provenance yet.")
    findings = tuple(text for text in (failure_finding(failures, info), mixture) if text)
    return [Section("health", "Run health", tuple(blocks), findings)]


def failure_finding(failures: Table, info: HealthInfo) -> str:
    """How many trials failed or diverged, and of what most; empty where none did."""
    if not failures.rows:
        return ""
    errors = Counter(str(row[-1]) for row in failures.rows)
    error, count = errors.most_common(1)[0]
    return (
        f"{len(failures.rows)} of {info.counts.planned} trials failed or diverged, {count} of them "
        f"with: {error or 'no error recorded'}"
    )


def _planned_epochs(view: SweepView) -> int:
    epochs = [config.get("epochs") for config in view.configs.values()]
    return sum(number for number in epochs if isinstance(number, int))


def repeats_text(found: Repeats) -> str:
    """A check that comes for free: the same trial and epoch, trained twice."""
    if not found.pairs:
        return ""
    if not found.different:
        return ", with the same numbers to the last digit"
    accuracies = {name: found.largest.get(name, 0.0) for name in ACCURACIES}
    largest = ", ".join(f"{ACCURACIES[n].lower()} {v:.2g}" for n, v in accuracies.items())
    return (
        f", {found.different} of them with other numbers (largest differences in points: {largest})"
    )


def _summary(info: HealthInfo) -> str:
    counts = info.counts
    failed = "No trial failed or diverged."
    if counts.failed or counts.diverged:
        failed = (
            f"Of {counts.planned} trials {counts.failed} failed and {counts.diverged} diverged."
        )
    retried = "No trial needed a second attempt"
    if info.retried:
        word = "trial" if info.retried == 1 else "trials"
        retried = f"{info.retried} {word} needed more than one attempt"
    repeated = "no epoch was trained twice"
    if info.repeated_epochs:
        word = "epoch was" if info.repeated_epochs == 1 else "epochs were"
        repeated = (
            f"{info.repeated_epochs} {word} trained again after an interruption"
            f"{repeats_text(info.repeats)}"
        )
    return f"{failed} {retried}; {repeated}. The epochs took {duration(info.total_s)} in all."
