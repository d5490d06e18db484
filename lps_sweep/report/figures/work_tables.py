"""The work of a sweep in numbers: by pack and by worker."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from lps_sweep.report.figures.work_info import GRAVEST, PackRun, WorkInfo
from lps_sweep.report.section import Key
from lps_sweep.report.tables import Cell, Column, Table
from lps_sweep.results.times import utc

MOST_LISTED = 500
"""Packs of the table."""

ENDS = {
    "done": Key("done", "green", "none", "square"),
    "stopped": Key("stopped by a rule", "sky", "none", "diamond"),
    "waits": Key("saved, to go on later", "blue", "none", "star"),
    "failed": Key("failed", "vermillion", "none", "x"),
    "diverged": Key("diverged", "purple", "none", "triangle-down"),
    "given_up": Key("died, to be tried again", "orange", "none", "cross"),
    "lost": Key("lost with its driver", "grey", "none", "circle-open"),
    "open": Key("not over", "ink", "none", "triangle-up"),
}


def ends_text(ends: Counter[str]) -> str:
    """How many trials ended how."""
    return ", ".join(f"{ends[k]} {ENDS[k].label}" for k in reversed(GRAVEST) if ends[k])


def work_table(info: WorkInfo) -> Table:
    """One row per pack on a worker, by its begin."""
    columns = (
        Column("begin_s", "Begin, s", "number"),
        Column("end_s", "End, s", "number"),
        Column("worker", "Worker"),
        Column("pack", "Pack"),
        Column("trials", "Trials", "value"),
        Column("end", "Ended"),
        Column("end_known", "End recorded"),
        Column("idle_s", "Idle before, s", "number"),
        Column("stretch", "Stretch", "value"),
    )
    first, labels = info.runs[0].begun_at, dict(zip(info.workers, info.labels, strict=True))
    rows: list[tuple[Cell, ...]] = [
        (
            round(run.begun_at - first, 3),
            round(run.ended_at - first, 3),
            labels[run.worker],
            run.pack_id,
            run.ends.total(),
            ends_text(run.ends),
            "yes" if run.known else "no",
            round(run.idle_s, 3),
            info.stretch(run.begun_at) + 1,
        )
        for run in info.runs[:MOST_LISTED]
    ]
    caption = (
        f"The packs by their begin, in seconds after {utc(first)}; idle before: since the pack "
        "before on this worker, or since the stretch began."
    )
    if len(info.runs) > MOST_LISTED:
        caption += f" The first {MOST_LISTED} of {len(info.runs)}."
    return Table("work", caption, columns, tuple(rows))


def workers_table(info: WorkInfo) -> Table:
    """One row per worker, and one for all: packs, time at work, idle time and its share."""
    columns = (
        Column("worker", "Worker"),
        Column("packs", "Packs", "value"),
        Column("trials", "Attempts", "value"),
        Column("busy_s", "At work, s", "number"),
        Column("idle_s", "Idle, s", "number"),
        Column("idle_share", "Idle, %", "number"),
    )
    rows: list[tuple[Cell, ...]] = []
    for worker, label, busy, there in zip(
        info.workers, info.labels, info.busy_s, info.there_s, strict=True
    ):
        own = [run for run in info.runs if run.worker == worker]
        rows.append((label, *_worker_cells(own, busy, max(0.0, there - busy))))
    rows.append(("all", *_worker_cells(info.runs, sum(info.busy_s), info.idle_s)))
    caption = (
        "Time of each worker at work and idle, within the stretches in which it trained anything."
    )
    return Table("workers", caption, columns, tuple(rows), frozenset({len(rows) - 1}))


def _worker_cells(runs: Sequence[PackRun], busy: float, idle: float) -> tuple[Cell, ...]:
    share = 100 * idle / (busy + idle) if busy + idle else None
    trials = sum(run.ends.total() for run in runs)
    return len(runs), trials, round(busy, 3), round(idle, 3), share
