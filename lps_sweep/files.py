"""Folders and files of the results folder: private, written whole or not at all."""

from __future__ import annotations

import hashlib
import os
import tempfile
from pathlib import Path

from lps_sweep.errors import StorageError
from lps_sweep.failpoints import failpoint

FOLDER_MODE = 0o700
FILE_MODE = 0o600


def make_folder(folder: Path) -> Path:
    """Create `folder` (mode 0700) and its parents where they are missing.

    Raises:
        StorageError: The folder cannot be made.
    """
    try:
        if not folder.is_dir():
            make_folder(folder.parent)
            folder.mkdir(mode=FOLDER_MODE, exist_ok=True)
            sync_folder(folder.parent)
    except OSError as error:
        raise StorageError(f"cannot make the folder {folder}: {error.strerror}") from error
    return folder


def sync_folder(folder: Path) -> None:
    """Flush the entries of `folder` (new, renamed and removed files) to the disk."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def atomic_write(path: Path, content: bytes) -> None:
    """Write `content` (mode 0600) so that `path` holds the old or the new bytes, never a part.

    The folder of `path` is made where it is missing. The new bytes are on the disk when this
    returns; a process killed midway leaves at most a file named ``.<name>.<random>.part``.

    Raises:
        StorageError: The file cannot be written; `path` is as it was.
    """
    make_folder(path.parent)
    part: Path | None = None
    try:
        failpoint("file.write")
        descriptor, name = tempfile.mkstemp(
            prefix=f".{path.name[:100]}.", suffix=".part", dir=path.parent
        )
        part = Path(name)
        with os.fdopen(descriptor, "wb") as file:
            os.fchmod(file.fileno(), FILE_MODE)
            file.write(content)
            file.flush()
            failpoint("file.fsync")
            os.fsync(file.fileno())
        failpoint("file.rename")
        part.replace(path)
        part = None
        failpoint("file.renamed")
        sync_folder(path.parent)
    except OSError as error:
        raise StorageError(f"cannot write {path}: {error.strerror}") from error
    finally:
        if part is not None:
            part.unlink(missing_ok=True)


def read_file(path: Path) -> bytes:
    """The content of `path`.

    Raises:
        StorageError: The file is missing or cannot be read.
    """
    try:
        return path.read_bytes()
    except OSError as error:
        raise StorageError(f"cannot read {path}: {error.strerror}") from error


def sha256_bytes(content: bytes) -> str:
    """SHA-256 of `content`, in hexadecimal digits."""
    return hashlib.sha256(content).hexdigest()


def sha256_file(path: Path) -> str:
    """SHA-256 of the content of `path`, in hexadecimal digits.

    Raises:
        StorageError: The file is missing or cannot be read.
    """
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise StorageError(f"cannot read {path}: {error.strerror}") from error


def inside(results_dir: Path, relative: str) -> Path:
    """The path of a file recorded relative to the results folder.

    Raises:
        StorageError: `relative` is absolute or, links followed, leads out of the folder.
    """
    root = results_dir.resolve()
    path = root if "\0" in relative else (root / relative).resolve()
    if not path.is_relative_to(root) or path == root:
        raise StorageError(f"{relative!r} leads out of the results folder {results_dir}")
    return path
