"""Folders and files of the results folder: private, written whole or not at all."""

from __future__ import annotations

import codecs
import errno
import hashlib
import os
import re
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from io import BufferedReader
from pathlib import Path

from lps_sweep.errors import BadInputError, StorageError
from lps_sweep.failpoints import failpoint

FOLDER_MODE = 0o700
FILE_MODE = 0o600

NAME_PATTERN = "[A-Za-z0-9_][A-Za-z0-9._-]{0,63}"
NAME_WORDS = "1 to 64 letters, digits, '.', '_' or '-' (no '.' or '-' first)"
_NAME = re.compile(NAME_PATTERN)
_RESERVED = re.compile(r"checkpoints|artefacts|ray|(ledger\.|driver\.lock).*", re.IGNORECASE)
ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")

_LINE_END = re.compile(rb"\r\n?|\n")

_KINDS = (
    (stat.S_ISDIR, "a folder"),
    (stat.S_ISFIFO, "a pipe"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
)
"""What there is besides regular files."""


def is_name(text: str) -> bool:
    """Whether a sweep, an arm or a trial may be called `text`: it is safe as a file's name."""
    return _NAME.fullmatch(text) is not None


def is_reserved(name: str) -> bool:
    """Whether a results folder calls one of its own files `name`."""
    return _RESERVED.fullmatch(name) is not None


def refuse_address(text: str, where: str) -> None:
    """Refuses an address such as ``s3://...`` where a path of this machine is due.

    Raises:
        BadInputError: `text` is one.
    """
    if ADDRESS.match(text):
        raise BadInputError(
            f"{text} is an address, and a path of this machine is due; mount or copy what is "
            "there, or, of a sweep, name the folder that has its ledger",
            where,
        )


def local_path(text: str, where: str) -> Path:
    """The path of this machine that a person wrote; a leading ``~`` is a home.

    Raises:
        BadInputError: `text` is empty, an address such as ``s3://...``, or names nobody's home.
    """
    if not text or "\0" in text:
        raise BadInputError(f"a path is due, not {text!r}", where)
    refuse_address(text, where)
    try:
        return Path(text).expanduser()
    except RuntimeError as error:
        raise BadInputError(f"{text}: {error}", where) from error


def refuse_lost(folder: Path, where: str) -> None:
    """Refuses a relative folder inside a Ray job, since the working folder goes with the job.

    Raises:
        BadInputError: This is a Ray job, and `folder` is relative.
    """
    job = "job_submission_id" in os.environ.get("RAY_JOB_CONFIG_JSON_ENV_VAR", "")
    if job and not folder.is_absolute():
        raise BadInputError(
            f"{folder} is relative, and in a Ray job it would go with the job's own folder; give "
            "a path that begins with /, or an address",
            where,
        )


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
    with _stored(path) as file:
        return file.read()


def read_text(path: Path, max_bytes: int, *, named: bool = False) -> str:
    r"""The text of a file that a person wrote: UTF-8, with or without a byte order mark.

    Line ends are ``\n``, whatever they are in the file.

    Args:
        path: The file.
        max_bytes: More are refused.
        named: Whether the person named this very file; it may be a pipe then, and is waited for.

    Raises:
        BadInputError: The file is missing, cannot be read, is too long, or is not UTF-8; names the
            line.
    """
    try:
        with path.open("rb") if named else open_regular(path) as file:
            content = file.read(max_bytes + 1)
    except FileNotFoundError:
        raise BadInputError(not_regular(path) or "there is no such file", str(path)) from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise BadInputError(f"cannot be read: {reason}", str(path)) from None
    if len(content) > max_bytes:
        raise BadInputError(f"such a file has at most {max_bytes} bytes", str(path))
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) or b"\0" in content[:2]:
        raise BadInputError("this is UTF-16 or UTF-32; save it as UTF-8", f"{path}:1")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = len(_LINE_END.findall(content[: error.start])) + 1
        byte = content[error.start]
        raise BadInputError(
            f"not UTF-8 text: byte 0x{byte:02x} ({chr(byte)!r} if it is Latin-1); save it as UTF-8",
            f"{path}:{line}",
        ) from None
    return text.replace("\r\n", "\n").replace("\r", "\n")


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
def open_regular(path: Path) -> Iterator[BufferedReader]:
    """The regular file `path`; never waits, as a pipe would make it.

    Raises:
        OSError: It cannot be opened, or is something else: the error says what.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        raise OSError(error.errno, not_regular(path) or error.strerror) from error
    except ValueError as error:
        raise OSError(errno.EINVAL, str(error)) from error
    with os.fdopen(descriptor, "rb") as file:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise OSError(errno.EINVAL, not_regular(path) or "it is no regular file")
        yield file


def is_taken(path: Path) -> bool:
    """Whether something is at `path` that is no folder: a file, or what stands in its place."""
    return os.path.lexists(path) and not path.is_dir()


def not_regular(path: Path) -> str:
    """What is at `path` in place of a regular file, for people; empty if one is, or nothing."""
    try:
        mode = path.stat().st_mode
    except OSError:
        return "it is a link that leads nowhere" if path.is_symlink() else ""
    kind = next((word for is_kind, word in _KINDS if is_kind(mode)), "no regular file")
    return "" if stat.S_ISREG(mode) else f"it is {kind}"


@contextmanager
def _stored(path: Path) -> Iterator[BufferedReader]:
    """The regular file `path` of a results folder."""
    try:
        with open_regular(path) as file:
            yield file
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
    with _stored(path) as file:
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
