"""The SQLite file of the ledger: its schema, and how it is opened."""

from __future__ import annotations

import functools
import os
import re
import sqlite3
import stat
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from lps_sweep.errors import BadInputError, StorageError
from lps_sweep.failpoints import failpoint
from lps_sweep.files import make_folder, open_private, sync_folder

APPLICATION_ID = 0x4C505331
SCHEMA_VERSION = 2
READABLE = range(1, SCHEMA_VERSION + 1)
"""Versions that are read, and that a writer brings to `SCHEMA_VERSION`."""
BUSY_TIMEOUT_S = 30.0

_BLANK = re.compile(r"(\s|--[^\n]*\n)+")

_SINCE_2 = "begun_at REAL, ended_at REAL, worker TEXT"

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
-- begun_at, ended_at: when the driver learnt of it, by its clock (`clock.now`), or null
-- worker: the place that one pack at a time is trained at
CREATE TABLE attempts (
    number INTEGER PRIMARY KEY, trial_id TEXT NOT NULL REFERENCES trials,
    attempt INTEGER NOT NULL CHECK (attempt >= 1),
    pack_id TEXT NOT NULL, provenance TEXT NOT NULL,
    begun INTEGER NOT NULL DEFAULT 0, ended TEXT, {_SINCE_2},
    UNIQUE (trial_id, attempt)
) STRICT;
CREATE UNIQUE INDEX open_attempt ON attempts (trial_id) WHERE ended IS NULL;
-- crc: `verify.crc_of_epoch`, since SQLite does not notice a changed bit in a row
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

_OLD_ATTEMPTS = """
CREATE TEMP VIEW attempts AS SELECT number, trial_id, attempt, pack_id, provenance, begun, ended,
    NULL AS begun_at, NULL AS ended_at, NULL AS worker FROM main.attempts
"""


@contextmanager
def storage_errors(path: Path) -> Iterator[None]:
    """Turn SQLite's failures to read and write `path` into a StorageError that names it."""
    try:
        yield
    except (sqlite3.IntegrityError, sqlite3.ProgrammingError):
        raise
    except (sqlite3.Error, OSError) as error:
        raise StorageError(f"{path}: {error}") from error


def open_for_writing(path: Path) -> sqlite3.Connection:
    """A connection whose commits are on the disk when they return; creates what is missing.

    A ledger of an older version becomes one of today's, in one commit.

    Raises:
        BadInputError: The file belongs to another user: what is done with it is done for them.
        StorageError: The file cannot be written, is damaged, or is no ledger of this version.
    """
    _create_file(path)
    with storage_errors(path):
        connection = _connect(path, "mode=rw")
        try:
            version = _version(connection, path)
            if not version:
                _create_schema(connection)
            damage = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
            if damage != "ok":
                raise StorageError(f"{path} is damaged: {damage}")
            _use_wal(connection)
            connection.execute("PRAGMA synchronous = FULL")
            connection.execute("PRAGMA fullfsync = ON")
            connection.execute("PRAGMA foreign_keys = ON")
            if version in READABLE[:-1]:
                _migrate(connection)
        except BaseException:
            connection.close()
            raise
    return connection


def open_for_reading(path: Path) -> sqlite3.Connection:
    """A connection that only reads, also while another process writes.

    A ledger of an older version has no value in the columns that it lacks.

    Raises:
        BadInputError: There is no ledger.
        StorageError: The file cannot be read, is damaged, or is no ledger of this version.
    """
    with storage_errors(path):
        try:
            return _open_ledger(path, "mode=ro")
        except sqlite3.OperationalError:
            if not _settled(path):
                raise
            return _open_ledger(path, "mode=ro&immutable=1")


def _open_ledger(path: Path, options: str) -> sqlite3.Connection:
    missing = BadInputError("no ledger: nothing was run with this results folder", str(path.parent))
    if not is_there(path):
        raise missing
    if not stat.S_ISREG(path.lstat().st_mode):
        raise StorageError(f"{path} is no regular file")
    connection = _connect(path, options)
    try:
        version = _version(connection, path)
        if not version:
            raise missing
        if version < SCHEMA_VERSION:
            connection.execute(_OLD_ATTEMPTS)  # in the place of the table, for this connection
    except BaseException:
        connection.close()
        raise
    return connection


