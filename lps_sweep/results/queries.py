"""What is read from the ledger: functions of a connection, within one read transaction."""

from __future__ import annotations

import hashlib
import sqlite3
from dataclasses import dataclass
from pathlib import Path

from lps_sweep.errors import BadInputError, StorageError, nearest
from lps_sweep.results.parsing import parse, parse_metrics
from lps_sweep.results.records import (
    AttemptRecord,
    CheckpointRecord,
    Counts,
    FileRef,
    Json,
    SweepRecord,
    TrialRecord,
    json_text,
)
from lps_sweep.results.times import TIMES

STATES = ("done", "stopped", "failed", "diverged", "running", "not_run")

_TRIALS = """
SELECT p.trial_id, t.seed, p.swept, o.status, o.metrics, o.error, o.artefact_path,
    o.artefact_sha256,
    (SELECT total(begun) FROM attempts a WHERE a.trial_id = p.trial_id) AS attempts,
    EXISTS (SELECT 1 FROM attempts a WHERE a.trial_id = p.trial_id AND a.ended IS NULL
        AND a.begun) AS open,
    (SELECT total(seconds) FROM epochs e WHERE e.trial_id = p.trial_id) AS seconds, t.config
FROM planned p JOIN trials t USING (trial_id) LEFT JOIN outcomes o USING (trial_id)
WHERE p.sweep = ? AND p.position IS NOT NULL ORDER BY p.position
"""

_OPEN_COLUMN = 9

# A bare column beside max() has the value of the row that holds the maximum.
_EPOCHS = """
SELECT e.trial_id, e.epoch, max(e.attempt), e.seconds, e.metrics
FROM planned p JOIN epochs e USING (trial_id)
WHERE p.sweep = ? AND p.position IS NOT NULL
GROUP BY p.position, e.trial_id, e.epoch ORDER BY p.position, e.epoch
"""

_PROVENANCE = """
SELECT a.provenance FROM planned p JOIN attempts a USING (trial_id)
WHERE p.sweep = ? AND p.position IS NOT NULL AND a.begun
GROUP BY a.provenance ORDER BY min(a.number)
"""

_REPEATED = """
SELECT count(*) - count(DISTINCT e.trial_id || ' ' || e.epoch)
FROM planned p JOIN epochs e USING (trial_id) WHERE p.sweep = ? AND p.position IS NOT NULL
"""

_COSTS = """
SELECT t.config, sum(e.seconds), count(e.seconds) FROM trials t JOIN epochs e USING (trial_id)
WHERE e.seconds IS NOT NULL GROUP BY t.config
"""

_STATES = """
SELECT p.trial_id, coalesce(o.status, CASE WHEN a.trial_id IS NULL THEN 'not_run' ELSE ? END)
FROM planned p LEFT JOIN outcomes o USING (trial_id)
    LEFT JOIN attempts a ON a.trial_id = p.trial_id AND a.ended IS NULL AND a.begun
WHERE p.sweep = ? AND p.position IS NOT NULL ORDER BY p.position
"""


@dataclass(frozen=True)
class TrialRow:
    """A planned trial as tables show it; `metrics` is empty unless the trial is done."""

    trial_id: str
    seed: int
    swept: dict[str, Json]
    status: str
    metrics: dict[str, float | None]
    error: str
    artefact: FileRef | None
    attempts: int
    seconds: float
    config: dict[str, Json]


@dataclass(frozen=True)
class EpochRow:
    """The state of a trial after an epoch, from the newest attempt that reached it."""

    trial_id: str
    epoch: int
    seconds: float | None
    metrics: dict[str, float | None]


def sweep_names(connection: sqlite3.Connection) -> list[str]:
    """Names of the recorded sweeps, in the order in which they were first planned."""
    return [name for (name,) in connection.execute("SELECT name FROM sweeps ORDER BY number")]


