"""The tables of a ledger, and the versions of them that there were."""

from __future__ import annotations

import functools
import re
import sqlite3
from contextlib import closing
from pathlib import Path

from lps_sweep.errors import StorageError
from lps_sweep.failpoints import failpoint
from lps_sweep.results.encoding import KINDS, crc_of_epoch

APPLICATION_ID = 0x4C505331
SCHEMA_VERSION = 3
READABLE = range(1, SCHEMA_VERSION + 1)
"""Versions that are read, and that a writer brings to `SCHEMA_VERSION`."""

_TABLES = ("sweeps", "trials", "planned", "attempts", "epochs", "checkpoints", "outcomes")
_BLANK = re.compile(r"(\s|--[^\n]*\n)+")

_ADDED = {
    2: ("begun_at REAL", "ended_at REAL", "worker TEXT"),
    3: ("stop TEXT", "waits_after INTEGER"),
}
"""By version, the columns that it added to `attempts`."""

_SCHEMA = f"""
CREATE TABLE sweeps (
    number INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE,
    question TEXT NOT NULL, source TEXT NOT NULL, axes TEXT NOT NULL,
    defaults TEXT NOT NULL, settings TEXT NOT NULL, seeds TEXT NOT NULL, preset TEXT NOT NULL,
    margin REAL CHECK (margin > 0), search TEXT
) STRICT;
CREATE TABLE trials (
    trial_id TEXT PRIMARY KEY, config TEXT NOT NULL, seed INTEGER NOT NULL, pack_key TEXT NOT NULL
) STRICT;
-- position: place in the plan, null for a trial that the sweep once planned and no longer does
CREATE TABLE planned (
    sweep TEXT NOT NULL REFERENCES sweeps (name), trial_id TEXT NOT NULL REFERENCES trials,
    position INTEGER, swept TEXT NOT NULL,
    PRIMARY KEY (sweep, trial_id)
) STRICT, WITHOUT ROWID;
-- begun: 1 once a worker has taken it up, until then it waits for its turn
-- ended: why the attempt is over, null while it is open
-- begun_at, ended_at: when the driver learnt of it, by its clock (`times.now`), or null
-- worker: the place that one pack at a time is trained at
-- stop: the decision of a rule that ended it, `stops.Stop` as JSON, or null
-- waits_after: the epoch after which it was given up, to wait for the trials of its rung, or null
CREATE TABLE attempts (
    number INTEGER PRIMARY KEY, trial_id TEXT NOT NULL REFERENCES trials,
    attempt INTEGER NOT NULL CHECK (attempt >= 1),
    pack_id TEXT NOT NULL, provenance TEXT NOT NULL,
    begun INTEGER NOT NULL DEFAULT 0, ended TEXT, {", ".join(sum(_ADDED.values(), ()))},
    UNIQUE (trial_id, attempt)
) STRICT;
CREATE UNIQUE INDEX open_attempt ON attempts (trial_id) WHERE ended IS NULL;
-- crc: `encoding.crc_of_epoch`, since SQLite does not notice a changed bit in a row
CREATE TABLE epochs (
    trial_id TEXT NOT NULL, epoch INTEGER NOT NULL, attempt INTEGER NOT NULL,
    seconds REAL, metrics TEXT NOT NULL, crc INTEGER NOT NULL,
    PRIMARY KEY (trial_id, epoch, attempt),
    FOREIGN KEY (trial_id, attempt) REFERENCES attempts (trial_id, attempt)
) STRICT;
CREATE TABLE checkpoints (
    trial_id TEXT NOT NULL, epoch INTEGER NOT NULL, attempt INTEGER NOT NULL,
    member_path TEXT NOT NULL, member_sha256 TEXT NOT NULL,
    run_path TEXT NOT NULL, run_sha256 TEXT NOT NULL,
    PRIMARY KEY (trial_id, epoch, attempt),
    FOREIGN KEY (trial_id, attempt) REFERENCES attempts (trial_id, attempt)
) STRICT, WITHOUT ROWID;
CREATE TABLE outcomes (
    trial_id TEXT PRIMARY KEY, attempt INTEGER NOT NULL,
    status TEXT NOT NULL CHECK (status IN ('done', 'stopped', 'failed', 'diverged')),
    epoch INTEGER NOT NULL, metrics TEXT NOT NULL,
    artefact_path TEXT, artefact_sha256 TEXT, error TEXT NOT NULL,
    FOREIGN KEY (trial_id, attempt) REFERENCES attempts (trial_id, attempt)
) STRICT
"""


