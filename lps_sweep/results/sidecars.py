"""Sidecars: a JSON file per finished trial with all of its rows, from which a ledger is rebuilt.

It lies beside the artefact, says what the trial was (configuration, seed), which sweeps planned it,
how it ended (status, final metrics, hashes of its files) and how it came there (attempts, epochs,
checkpoints), and carries the SHA-256 of itself.
"""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lps_sweep.errors import StorageError
from lps_sweep.failpoints import failpoint
from lps_sweep.files import NAME_PATTERN, atomic_write, inside, is_name, read_file, sha256_bytes
from lps_sweep.results.encoding import json_text
from lps_sweep.results.ledger import Ledger
from lps_sweep.results.reader import LedgerReader
from lps_sweep.results.records import CheckpointRecord, Json

FOLDER = "artefacts"
FORMAT = 1

_PLANS = {
    "sweeps": "name IN (SELECT sweep FROM planned WHERE trial_id = ?) ORDER BY number",
    "planned": "trial_id = ? ORDER BY sweep",
}
"""Tables that say which sweeps planned the trial; a ledger that knows of a plan knows better."""
_TRIAL = {
    "trials": "trial_id = ?",
    "attempts": "trial_id = ? ORDER BY attempt",
    "epochs": "trial_id = ? ORDER BY epoch, attempt",
    "checkpoints": "trial_id = ? ORDER BY epoch, attempt",
    "outcomes": "trial_id = ?",
}
"""Tables with what is recorded of the trial, in the order in which they can be filled."""

_NAME = re.compile(rf"({NAME_PATTERN})-(\d{{1,9}})\.json")

_NOT_WHAT_IT_SHOULD_BE = (ValueError, KeyError, TypeError, RecursionError)

Rows = dict[str, list[dict[str, Json]]]


@dataclass(frozen=True)
class Sidecar:
    """What a sidecar says: all rows of a trial by table, each with its columns by name."""

    trial_id: str
    attempt: int
    rows: Rows

    @property
    def path(self) -> str:
        """Where it lies, relative to the results folder."""
        return f"{FOLDER}/{self.trial_id}-{self.attempt}.json"


def sidecar_of(ledger: LedgerReader, trial_id: str) -> Sidecar | None:
    """All rows of a finished trial; nothing if it is not finished.

    Raises:
        StorageError: A row is damaged.
    """
    with ledger.snapshot():
        rows: Rows = {
            table: ledger.records(f"SELECT * FROM {table} WHERE {which}", trial_id)
            for table, which in (*_PLANS.items(), *_TRIAL.items())
        }
    if not rows["outcomes"]:
        return None
    for row in (row for some in rows.values() for row in some):
        row.pop("number", None)
    return Sidecar(trial_id, int(str(rows["outcomes"][0]["attempt"])), rows)


def restore(ledger: Ledger, sidecar: Sidecar) -> None:
    """Puts the rows of `sidecar` in the place of all that is recorded of its trial.

    Raises:
        StorageError: The rows are not those of a trial, or cannot be written.
    """
    with ledger.transaction():
        try:
            _insert(ledger, sidecar)
            recorded = sidecar_of(ledger, sidecar.trial_id)
        except (sqlite3.Error, OverflowError, ValueError, TypeError, AttributeError) as error:
            raise StorageError(f"{sidecar.path} holds no rows of a trial: {error}") from error
        if recorded is None or not agree(sidecar, recorded):
            raise StorageError(f"{sidecar.path} holds what no ledger does")


def _insert(ledger: Ledger, sidecar: Sidecar) -> None:
    for table in reversed(_TRIAL):
        if table != "trials":  # plans refer to it
            ledger.execute(f"DELETE FROM {table} WHERE trial_id = ?", (sidecar.trial_id,))
    for table in ("sweeps", *_TRIAL, "planned"):
        known = {row[1] for row in ledger.execute(f"PRAGMA table_info({table})")}
        how = "OR IGNORE" if table in _PLANS else "OR REPLACE"
        for row in sidecar.rows[table]:
            ours = {name: value for name, value in row.items() if name in known}
            ledger.insert(table, ours, instead=how)