def is_there(path: Path) -> bool:
    """Whether there is something at `path`, of whatever kind.

    Raises:
        StorageError: Nothing can be called so, or the folder cannot be looked into.
    """
    try:
        path.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise StorageError(f"{path}: {reason}") from error
    return True


def _connect(path: Path, options: str) -> sqlite3.Connection:
    uri = f"{path.absolute().as_uri()}?{options}"
    connection = sqlite3.connect(uri, uri=True, timeout=BUSY_TIMEOUT_S, isolation_level=None)
    connection.execute("PRAGMA trusted_schema = OFF")
    return connection


def _settled(path: Path) -> bool:
    """Whether a read-only folder holds the whole ledger in its main file (no log beside it)."""
    log = path.with_name(path.name + "-wal")
    writable = os.access(path.parent, os.W_OK)
    return not writable and (not log.exists() or log.stat().st_size == 0)


def _create_file(path: Path) -> None:
    make_folder(path.parent)
    descriptor = open_private(path, os.O_RDWR | os.O_NONBLOCK)
    try:
        owner = os.fstat(descriptor).st_uid
    finally:
        os.close(descriptor)
    if owner != os.geteuid():
        raise BadInputError(
            "it belongs to another user; work on a copy of your own (reports need none)", str(path)
        )
    try:
        sync_folder(path.parent)
    except OSError as error:
        raise StorageError(f"cannot write {path}: {error.strerror}") from error


def _version(connection: sqlite3.Connection, path: Path) -> int:
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
        raise StorageError(f"{path} {other_version(version)}")
    if schema != _our_schema(version):
        raise StorageError(f"{path} is damaged: its tables are not those of a ledger")
    for table, column in (("sweeps", "name"), ("trials", "trial_id")):
        for (name,) in connection.execute(
            f"SELECT {column} FROM {table} WHERE length({column}) NOT BETWEEN 1 AND 64"
            f" OR {column} GLOB '*[^A-Za-z0-9._-]*' OR {column} GLOB '[.-]*' LIMIT 1"
        ):
            raise StorageError(f"{path} is damaged: nothing in {table} can be called {name!r}")
    return int(version)


def other_version(version: int) -> str:
    """Says that a ledger has a version that cannot be read."""
    return (
        f"has schema version {version}; this lps_sweep reads versions {READABLE[0]} to "
        f"{READABLE[-1]}"
    )


def _schema(connection: sqlite3.Connection) -> frozenset[tuple[str, str, str]]:
    """What a database is made of: kind, name and, where it has one, definition of each part."""
    parts = connection.execute("SELECT type, name, coalesce(sql, '') FROM sqlite_schema")
    return frozenset((kind, name, _BLANK.sub(" ", sql)) for kind, name, sql in parts)


@functools.cache
def _our_schema(version: int) -> frozenset[tuple[str, str, str]]:
    schema = _SCHEMA if version == SCHEMA_VERSION else _SCHEMA.replace(f", {_SINCE_2}", "")
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.executescript(schema)
        return _schema(connection)


def _create_schema(connection: sqlite3.Connection) -> None:
    connection.execute("BEGIN IMMEDIATE")
    for statement in _SCHEMA.split(";"):
        connection.execute(statement)
    connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
    connection.execute("COMMIT")


def _migrate(connection: sqlite3.Connection) -> None:
    """Adds what version 2 has, in one commit; nothing where another writer was first."""
    connection.execute("BEGIN IMMEDIATE")
    if connection.execute("PRAGMA user_version").fetchone() == (SCHEMA_VERSION - 1,):
        for column in _SINCE_2.split(", "):
            connection.execute(f"ALTER TABLE attempts ADD COLUMN {column}")
            failpoint("ledger.migrate")
        connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
    connection.execute("COMMIT")


def _use_wal(connection: sqlite3.Connection) -> None:
    """Write-ahead logging, or the rollback journal where the file system cannot share memory."""
    try:
        connection.execute("PRAGMA journal_mode = WAL").fetchone()
    except sqlite3.OperationalError:
        connection.execute("PRAGMA journal_mode = DELETE").fetchone()
