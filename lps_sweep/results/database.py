"""The SQLite file of a ledger: how it is opened, read in one state, and written durably."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import stat
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

from lps_sweep.errors import BadInputError, StorageError
from lps_sweep.failpoints import failpoint
from lps_sweep.files import make_folder, open_private, sync_folder
from lps_sweep.results import schema
from lps_sweep.results.encoding import KINDS, from_column, to_column

BUSY_TIMEOUT_S = 30.0


class Database:
    """An open ledger file; what a transaction has committed is on the disk."""

    def __init__(self, connection: sqlite3.Connection, path: Path, writable: bool) -> None:
        self.path = path
        self._connection = connection
        self._writable = writable

    def close(self) -> None:
        """Close the database; what was committed stays."""
        with storage_errors(self.path):
            self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    @contextmanager
    def snapshot(self) -> Iterator[None]:
        """All reads of the block see one and the same state, whatever a writer does meanwhile."""
        if self._connection.in_transaction:
            yield
            return
        self.execute("BEGIN")
        try:
            yield
        finally:
            self.execute("ROLLBACK")

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All writes of the block in one durable commit, or none of them.

        Blocks may be nested: an inner one that fails takes back its own writes.

        Raises:
            ValueError: The ledger was opened for reading.
        """
        if not self._writable:
            raise ValueError(f"{self.path} was opened for reading")
        nested = self._connection.in_transaction
        self.execute("SAVEPOINT inner_block" if nested else "BEGIN IMMEDIATE")
        try:
            yield
            if nested:
                self.execute("RELEASE inner_block")
            else:
                self._commit()
        except BaseException:
            if self._connection.in_transaction:
                self.execute("ROLLBACK TO inner_block" if nested else "ROLLBACK")
                if nested:
                    self.execute("RELEASE inner_block")
            raise

    def _commit(self) -> None:
        self._pass("ledger.commit")
        self.execute("COMMIT")
        self._pass("ledger.committed")

    def _pass(self, name: str) -> None:
        with storage_errors(self.path):
            failpoint(name)

    def execute(self, sql: str, values: Sequence[Any] = ()) -> sqlite3.Cursor:
        """Runs one statement; what it changes belongs in a `transaction`."""
        with storage_errors(self.path):
            return self._connection.execute(sql, values)

    def insert(
        self,
        table: str,
        row: Mapping[str, Any],
        *,
        instead: str = "",
        where: str = "true",
        values: Sequence[Any] = (),
        conflict: str = "",
    ) -> bool:
        """Inserts a row, by the names of its columns, in a `transaction`; whether it did.

        Args:
            table: The table.
            row: The row; what is an object or a list becomes JSON text.
            instead: What is done where the row is there already: ``OR IGNORE``, ``OR REPLACE``.
            where: What has to hold, or nothing is inserted.
            values: Those of the question marks in `where`.
            conflict: What is done with a row that is there, as an ``ON CONFLICT`` clause.
        """
        names, marks = ", ".join(row), ", ".join("?" * len(row))
        sql = f"INSERT {instead} INTO {table} ({names}) SELECT {marks} WHERE {where} {conflict}"
        return self.execute(sql, (*map(to_column, row.values()), *values)).rowcount == 1

    def rows(self, query: str, *values: Any) -> list[tuple[Any, ...]]:
        """The rows that a query gives with `values` for its question marks."""
        with storage_errors(self.path):
            return self._connection.execute(query, values).fetchall()

    def records(self, query: str, *values: Any) -> list[dict[str, Any]]:
        """As `rows`, each by the names of its columns, JSON text as what it says.

        Rows with the same text share what it says.

        Raises:
            StorageError: A text is damaged.
        """
        with storage_errors(self.path):
            cursor = self._connection.execute(query, values)
            names = [column[0] for column in cursor.description]
            found = [dict(zip(names, row, strict=True)) for row in cursor]
        for name in KINDS.keys() & set(names):
            known: dict[str, Any] = {}
            for row in found:
                if (text := row[name]) not in known:
                    known[text] = from_column(name, text, self.path)
                row[name] = known[text]
        return found

    def copy_to(self, path: Path) -> None:
        """Copies one state of the database to the new file `path`, whatever a writer does."""
        with storage_errors(self.path), contextlib.closing(sqlite3.connect(path)) as copy:
            self._connection.backup(copy)


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
            version = schema.version_of(connection, path)
            if not version:
                schema.create(connection)
            damage = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
            if damage != "ok":
                raise StorageError(f"{path} is damaged: {damage}")
            _use_wal(connection)
            connection.execute("PRAGMA synchronous = FULL")
            connection.execute("PRAGMA fullfsync = ON")
            connection.execute("PRAGMA foreign_keys = ON")
            if 0 < version < schema.SCHEMA_VERSION:
                schema.migrate(connection)
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
        version = schema.version_of(connection, path)
        if not version:
            raise missing
        schema.read_as_today(connection, version)
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


def _use_wal(connection: sqlite3.Connection) -> None:
    """Write-ahead logging, or the rollback journal where the file system cannot share memory."""
    try:
        connection.execute("PRAGMA journal_mode = WAL").fetchone()
    except sqlite3.OperationalError:
        connection.execute("PRAGMA journal_mode = DELETE").fetchone()
