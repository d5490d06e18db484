"""The copy of the ledger: a second database, whole at all times, as old as the last copying."""

from __future__ import annotations

import os
import sqlite3
import tempfile
from pathlib import Path

from lps_sweep.errors import BadInputError, StorageError
from lps_sweep.failpoints import failpoint
from lps_sweep.files import read_file, sync_folder
from lps_sweep.results.database import open_for_reading, storage_errors
from lps_sweep.results.verify import verify

COPY_NAME = "ledger.copy.sqlite"


def copy_database(connection: sqlite3.Connection, path: Path) -> None:
    """Copies the database of `connection` to `path`, which holds the old or the new copy.

    Raises:
        StorageError: The copy cannot be written, or the database is damaged.
    """
    part: Path | None = None
    with storage_errors(path):
        failpoint("copy.write")
        descriptor, name = tempfile.mkstemp(
            prefix=f".{path.name}.", suffix=".part", dir=path.parent
        )
        part = Path(name)
        try:
            failpoint("file.write")
            connection.execute("VACUUM INTO ?", (name,))
            failpoint("file.fsync")
            os.fsync(descriptor)
            failpoint("copy.rename")
            part.replace(path)
            part = None
            sync_folder(path.parent)
        finally:
            os.close(descriptor)
            if part is not None:
                part.unlink(missing_ok=True)


def read_copy(results_dir: Path) -> bytes | None:
    """The content of the copy of the ledger, if that is there and whole."""
    path = results_dir / COPY_NAME
    try:
        connection = open_for_reading(path)
        try:
            verify(connection, path)
        finally:
            connection.close()
        return read_file(path)
    except (StorageError, BadInputError, sqlite3.Error):
        return None


def remove_parts(results_dir: Path) -> int:
    """Removes the temporary files that killed processes left; how many there were.

    To be called by who holds the driver's lock: whoever wrote them is gone.

    Raises:
        StorageError: A folder cannot be read, or a file not be removed.
    """
    removed = 0
    try:
        for folder, folders, names in os.walk(results_dir):
            folders[:] = [name for name in folders if not name.startswith(".")]
            for name in names:
                if name.startswith(".") and name.endswith(".part"):
                    (Path(folder) / name).unlink(missing_ok=True)
                    removed += 1
    except OSError as error:
        raise StorageError(f"cannot clean up {results_dir}: {error.strerror}") from error
    return removed
