"""Whether a ledger is whole, as far as SQLite and its own text can tell."""

from __future__ import annotations

import sqlite3
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


def verify(connection: sqlite3.Connection, path: Path) -> None:
    """Reads the whole database.

    Raises:
        StorageError: Its structure is damaged, rows refer to rows that are not there, or text
            that should be JSON is not.
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