def sweep_record(connection: sqlite3.Connection, path: Path, sweep: str) -> SweepRecord:
    """The record of `sweep`; a BadInputError that names the nearest one if there is none."""
    row = connection.execute(
        "SELECT name, question, source, axes, defaults, settings, seeds, preset, margin, search"
        " FROM sweeps WHERE name = ?",
        (sweep,),
    ).fetchone()
    if row is None:
        hint = nearest(sweep, sweep_names(connection))
        raise BadInputError(f"no sweep is named {sweep!r} here; {hint}", str(path.parent))
    name, question, source, *parts, preset, margin, search = row
    kinds = (dict, dict, dict, list)
    axes, defaults, settings, seeds = (
        parse(part, path, kind) for part, kind in zip(parts, kinds, strict=True)
    )
    if not all(isinstance(levels, list) for levels in axes.values()):
        raise StorageError(f"{path} is damaged: an axis of {name!r} is no list")
    if not all(type(seed) is int for seed in seeds):
        raise StorageError(f"{path} is damaged: a seed of {name!r} is no whole number")
    search = None if search is None else parse(search, path)
    return SweepRecord(
        name, question, source, axes, defaults, settings, seeds, preset, margin, search
    )


def trial_record(
    connection: sqlite3.Connection, path: Path, trial_id: str, sweep: str
) -> TrialRecord:
    """A trial with its swept values in `sweep`; a BadInputError if the ledger has it not."""
    row = connection.execute(
        "SELECT t.config, t.seed, t.pack_key, coalesce(p.swept, '{}') FROM trials t"
        " LEFT JOIN planned p ON p.trial_id = t.trial_id AND p.sweep = ? WHERE t.trial_id = ?",
        (sweep, trial_id),
    ).fetchone()
    if row is None:
        raise BadInputError(f"no trial {trial_id!r} here", str(path.parent))
    config, seed, pack_key, swept = row
    return TrialRecord(trial_id, parse(config, path), seed, pack_key, parse(swept, path))


def outside(connection: sqlite3.Connection, sweep: str) -> list[str]:
    """Trials that the sweep once planned and no longer does."""
    rows = connection.execute(
        "SELECT trial_id FROM planned WHERE sweep = ? AND position IS NULL", (sweep,)
    )
    return [trial_id for (trial_id,) in rows]


def attempts(connection: sqlite3.Connection, trial_id: str) -> list[AttemptRecord]:
    """All attempts at a trial, oldest first."""
    rows = connection.execute(
        "SELECT trial_id, attempt, pack_id, coalesce(ended, '') FROM attempts"
        " WHERE trial_id = ? ORDER BY attempt",
        (trial_id,),
    )
    return [AttemptRecord(*row) for row in rows]


def checkpoints(connection: sqlite3.Connection, trial_id: str) -> list[CheckpointRecord]:
    """Recorded checkpoints, of the newest epoch first, then of the newest attempt."""
    rows = connection.execute(
        "SELECT trial_id, attempt, epoch, member_path, member_sha256, run_path, run_sha256"
        " FROM checkpoints WHERE trial_id = ? ORDER BY epoch DESC, attempt DESC",
        (trial_id,),
    )
    return [
        CheckpointRecord(trial, attempt, epoch, FileRef(*member), FileRef(*run))
        for trial, attempt, epoch, *files in rows
        for member, run in [(files[:2], files[2:])]
    ]


def artefact(connection: sqlite3.Connection, trial_id: str) -> FileRef | None:
    """The artefact of a finished trial, if it left one."""
    row = connection.execute(
        "SELECT artefact_path, artefact_sha256 FROM outcomes WHERE trial_id = ?", (trial_id,)
    ).fetchone()
    return FileRef(*row) if row and row[0] else None


def trial_ids(connection: sqlite3.Connection) -> list[str]:
    """All trials, whatever planned them."""
    return [trial_id for (trial_id,) in connection.execute("SELECT trial_id FROM trials")]


