"""All that is recorded of one trial, read without pandas."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from pathlib import Path

from lps_sweep.errors import BadInputError
from lps_sweep.results.parsing import parse, parse_metrics
from lps_sweep.results.records import FileRef, Json

Metrics = dict[str, float | None]


@dataclass(frozen=True)
class Membership:
    """A sweep that plans the trial, or once did, and the trial's values of what it varies."""

    sweep: str
    swept: dict[str, Json]
    planned: bool


@dataclass(frozen=True)
class Attempt:
    """An attempt at the trial.

    Attributes:
        attempt: Its number, from 1.
        pack_id: The pack that it was in.
        begun: Whether a worker has taken it up.
        ended: How it ended (see `AttemptRecord`); empty while it is open.
        first: The first epoch that it recorded, or None.
        last: The last one.
        seconds: Its epochs' durations added up.
        provenance: Versions, device and threads.
        begun_at: When the driver learnt of its begin, in seconds since 1970; None where it is not
            recorded.
        ended_at: Likewise of its end.
        worker: The place that it was trained at.
    """

    attempt: int
    pack_id: str
    begun: bool
    ended: str
    first: int | None
    last: int | None
    seconds: float
    provenance: dict[str, Json]
    begun_at: float | None = None
    ended_at: float | None = None
    worker: str | None = None


@dataclass(frozen=True)
class Epoch:
    """The state after an epoch, from the newest attempt that reached it."""

    epoch: int
    attempt: int
    seconds: float | None
    metrics: Metrics


@dataclass(frozen=True)
class TrialView:
    """One trial.

    Attributes:
        trial_id: Its identity.
        seed: Its seed.
        pack_key: What it shares with the trials that it may be packed with.
        state: ``done``, ``stopped``, ``failed``, ``diverged``, ``running`` or ``not_run``.
        config: All values, by flat name.
        sweeps: Where it is or was planned.
        attempts: Oldest first.
        epochs: In order.
        metrics: The final ones of a trial that is done; else those of its last epoch.
        error: Why it failed.
        artefact: The file of its final predictions.
        checkpoint: Its newest checkpoint.
    """

    trial_id: str
    seed: int
    pack_key: str
    state: str
    config: dict[str, Json]
    sweeps: list[Membership]
    attempts: list[Attempt]
    epochs: list[Epoch]
    metrics: Metrics
    error: str
    artefact: FileRef | None
    checkpoint: FileRef | None


def trial_view(
    connection: sqlite3.Connection, path: Path, prefix: str, driver_alive: bool
) -> TrialView:
    """The trial whose id begins with `prefix`.

    Raises:
        BadInputError: No trial is called so, or several are.
    """
    trial_id, config, seed, pack_key = _trial(connection, path, prefix)
    attempts = _attempts(connection, path, trial_id)
    epochs = _epochs(connection, path, trial_id)
    outcome = connection.execute(
        "SELECT status, metrics, error, artefact_path, artefact_sha256 FROM outcomes"
        " WHERE trial_id = ?",
        (trial_id,),
    ).fetchone()
    open_ = any(attempt.begun and not attempt.ended for attempt in attempts)
    state = "running" if open_ and driver_alive else "not_run"
    status, final, error, *file = outcome or (state, "{}", "", None, None)
    last = epochs[-1].metrics if epochs else {}
    checkpoint = connection.execute(
        "SELECT member_path, member_sha256 FROM checkpoints WHERE trial_id = ?"
        " ORDER BY epoch DESC, attempt DESC LIMIT 1",
        (trial_id,),
    ).fetchone()
    return TrialView(
        trial_id=trial_id,
        seed=seed,
        pack_key=pack_key,
        state=status,
        config=parse(config, path),
        sweeps=_sweeps(connection, path, trial_id),
        attempts=attempts,
        epochs=epochs,
        metrics=parse_metrics(final, path) if status == "done" else last,
        error=error,
        artefact=FileRef(*file) if file[0] else None,
        checkpoint=FileRef(*checkpoint) if checkpoint else None,
    )


def _trial(connection: sqlite3.Connection, path: Path, prefix: str) -> tuple[str, str, int, str]:
    rows = connection.execute(
        "SELECT trial_id, config, seed, pack_key FROM trials WHERE substr(trial_id, 1, ?) = ?"
        " ORDER BY trial_id <> ?, trial_id LIMIT 5",
        (len(prefix), prefix, prefix),
    ).fetchall()
    if not rows or not prefix:
        raise BadInputError(f"no trial's id begins with {prefix!r}", str(path.parent))
    if len(rows) > 1 and rows[0][0] != prefix:
        some = ", ".join(row[0] for row in rows)
        raise BadInputError(f"several trials' ids begin with {prefix!r}: {some}", str(path.parent))
    trial_id, config, seed, pack_key = rows[0]
    return trial_id, config, seed, pack_key


def _sweeps(connection: sqlite3.Connection, path: Path, trial_id: str) -> list[Membership]:
    rows = connection.execute(
        "SELECT p.sweep, p.swept, p.position IS NOT NULL FROM planned p"
        " JOIN sweeps s ON s.name = p.sweep WHERE p.trial_id = ? ORDER BY s.number",
        (trial_id,),
    )
    return [Membership(sweep, parse(swept, path), bool(now)) for sweep, swept, now in rows]


def _attempts(connection: sqlite3.Connection, path: Path, trial_id: str) -> list[Attempt]:
    rows = connection.execute(
        "SELECT a.attempt, a.pack_id, a.begun, coalesce(a.ended, ''), min(e.epoch), max(e.epoch),"
        " total(e.seconds), a.provenance, a.begun_at, a.ended_at, a.worker"
        " FROM attempts a LEFT JOIN epochs e"
        " ON e.trial_id = a.trial_id AND e.attempt = a.attempt"
        " WHERE a.trial_id = ? GROUP BY a.attempt ORDER BY a.attempt",
        (trial_id,),
    )
    return [
        Attempt(attempt, pack, bool(begun), ended, first, last, seconds, parse(facts, path), *times)
        for attempt, pack, begun, ended, first, last, seconds, facts, *times in rows
    ]


def _epochs(connection: sqlite3.Connection, path: Path, trial_id: str) -> list[Epoch]:
    rows = connection.execute(
        "SELECT epoch, max(attempt), seconds, metrics FROM epochs WHERE trial_id = ?"
        " GROUP BY epoch ORDER BY epoch",
        (trial_id,),
    )
    return [
        Epoch(epoch, attempt, s, parse_metrics(metrics, path))
        for epoch, attempt, s, metrics in rows
    ]
