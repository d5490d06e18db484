"""Sidecars: a JSON file per finished trial with all of its rows, from which a ledger is rebuilt.

It lies beside the artefact, says what the trial was (configuration, seed), how it ended (status,
final metrics, hashes of its files) and how it came there (attempts, epochs, checkpoints), and
carries the SHA-256 of itself.
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
from lps_sweep.results.records import Json, json_text

FOLDER = "artefacts"
FORMAT = 1

_ORDER = {
    "trials": "trial_id",
    "attempts": "attempt",
    "epochs": "epoch, attempt",
    "checkpoints": "epoch, attempt",
    "outcomes": "trial_id",
}
"""Tables with rows of a trial, in the order in which they can be filled, and their row order."""

_AS_JSON = {"config", "metrics", "provenance"}
"""Columns that hold JSON text."""

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


def rows_of(connection: sqlite3.Connection, trial_id: str) -> Sidecar | None:
    """All rows of a trial, or nothing if it has no outcome.

    Raises:
        ValueError: A row holds text that should be JSON and is not.
    """
    rows: Rows = {}
    for table, order in _ORDER.items():
        cursor = connection.execute(
            f"SELECT * FROM {table} WHERE trial_id = ? ORDER BY {order}", (trial_id,)
        )
        names = [column[0] for column in cursor.description]
        rows[table] = [
            {n: _from_column(n, v) for n, v in zip(names, row, strict=True) if n != "number"}
            for row in cursor
        ]
    if not rows["outcomes"]:
        return None
    return Sidecar(trial_id, int(str(rows["outcomes"][0]["attempt"])), rows)


def insert_rows(connection: sqlite3.Connection, sidecar: Sidecar) -> None:
    """Puts the rows of `sidecar` in the place of all that is recorded of its trial.

    Raises:
        sqlite3.Error: The rows are not those of a trial.
    """
    for table in reversed(_ORDER):
        if table != "trials":  # plans refer to it
            connection.execute(f"DELETE FROM {table} WHERE trial_id = ?", (sidecar.trial_id,))
    for table in _ORDER:
        known = {row[1] for row in connection.execute(f"PRAGMA table_info({table})")}
        for row in sidecar.rows[table]:
            names = [name for name in row if name in known]
            marks = ", ".join("?" * len(names))
            connection.execute(
                f"INSERT OR REPLACE INTO {table} ({', '.join(names)}) VALUES ({marks})",
                [_to_column(name, row[name]) for name in names],
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
        rows = {table: list(body[table]) for table in _ORDER}
        sidecar = Sidecar(str(body["trial_id"]), int(rows["outcomes"][0]["attempt"]), rows)
        others = {row["trial_id"] for some in rows.values() for row in some} - {sidecar.trial_id}
    except (*_NOT_WHAT_IT_SHOULD_BE, AttributeError, IndexError) as error:
        raise StorageError(f"{path} is damaged: it is no sidecar ({error})") from error
    if others or not is_name(sidecar.trial_id) or path.name != Path(sidecar.path).name:
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


def _from_column(name: str, value: Any) -> Json:
    return json.loads(value) if name in _AS_JSON else value  # type: ignore[no-any-return]


def _to_column(name: str, value: Json) -> Any:
    return json_text(value) if name in _AS_JSON else value


def agree(sidecar: Sidecar, recorded: Sidecar) -> bool:
    """Whether `sidecar` says what is `recorded`, in the columns that it has."""
    return all(
        len(rows) == len(recorded.rows[table])
        and all(_same(row, other) for row, other in zip(rows, recorded.rows[table], strict=True))
        for table, rows in sidecar.rows.items()
    )


def _same(row: Mapping[str, Json], recorded: Mapping[str, Json]) -> bool:
    return all(name in recorded and recorded[name] == value for name, value in row.items())
