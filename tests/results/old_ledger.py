"""Ledgers as version 1 of the schema had them."""

from __future__ import annotations

import contextlib
import sqlite3
from dataclasses import replace
from pathlib import Path

from lps_sweep.results import read_sidecar, sidecar_paths, write_sidecar

ADDED = {2: ("begun_at", "ended_at", "worker"), 3: ("stop", "waits_after")}
"""By version, the columns of `attempts` that it added."""
NEW = tuple(column for columns in ADDED.values() for column in columns)


def make_old(path: Path, version: int = 1) -> None:
    """Takes from the ledger at `path` what `version` did not have; nothing else is changed."""
    later = [c for since, columns in ADDED.items() if since > version for c in columns]
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as raw:
        raw.execute("PRAGMA journal_mode = DELETE")
        raw.execute("BEGIN")
        for column in later:
            raw.execute(f"ALTER TABLE attempts DROP COLUMN {column}")
        raw.execute(f"PRAGMA user_version = {version}")
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
            kept = ", ".join(name for name in names if name not in NEW)
            found[table] = raw.execute(f"SELECT {kept} FROM {table} ORDER BY {kept}").fetchall()
    return found


def make_old_folder(results: Path) -> None:
    """Makes the ledger of a results folder and its sidecars those of version 1."""
    make_old(results / "ledger.sqlite")
    for paths in sidecar_paths(results).values():
        for path in paths:
            sidecar = read_sidecar(path)
            plans = ("sweeps", "planned")  # sidecars had none
            rows = {name: some for name, some in sidecar.rows.items() if name not in plans}
            rows["attempts"] = [
                {name: value for name, value in row.items() if name not in NEW}
                for row in rows["attempts"]
            ]
            write_sidecar(results, replace(sidecar, rows=rows))