def finished(connection: sqlite3.Connection) -> dict[str, int]:
    """Trials with an outcome, and the attempt that brought it."""
    return dict(connection.execute("SELECT trial_id, attempt FROM outcomes ORDER BY trial_id"))


def known(connection: sqlite3.Connection) -> dict[str, str]:
    """All trials that were ever planned; their outcome, or nothing."""
    return dict(
        connection.execute(
            "SELECT trial_id, coalesce(status, '') FROM trials LEFT JOIN outcomes USING (trial_id)"
        )
    )


def states(connection: sqlite3.Connection, sweep: str, driver_alive: bool) -> dict[str, str]:
    """State of each planned trial, in plan order; an attempt begun runs if the driver does."""
    open_state = "running" if driver_alive else "not_run"
    return dict(connection.execute(_STATES, (open_state, sweep)))


def counts(connection: sqlite3.Connection, sweep: str, driver_alive: bool) -> Counts:
    """Planned trials by state."""
    found = list(states(connection, sweep, driver_alive).values())
    return Counts(len(found), *(found.count(state) for state in STATES))


def trial_rows(
    connection: sqlite3.Connection, path: Path, sweep: str, driver_alive: bool
) -> list[TrialRow]:
    """The planned trials of `sweep` in plan order."""
    rows = []
    configs: dict[str, dict[str, Json]] = {}  # one for all seeds
    for row in connection.execute(_TRIALS, (sweep,)):
        trial_id, seed, swept, status, metrics, error, *file, attempts, is_open, s, config = row
        if config not in configs:
            configs[config] = parse(config, path)
        trial = TrialRow(
            trial_id=trial_id,
            seed=seed,
            swept=parse(swept, path),
            status=status or ("running" if is_open and driver_alive else "not_run"),
            metrics=parse_metrics(metrics, path) if status == "done" else {},
            error=error or "",
            artefact=FileRef(*file) if file[0] else None,
            attempts=int(attempts),
            seconds=s,
            config=configs[config],
        )
        rows.append(trial)
    return rows


def epoch_rows(connection: sqlite3.Connection, path: Path, sweep: str) -> list[EpochRow]:
    """One row per planned trial and epoch that was reached, in plan order."""
    rows = connection.execute(_EPOCHS, (sweep,))
    return [
        EpochRow(trial, epoch, s, parse_metrics(metrics, path))
        for trial, epoch, _, s, metrics in rows
    ]


def provenance(connection: sqlite3.Connection, path: Path, sweep: str) -> list[dict[str, Json]]:
    """The different provenances of the sweep's attempts, in the order of their first use."""
    return [parse(text, path) for (text,) in connection.execute(_PROVENANCE, (sweep,))]


def repeated_epochs(connection: sqlite3.Connection, sweep: str) -> int:
    """Epoch rows of the planned trials beyond one per trial and epoch."""
    return int(connection.execute(_REPEATED, (sweep,)).fetchone()[0])


def epoch_costs(
    connection: sqlite3.Connection, path: Path
) -> list[tuple[dict[str, Json], float, int]]:
    """Of each configuration of any sweep: its values, and the seconds and number of its epochs."""
    return [(parse(config, path), s, n) for config, s, n in connection.execute(_COSTS)]


def digest(connection: sqlite3.Connection, path: Path, sweep: str, driver_alive: bool) -> str:
    """SHA-256 over all that tables and report show of `sweep`."""
    record = sweep_record(connection, path, sweep)
    state = hashlib.sha256(json_text(list(vars(record).values())).encode())
    # Repeated epochs are in as well: each raises the newest attempt of its epoch.
    for query in (_TRIALS, _EPOCHS, _PROVENANCE, TIMES):
        state.update(query.encode())
        for row in connection.execute(query, (sweep,)):
            if query is _TRIALS and not driver_alive:
                row = (*row[:_OPEN_COLUMN], 0, *row[_OPEN_COLUMN + 1 :])
            state.update(json_text(row).encode())
    return state.hexdigest()
