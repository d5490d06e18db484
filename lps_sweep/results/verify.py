"""Whether a ledger is whole, as far as SQLite and its own text can tell."""

from __future__ import annotations

import sqlite3
import zlib
from pathlib import Path

from lps_sweep.errors import StorageError

_JSON = {
    "sweeps": ("axes", "defaults", "settings", "seeds"),
    "trials": ("config",),
    "planned": ("swept",),
    "attempts": ("provenance",),
    "epochs": ("metrics",),
    "outcomes": ("metrics",),
}
"""Columns that hold JSON text, by table."""


def crc_of_epoch(trial_id: str, epoch: int, attempt: int, metrics: str) -> int:
    """CRC-32 of what an epoch's row says; `metrics` is its JSON text."""
    return zlib.crc32(f"{trial_id} {epoch} {attempt} {metrics}".encode())


def verify(connection: sqlite3.Connection, path: Path) -> None:
    """Reads the whole database.

    Raises:
        StorageError: Its structure is damaged, rows refer to rows that are not there, text that
            should be JSON is not, or an epoch's row does not have its checksum.
    """
    for (found,) in connection.execute("PRAGMA quick_check(1)"):
        if found != "ok":
            raise StorageError(f"{path} is damaged: {found}")
    for table, *_ in connection.execute("PRAGMA foreign_key_check"):
        raise StorageError(f"{path} is damaged: a row of {table} refers to one that is gone")
    for table, columns in _JSON.items():
        valid = " AND ".join(f"json_valid({column})" for column in columns)
        (wrong,) = connection.execute(
            f"SELECT count(*) FROM {table} WHERE NOT ({valid})"
        ).fetchone()
        if wrong:
            raise StorageError(f"{path} is damaged: {wrong} rows of {table} are no JSON text")
    for *row, crc in connection.execute(
        "SELECT trial_id, epoch, attempt, metrics, crc FROM epochs"
    ):
        if crc_of_epoch(*row) != crc:
            raise StorageError(f"{path} is damaged: epoch {row[1]} of trial {row[0]} was changed")
