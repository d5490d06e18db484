"""Reading and changing a results folder behind the back of the product."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path


@contextmanager
def database(results: Path) -> Iterator[sqlite3.Connection]:
    """The ledger as plain SQLite; what was changed is committed, and no log is left."""
    with closing(sqlite3.connect(results / "ledger.sqlite")) as connection:
        yield connection
        connection.commit()
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()


def a_trial(results: Path) -> str:
    """A trial of the folder."""
    with database(results) as connection:
        return str(connection.execute("SELECT trial_id FROM trials ORDER BY 1").fetchone()[0])


def all_verbs(folder: Path, trial: str) -> Iterator[list[str]]:
    """Every verb that reads ``folder/results``; those that repair and train last."""
    results = str(folder / "results")
    yield from (["status", results], ["show", results, trial], ["check", results])
    yield ["compare", f"{results}/small", f"{results}/small"]
    yield ["export", results, "small", "--to", str(folder / "out")]
    yield from (["report", results], ["plan", str(folder / "small.yaml"), "--results", results])
    yield ["check", results, "--repair"]
    yield ["run", str(folder / "small.yaml"), "--inline", "--results", results]
    yield ["report", results]
