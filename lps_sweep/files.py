"""Folders and files of the results folder: private, written whole or not at all."""

from __future__ import annotations

import hashlib
import os
import re
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from io import BufferedReader
from pathlib import Path

from lps_sweep.errors import StorageError
from lps_sweep.failpoints import failpoint

FOLDER_MODE = 0o700
FILE_MODE = 0o600

NAME_PATTERN = "[A-Za-z0-9_][A-Za-z0-9._-]{0,63}"
NAME_WORDS = "1 to 64 letters, digits, '.', '_' or '-' (no '.' or '-' first)"
_NAME = re.compile(NAME_PATTERN)


def is_name(text: str) -> bool:
    """Whether a sweep, an arm or a trial may be called `text`: it is safe as a file's name."""
    return _NAME.fullmatch(text) is not None


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
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise StorageError(f"cannot make the folder {folder}: {reason}") from error
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
        StorageError: The file is missing, no regular file, or cannot be read.
    """
    with _opened(path) as file:
        return file.read()


def open_private(path: Path, flags: int) -> int:
    """A descriptor of `path`, made with mode 0600 if missing; a link there is not followed.

    Raises:
        StorageError: It cannot be opened, or is a link.
    """
    try:
        return os.open(path, flags | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, FILE_MODE)
    except OSError as error:
        reason = "it is a symbolic link" if path.is_symlink() else error.strerror
        raise StorageError(f"cannot write {path}: {reason}") from error


@contextmanager
def _opened(path: Path) -> Iterator[BufferedReader]:
    """The regular file `path`; never waits, as a pipe would make it."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            os.close(descriptor)
            raise StorageError(f"cannot read {path}: it is no regular file")
        with os.fdopen(descriptor, "rb") as file:
            yield file
    except OSError as error:
        raise StorageError(f"cannot read {path}: {error.strerror}") from error
    except ValueError as error:
        raise StorageError(f"cannot read {str(path)!r}: {error}") from error


def sha256_bytes(content: bytes) -> str:
    """SHA-256 of `content`, in hexadecimal digits."""
    return hashlib.sha256(content).hexdigest()


def sha256_file(path: Path) -> str:
    """SHA-256 of the content of `path`, in hexadecimal digits.

    Raises:
        StorageError: The file is missing or cannot be read.
    """
    with _opened(path) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def inside(results_dir: Path, relative: str) -> Path:
    """The path of a file recorded relative to the results folder.

    Raises:
        StorageError: `relative` is absolute or, links followed, leads out of the folder.
    """
    try:
        root = results_dir.resolve()
        path = root if "\0" in relative else (root / relative).resolve()
        if path.is_relative_to(root) and path != root:
            return results_dir / relative
    except (OSError, RuntimeError) as error:
        raise StorageError(f"{relative!r} is no path in {results_dir}: {error}") from error
    raise StorageError(f"{relative!r} leads out of the results folder {results_dir}")


def sweep_folder(results_dir: Path, sweep: str) -> Path:
    """The folder of the sweep `sweep`, in the results folder.

    Raises:
        StorageError: No sweep can be called so, or the folder is a link that leads elsewhere.
    """
    if not is_name(sweep):
        raise StorageError(f"{results_dir}: no sweep can be called {sweep!r}")
    return inside(results_dir, sweep)