def lose_artefact(ledger: Ledger, trial_id: str, reason: str) -> None:
    """Keeps the outcome of a trial, and records why its artefact is gone."""
    with ledger.transaction():
        ledger.execute(
            "UPDATE outcomes SET artefact_path = NULL, artefact_sha256 = NULL, error = ?"
            " WHERE trial_id = ?",
            (reason, trial_id),
        )


def lose_checkpoint(ledger: Ledger, record: CheckpointRecord) -> None:
    """Forgets a checkpoint whose files are gone or damaged."""
    with ledger.transaction():
        ledger.execute(
            "DELETE FROM checkpoints WHERE trial_id = ? AND attempt = ? AND epoch = ?",
            (record.trial_id, record.attempt, record.epoch),
        )


def write_sidecar(results_dir: Path, sidecar: Sidecar) -> None:
    """Writes the file whole or not at all.

    Raises:
        StorageError: It cannot be written.
    """
    failpoint("sidecar.write")
    body: dict[str, Any] = {"format": FORMAT, "trial_id": sidecar.trial_id, **sidecar.rows}
    body["sha256"] = sha256_bytes(json_text(body).encode())
    atomic_write(inside(results_dir, sidecar.path), json.dumps(body, indent=1).encode())


def read_sidecar(path: Path) -> Sidecar:
    """The sidecar at `path`, after its hash was found right.

    Raises:
        StorageError: It cannot be read, is damaged, is of another format or of another trial.
    """
    try:
        body = json.loads(read_file(path))
        sha256 = body.pop("sha256")
        if sha256_bytes(json_text(body).encode()) != sha256:
            raise StorageError(f"{path} is damaged: its content does not have its SHA-256")
        if body["format"] != FORMAT:
            raise StorageError(f"{path} has format {body['format']}; this lps_sweep reads {FORMAT}")
        plans = {table: list(body.get(table, ())) for table in _PLANS}  # older ones have none
        rows = {**plans, **{table: list(body[table]) for table in _TRIAL}}
        sidecar = Sidecar(str(body["trial_id"]), int(rows["outcomes"][0]["attempt"]), rows)
        ids = {row["trial_id"] for table in (*_TRIAL, "planned") for row in rows[table]}
        odd = [name for row in rows["sweeps"] if not is_name(name := str(row["name"]))]
    except (*_NOT_WHAT_IT_SHOULD_BE, AttributeError, IndexError) as error:
        raise StorageError(f"{path} is damaged: it is no sidecar ({error})") from error
    if odd:
        raise StorageError(f"{path} is damaged: no sweep can be called {odd[0]!r}")
    same = ids == {sidecar.trial_id} and path.name == Path(sidecar.path).name
    if not same or not is_name(sidecar.trial_id):
        raise StorageError(f"{path} is the sidecar of another trial, {sidecar.path}")
    return sidecar


def sidecar_paths(results_dir: Path) -> dict[str, list[Path]]:
    """The files that are sidecars by their name, by trial, of the newest attempt first.

    Raises:
        StorageError: The folder cannot be read.
    """
    found: dict[str, list[tuple[int, Path]]] = {}
    try:
        for path in (results_dir / FOLDER).iterdir():
            match = _NAME.fullmatch(path.name)
            if match:
                found.setdefault(match[1], []).append((int(match[2]), path))
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise StorageError(f"cannot read {results_dir / FOLDER}: {error.strerror}") from error
    return {trial: [path for _, path in sorted(some)[::-1]] for trial, some in found.items()}


def is_sidecar(name: str) -> bool:
    """Whether a file of the results folder is a sidecar by its name."""
    return name.startswith(f"{FOLDER}/") and _NAME.fullmatch(name[len(FOLDER) + 1 :]) is not None


def agree(sidecar: Sidecar, recorded: Sidecar) -> bool:
    """Whether `sidecar` says what is `recorded` of the trial, in the columns that it has."""
    return all(
        len(sidecar.rows[table]) == len(recorded.rows[table])
        and all(map(_same, sidecar.rows[table], recorded.rows[table]))
        for table in _TRIAL
    )


def _same(row: Mapping[str, Json], recorded: Mapping[str, Json]) -> bool:
    return all(name in recorded and recorded[name] == value for name, value in row.items())
