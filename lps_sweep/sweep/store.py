"""The store: where the files lie that workers write and read, under the names of the ledger.

A plain results folder is its own store: nothing is copied. Otherwise the driver's folder, which
has ledger, lock and report, says in `STORE_NAME` where its store is: a `remote.Remote`.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import uuid
from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lps_sweep.errors import StorageError
from lps_sweep.files import FILE_MODE, atomic_write, inside, make_folder, read_file, sha256_file
from lps_sweep.results import FileRef
from lps_sweep.train.events import SavedFile

STORE_NAME = "ledger.store"
"""The file of a driver's own folder that names its store, and its own id."""

CLAIMS = "driver.lock.claims"
MARK_NAME = "driver.lock.mark"


class Store(ABC):
    """Files by name, each whole or not there; a name is a relative path, as the ledger has it.

    `patience_s` is how long after the end of a process its `note` may come.

    It is plain data, so that it can travel to a worker. Every method raises a StorageError that
    names the place where that cannot be read or written.
    """

    patience_s = 0.0

    @property
    @abstractmethod
    def place(self) -> str:
        """The folder or address, for people."""

    @abstractmethod
    def read(self, name: str) -> bytes | None:
        """The content of a file; None if there is none."""

    @abstractmethod
    def write(self, name: str, content: bytes) -> None:
        """Makes a file, or replaces it."""

    @abstractmethod
    def remove(self, name: str) -> None:
        """Removes a file if it is there."""

    @abstractmethod
    def remove_folder(self, name: str) -> None:
        """Removes a folder, and all in it, if it is there."""

    @abstractmethod
    def names(self, folder: str) -> list[str]:
        """Names of the files in `folder` and below, sorted."""

    @abstractmethod
    def intact(self, saved: SavedFile) -> bool:
        """Whether a file is there, as far as can be told without fetching it."""

    @abstractmethod
    def get(self, saved: SavedFile) -> SavedFile | None:
        """The file on this machine's disk; None if it was lost or damaged, and is gone now."""

    @abstractmethod
    def working(self) -> contextlib.AbstractContextManager[Path]:
        """A folder of this machine in which a job makes its files."""

    @abstractmethod
    def put(self, made: SavedFile, working: Path) -> SavedFile:
        """Brings a file from the folder of `working` here; under its name afterwards."""

    @abstractmethod
    def note(self, name: str) -> int:
        """A descriptor of a new file for the last words of this process, also if it is killed."""

    @abstractmethod
    def files(self, name: str) -> tuple[Any, str]:
        """The file system of pyarrow, or None for the usual one, and the path of `name` on it."""

    @abstractmethod
    def bring(self, results: Path, file: FileRef) -> None:
        """The file in the driver's folder as well, unless it is lost here."""

    @abstractmethod
    def publish(self, results: Path, name: str) -> None:
        """A file of the driver's folder here as well."""

    def verify(self, mark: str = "") -> None:
        """Reads the `mark` that a driver made; writes a file, reads it back, and removes it.

        Raises:
            StorageError: Names what fails; or this is not the store that the driver wrote to.
        """
        if mark and self.read(MARK_NAME) != mark.encode():
            raise StorageError(
                f"{self.place} is not the place that the driver writes to: it is not shared"
            )
        name, content = f"driver.lock.probe-{uuid.uuid4().hex}", os.urandom(64)
        try:
            self.write(name, content)
            if self.read(name) != content:
                raise StorageError(f"{self.place}: what was written is not what is read back")
        finally:
            self.remove(name)

    def mark(self) -> str:
        """Writes what `verify` looks for elsewhere; to be given to it."""
        mark = uuid.uuid4().hex
        self.write(MARK_NAME, mark.encode())
        return mark


@dataclass(frozen=True)
class Folder(Store):
    """A results folder that workers see under the same path; `get` and `put` copy nothing."""

    root: Path

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

    def bring(self, results: Path, file: FileRef) -> None:
        """It is there."""

    def publish(self, results: Path, name: str) -> None:
        """It is there."""
