"""Ledgers as version 1 of the schema had them."""

from __future__ import annotations

import contextlib
import sqlite3
from dataclasses import replace
from pathlib import Path

from lps_sweep.results import read_sidecar, sidecar_paths, write_sidecar

SINCE_2 = ("begun_at", "ended_at", "worker")
"""Columns of `attempts` that version 1 has not."""


def make_old(path: Path) -> None:
    """Takes from the ledger at `path` what version 1 did not have; nothing else is changed."""
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as raw:
        raw.execute("PRAGMA journal_mode = DELETE")
        raw.execute("BEGIN")
        for column in SINCE_2:
            raw.execute(f"ALTER TABLE attempts DROP COLUMN {column}")
        raw.execute("PRAGMA user_version = 1")
        raw.execute("COMMIT")


def version_of(path: Path) -> int:
    """The version that the file at `path` says it has."""
    with contextlib.closing(sqlite3.connect(path)) as raw:
        return int(raw.execute("PRAGMA user_version").fetchone()[0])


def content(path: Path) -> dict[str, list[tuple[object, ...]]]:
    """All rows by table, without the columns that version 1 has not."""
    with contextlib.closing(sqlite3.connect(path)) as raw:
        tables = [
            name for (name,) in raw.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")
        ]
        found = {}
        for table in sorted(tables):
            names = [row[1] for row in raw.execute(f"PRAGMA table_info({table})")]
            kept = ", ".join(name for name in names if name not in SINCE_2)
            found[table] = raw.execute(f"SELECT {kept} FROM {table} ORDER BY {kept}").fetchall()
    return found


def make_old_folder(results: Path) -> None:
    """Makes the ledger of a results folder, its copy and its sidecars those of version 1."""
    for name in ("ledger.sqlite", "ledger.copy.sqlite"):
        if (results / name).exists():
            make_old(results / name)
    for paths in sidecar_paths(results).values():
        for path in paths:
            sidecar = read_sidecar(path)
            rows = dict(sidecar.rows)
            rows["attempts"] = [
                {name: value for name, value in row.items() if name not in SINCE_2}
                for row in rows["attempts"]
            ]
            write_sidecar(results, replace(sidecar, rows=rows))
