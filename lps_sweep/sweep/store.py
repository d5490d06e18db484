"""The store: where the files lie that workers write and read, under the names of the ledger.

A plain results folder is its own store: nothing is copied. Otherwise the driver's folder, which
has ledger, lock and report, says in `STORE_NAME` where its store is: a `Remote`. Files have names,
relative paths as the ledger has them, and each is whole or not there. Every method raises a
StorageError that names the place where that cannot be read or written.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from lps_sweep.errors import StorageError
from lps_sweep.files import FILE_MODE, atomic_write, inside, make_folder, read_file, sha256_file
from lps_sweep.sweep.remote import Remote
from lps_sweep.train.events import SavedFile

STORE_NAME = "ledger.store"
"""The file of a driver's own folder that names its store, and its own id."""

CLAIMS = "driver.lock.claims"
MARK_NAME = "driver.lock.mark"


@dataclass(frozen=True)
class Folder:
    """A results folder that workers see under the same path; `get` and `put` copy nothing."""

    root: Path
    patience_s = 0.0

    @property
    def place(self) -> str:
        """The folder."""
        return str(self.root)

    def read(self, name: str) -> bytes | None:
        """The content of a file; None if there is none."""
        path = inside(self.root, name)
        return read_file(path) if path.exists() else None

    def write(self, name: str, content: bytes) -> None:
        """Makes a file, or replaces it."""
        atomic_write(inside(self.root, name), content)

    def remove(self, name: str) -> None:
        """Removes a file if it is there."""
        path = inside(self.root, name)
        try:
            path.unlink(missing_ok=True)
        except OSError as error:
            raise StorageError(f"cannot remove {path}: {error.strerror}") from error

    def remove_folder(self, name: str) -> None:
        """Removes a folder, and all in it, if it is there."""
        shutil.rmtree(inside(self.root, name), ignore_errors=True)

    def names(self, folder: str) -> list[str]:
        """Names of the files in `folder` and below, sorted."""
        found = inside(self.root, folder).rglob("*")
        return sorted(str(path.relative_to(self.root)) for path in found if path.is_file())

    def intact(self, saved: SavedFile) -> bool:
        """Whether a file is there and has its hash."""
        try:
            return sha256_file(inside(self.root, str(saved.path))) == saved.sha256
        except StorageError:
            return False

    def get(self, saved: SavedFile) -> SavedFile:
        """The file itself; who loads it compares the hash."""
        return SavedFile(inside(self.root, str(saved.path)), saved.sha256)

    @contextlib.contextmanager
    def working(self) -> Iterator[Path]:
        """The folder itself."""
        yield self.root

    def put(self, made: SavedFile, working: Path) -> SavedFile:
        """Nothing is to be done."""
        return SavedFile(made.path.relative_to(working), made.sha256)

    def note(self, name: str) -> int:
        """The file itself."""
        path = inside(self.root, name)
        make_folder(path.parent)
        try:
            return os.open(path, os.O_WRONLY | os.O_CREAT, FILE_MODE)
        except OSError as error:
            raise StorageError(f"cannot write {path}: {error.strerror}") from error

    def files(self, name: str) -> tuple[None, str]:
        """The usual file system, and the path of `name`."""
        return None, str(inside(self.root, name))


Store: TypeAlias = Folder | Remote
"""Where workers write; plain data, so that it can travel to one."""


def store_of(results: Path) -> Store:
    """The store of a driver's folder.

    Raises:
        StorageError: The file that names it is damaged.
    """
    address, _ = named_store(results)
    return Remote(address) if address else Folder(results.absolute())


def named_store(results: Path) -> tuple[str, str]:
    """The address that a driver's folder names, and the folder's id; empty for a plain one.

    Raises:
        StorageError: The file that names it is damaged.
    """
    path = results / STORE_NAME
    if not path.exists():
        return "", ""
    try:
        said = json.loads(read_file(path))
        return str(said["store"]), str(said["owner"])
    except (ValueError, KeyError, TypeError, RecursionError):
        raise StorageError(f"{path} is damaged: it names no store") from None


def verify(store: Store, mark: str = "") -> None:
    """Reads the `mark` that a driver made; writes a file, reads it back, and removes it.

    Raises:
        StorageError: Names what fails; or this is not the store that the driver wrote to.
    """
    if mark and store.read(MARK_NAME) != mark.encode():
        raise StorageError(
            f"{store.place} is not the place that the driver writes to: it is not shared"
        )
    name, content = f"driver.lock.probe-{uuid.uuid4().hex}", os.urandom(64)
    try:
        store.write(name, content)
        if store.read(name) != content:
            raise StorageError(f"{store.place}: what was written is not what is read back")
    finally:
        store.remove(name)


def write_mark(store: Store) -> str:
    """Writes what `verify` looks for elsewhere; to be given to it."""
    mark = uuid.uuid4().hex
    store.write(MARK_NAME, mark.encode())
    return mark