class OtherVersionError(StorageError):
    """A ledger is whole, and of a version that cannot be read."""


def version_of(connection: sqlite3.Connection, path: Path) -> int:
    """The version of the schema; 0 for an empty database, an error for any other."""
    connection.execute("BEGIN")  # one state, though a writer may just be making the schema
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    schema = _schema(connection)
    connection.execute("ROLLBACK")
    if (application, version, schema) == (0, 0, frozenset()):
        return 0
    if application != APPLICATION_ID:
        raise StorageError(f"{path} is a database, but not a ledger of lps_sweep")
    if version not in READABLE:
        whole = version and connection.execute("PRAGMA quick_check(1)").fetchone() == ("ok",)
        raise (OtherVersionError if whole else StorageError)(
            f"{path} has schema version {version}; this lps_sweep reads versions {READABLE[0]} to "
            f"{READABLE[-1]}, and leaves the file as it is"
        )
    if schema != _our_schema(version):
        raise StorageError(f"{path} is damaged: its tables are not those of a ledger")
    for table, column in (("sweeps", "name"), ("trials", "trial_id")):
        for (name,) in connection.execute(
            f"SELECT {column} FROM {table} WHERE length({column}) NOT BETWEEN 1 AND 64"
            f" OR {column} GLOB '*[^A-Za-z0-9._-]*' OR {column} GLOB '[.-]*' LIMIT 1"
        ):
            raise StorageError(f"{path} is damaged: nothing in {table} can be called {name!r}")
    return int(version)


def _schema(connection: sqlite3.Connection) -> frozenset[tuple[str, str, str]]:
    """What a database is made of: kind, name and, where it has one, definition of each part."""
    parts = connection.execute("SELECT type, name, coalesce(sql, '') FROM sqlite_schema")
    return frozenset((kind, name, _BLANK.sub(" ", sql)) for kind, name, sql in parts)


@functools.cache
def _our_schema(version: int) -> frozenset[tuple[str, str, str]]:
    schema = _SCHEMA
    for column in _added_after(version):
        schema = schema.replace(f", {column}", "")
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.executescript(schema)
        return _schema(connection)


def _added_after(version: int) -> list[str]:
    return [column for since, columns in _ADDED.items() if since > version for column in columns]


def create(connection: sqlite3.Connection) -> None:
    """Makes the tables in an empty database."""
    connection.execute("BEGIN IMMEDIATE")
    for statement in _SCHEMA.split(";"):
        connection.execute(statement)
    connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
    connection.execute("COMMIT")


def read_as_today(connection: sqlite3.Connection, version: int) -> None:
    """Gives the missing columns of an older version the value null, for this connection alone."""
    if version == SCHEMA_VERSION:
        return
    names = [row[1] for row in connection.execute("PRAGMA table_info(attempts)")]
    missing = [f"NULL AS {column.split()[0]}" for column in _added_after(version)]
    columns = ", ".join((*names, *missing))
    connection.execute(f"CREATE TEMP VIEW attempts AS SELECT {columns} FROM main.attempts")


def migrate(connection: sqlite3.Connection) -> None:
    """Adds what the version lacks, in one commit; nothing where another writer was first."""
    connection.execute("BEGIN IMMEDIATE")
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    for column in _added_after(version):
        connection.execute(f"ALTER TABLE attempts ADD COLUMN {column}")
        failpoint("ledger.migrate")
    connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
    connection.execute("COMMIT")


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
    for table in _TABLES:
        names = [row[1] for row in connection.execute(f"PRAGMA table_info({table})")]
        valid = (f"json_valid(coalesce({name}, 'null'))" for name in names if name in KINDS)
        (wrong,) = connection.execute(
            f"SELECT count(*) FROM {table} WHERE NOT ({' AND '.join(['true', *valid])})"
        ).fetchone()
        if wrong:
            raise StorageError(f"{path} is damaged: {wrong} rows of {table} are no JSON text")
    for *row, crc in connection.execute(
        "SELECT trial_id, epoch, attempt, metrics, crc FROM epochs"
    ):
        if crc_of_epoch(*row) != crc:
            raise StorageError(f"{path} is damaged: epoch {row[1]} of trial {row[0]} was changed")
