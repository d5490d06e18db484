"""Completeness and cost: which configuration lacks which seed, and what it all took."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from lps_sweep.report.cells import STATUS_WORDS
from lps_sweep.report.model import Block, Cell, Column, Fold, Section, Table
from lps_sweep.report.numbers import duration, scalar
from lps_sweep.report.work import ENDS, Work, read_work
from lps_sweep.results.times import utc

if TYPE_CHECKING:
    from lps_sweep.results.view import SweepView

ORDER = 81
MOST_LISTED = 500
"""Rows of the tables of incomplete configurations and of packs."""

Planned = dict[str, Cell]
"""A configuration: by name its values, and as ``seed_0`` the state of the trial at that seed."""


def read_planned(view: SweepView) -> list[Planned]:
    """The configurations of `view`, in the order of the plan."""
    names, seeds = list(view.record.axes), dict.fromkeys(seed_columns(view))
    found: dict[str, Planned] = {}
    for row in view.trials[[*names, "seed", "status"]].to_dict("records"):
        point = {n: scalar(row[n]) if row[n] == row[n] else None for n in names}
        one = found.setdefault(str(point), {**point, **seeds})
        one[f"seed_{row['seed']}"] = STATUS_WORDS[row["status"]]
    return list(found.values())


def seed_columns(view: SweepView) -> dict[str, str]:
    """Key and label of the column of each seed."""
    return {f"seed_{seed}": f"Seed {seed}" for seed in view.record.seeds}


def lacking(view: SweepView, planned: Sequence[Planned]) -> list[Planned]:
    """Those of `planned` that lack a seed."""
    seeds, fine = seed_columns(view), (None, STATUS_WORDS["done"])
    return [row for row in planned if any(row[seed] not in fine for seed in seeds)]


def incomplete_table(view: SweepView, rows: Sequence[Planned]) -> Table:
    """One row per configuration that lacks a seed, with the state at each seed."""
    columns = (
        *(Column(name, name, "value") for name in view.record.axes),
        *(Column(key, label) for key, label in seed_columns(view).items()),
    )
    caption = "Configurations that lack a seed, and the state of the trial at each seed."
    return _listed("incomplete", caption, columns, rows)


def _listed(slug: str, caption: str, columns: Sequence[Column], rows: Sequence[Any]) -> Table:
    """A table of the first of `rows`."""
    if len(rows) > MOST_LISTED:
        caption += f" The first {MOST_LISTED} of {len(rows)}."
    return Table.of(slug, caption, columns, rows[:MOST_LISTED])


def cost_table(view: SweepView) -> Table:
    """One row per state: trials, attempts, device-seconds and their share."""
    by_state = view.trials.groupby("status")
    attempts, seconds = (by_state[name].sum().to_dict() for name in ("attempts", "seconds"))
    sums = [
        (word, int(getattr(view.counts, state)), int(attempts[state]), float(seconds[state]))
        for state, word in STATUS_WORDS.items()
        if state in seconds
    ]
    total = math.fsum(seconds.values())
    sums.append(("all", view.counts.planned, sum(attempts.values()), total))
    rows = tuple((*row, 100 * row[3] / total if total else None) for row in sums)
    columns = (
        Column("state", "State"),
        Column("trials", "Trials", "value"),
        Column("attempts", "Attempts", "value"),
        Column("seconds", "Device-seconds", "number"),
        Column("share", "Share, %", "number"),
    )
    caption = "Device-seconds in epochs of all attempts, failed and repeated ones too."
    notes = (
        "The time of an epoch is split evenly among the trials of its pack. An epoch that an "
        "error cut short, and pre-training, are not in it."
    )
    return Table("cost", caption, columns, rows, notes=notes)


def workers_table(work: Work) -> Table:
    """One row per worker, and one for all: packs, time at work, idle time and its share."""
    columns = (
        Column("worker", "Worker"),
        Column("packs", "Packs", "value"),
        Column("trials", "Attempts", "value"),
        Column("busy_s", "At work, s", "number"),
        Column("idle_s", "Idle, s", "number"),
        Column("idle_share", "Idle, %", "number"),
    )
    rows = [{"worker": label, **work.hours_of(name)} for name, label in work.labels.items()]
    rows.append({"worker": "all", **work.hours_of(*work.labels)})
    caption = (
        "Time of each worker at work and idle, within the stretches in which it trained anything."
    )
    return Table.of("workers", caption, columns, rows, marked=frozenset({len(rows) - 1}))


def work_table(work: Work) -> Table:
    """One row per pack on a worker, by its begin."""
    first = float(work.runs["begin"][0])

    def ended(row: Mapping[str, Any]) -> str:
        known = {word: row["ends"][kind] for kind, word in ENDS.items()}
        return ", ".join(f"{count} {word}" for word, count in known.items() if count)

    columns = (
        Column("begin_s", "Begin, s", "number", of=lambda row: round(row["begin"] - first, 3)),
        Column("end_s", "End, s", "number", of=lambda row: round(row["end"] - first, 3)),
        Column("worker", "Worker", of=lambda row: work.labels[row["worker"]]),
        Column("pack", "Pack", of="pack_id"),
        Column("trials", "Trials", "value", of=lambda row: row["ends"].total()),
        Column("end", "Ended", of=ended),
        Column("end_known", "End recorded", of=lambda row: "yes" if row["known"] else "no"),
        Column("idle_s", "Idle before, s", "number", of=lambda row: round(row["idle"], 3)),
        Column("stretch", "Stretch", "value"),
    )
    caption = (
        f"The packs by their begin, in seconds after {utc(first)}; idle before: since the pack "
        "before on this worker, or since the stretch began."
    )
    return _listed("work", caption, columns, work.runs.to_dict("records"))


def busy_text(work: Work) -> str:
    """How busy the workers were."""
    number, share = len(work.labels), work.hours_of(*work.labels)["idle_share"]
    workers = "1 worker was" if number == 1 else f"{number} workers were"
    busy = "" if share is None else f" {100 - share:.0f} %"
    total = duration(sum(work.stretches.values()))
    return (
        f"{workers} busy{busy} of {total}, within the time in which any of them "
        "was at work. Pre-training, and packs of trials of other sweeps, are not counted."
    )


def sections(view: SweepView) -> list[Section]:
    """Completeness and cost, in a section after run health."""
    planned, work = read_planned(view), read_work(view.attempts)
    if not planned:
        return []
    rows = lacking(view, planned)
    full = len(planned) - len(rows)
    text = f"{full} of {len(planned)} configurations have all their seeds."
    blocks: list[Block] = [text, *([incomplete_table(view, rows)] if rows else [])]
    blocks.append(cost_table(view))
    if work:
        blocks += [busy_text(work), workers_table(work), Fold("Every pack", work_table(work))]
    return [Section("cost", "Completeness and cost", tuple(blocks), folded=True)]
