"""Trials that failed or diverged: how often, and of what; each stands among all trials."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from lps_sweep.report.cells import in_order, select, trials_in
from lps_sweep.report.escape import first_line
from lps_sweep.report.model import Block, Cell, Column, Fold, Section, Table
from lps_sweep.report.numbers import scalar
from lps_sweep.text import error_line, normalised_error

if TYPE_CHECKING:
    from pandas import DataFrame

    from lps_sweep.results.view import SweepView

ORDER = 79
FAILED = ("failed", "diverged")
ENDED = ("done", "stopped", *FAILED)
MOST_KINDS = 10
"""Kinds of error that are printed whole."""
MOST_LINES = 60
"""Lines of each, the last ones."""

Trial = Mapping[str, Any]
"""A row of `trials_in`, with `text`, its whole error, and `error`, that on one line."""


def read_failures(view: SweepView) -> list[Trial]:
    """The trials of `view` that failed or diverged, in the order of the plan."""
    found: list[Trial] = []
    for row in trials_in(view, *FAILED):
        text = row["error"] if isinstance(row["error"], str) else ""
        found.append({**row, "text": text, "error": first_line(error_line(text))})
    return found


def kinds_of(failures: Sequence[Trial]) -> dict[str, list[Trial]]:
    """The failures by kind of error, the most frequent first."""
    kinds: dict[str, list[Trial]] = {}
    for row in failures:
        kinds.setdefault(normalised_error(row["text"]) or "(no message)", []).append(row)
    return dict(sorted(kinds.items(), key=lambda kind: (-len(kind[1]), kind[0])))


def kinds_table(kinds: Mapping[str, Sequence[Trial]]) -> Table:
    """One row per kind of error."""
    columns = (
        Column("kind", "Kind of error", of=lambda kind: first_line(kind[0])),
        Column("trials", "Trials", "value", of=lambda kind: len(kind[1])),
        Column("first", "First trial", "trial", of=lambda kind: kind[1][0]["trial_id"]),
        Column("example", "As it was there", of=lambda kind: kind[1][0]["error"]),
    )
    caption = (
        "Failed and diverged trials by their error, of a traceback its last line, with numbers, "
        "paths and addresses in it replaced by #. The whole text: lps-sweep show with the trial."
    )
    return Table.of("error_kinds", caption, columns, kinds.items())


def traces_text(kinds: Mapping[str, Sequence[Trial]]) -> str:
    """The whole error of the first trial of each kind, such as its traceback."""
    first = [cases[0] for cases in kinds.values() if cases[0]["text"].strip()]
    shown = [
        "\n".join([row["trial_id"], *row["text"].strip().splitlines()[-MOST_LINES:]])
        for row in first[:MOST_KINDS]
    ]
    more = [f"{len(first) - MOST_KINDS} more kinds"] if len(first) > MOST_KINDS else []
    return "\n\n".join([*shown, *more])


def failure_rate(states: Sequence[str]) -> dict[str, Cell]:
    """Of trials in `states`: how many ended and failed, the rate in percent and its interval."""
    from lps_sweep.results.statistics import wilson_interval

    ended, failed = (sum(state in some for state in states) for some in (ENDED, FAILED))
    found = wilson_interval(failed, ended)
    return {
        "ended": ended,
        "failed": failed,
        "rate": 100 * failed / ended if ended else None,
        "interval95": None if found is None else (100 * found[0], 100 * found[1]),
    }


def rates_table(view: SweepView) -> Table:
    """Rate of failed and diverged among ended trials: in all, and per level of each parameter."""
    places: list[tuple[str, Cell, DataFrame]] = [("all trials", None, view.trials)]
    for name, levels in {} if view.record.search else view.record.axes.items():
        for level in in_order(levels) if len(levels) > 1 else ():
            places.append((name, scalar(level), select(view.trials, {name: level})))
    rows = [
        {"parameter": name, "level": level, **failure_rate(frame["status"].tolist())}
        for name, level, frame in places
    ]
    columns = (
        Column("parameter", "Parameter"),
        Column("level", "Level", "value"),
        Column("ended", "Ended", "value"),
        Column("failed", "Failed or diverged", "value"),
        Column("rate", "Rate, %", "number"),
        Column("interval95", "95 % interval (Wilson), %", "interval", percent=True),
    )
    caption = (
        "Failed or diverged among the trials that ended, with Wilson\u2019s 95 % interval of each "
        "rate by itself. A level with a higher rate has lost values that no mean shows."
    )
    return Table.of("failure_rates", caption, columns, rows)


def finding(view: SweepView, failures: Sequence[Trial]) -> str:
    """How many trials failed or diverged, and of what most."""
    error, count = Counter(row["error"] for row in failures).most_common(1)[0]
    return (
        f"{len(failures)} of {view.counts.planned} trials failed or diverged, {count} of them "
        f"with: {error or 'no error recorded'}"
    )


def sections(view: SweepView) -> list[Section]:
    """The failures, where there are any."""
    failures = read_failures(view)
    if not failures:
        return []
    kinds = kinds_of(failures)
    whole = Fold("The first of each kind, whole", traces_text(kinds))
    blocks: list[Block] = [kinds_table(kinds), whole, rates_table(view)]
    said = (finding(view, failures),)
    return [Section("failures", "Failures", tuple(blocks), said, folded=True)]
