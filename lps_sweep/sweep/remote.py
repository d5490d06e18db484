"""A store beside the driver's folder: an address, or a folder that all nodes share.

Nothing is written there but whole files, which are made on this machine's disk first. What is read
from there is kept on this disk under its SHA-256, for all processes of this user.
"""

from __future__ import annotations

import contextlib
import fcntl
import functools
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, TypeVar

from lps_sweep.errors import BadInputError, StorageError
from lps_sweep.files import ADDRESS, atomic_write, read_file, sha256_bytes, sha256_file
from lps_sweep.results import FileRef
from lps_sweep.sweep.temporary import locked, temporary_folder
from lps_sweep.train.events import SavedFile

if TYPE_CHECKING:
    from pyarrow.fs import FileSystem

PAUSES_S = 0.5, 2.0, 5.0
"""Before a request that failed is made again."""

STAGED_BYTES = 20 * 2**30
"""Of files kept on this disk, before those that were not used for `UNUSED_S` are removed."""
UNUSED_S = 3600.0

_ARROW = {"file", "s3", "gs", "gcs", "hdfs", "viewfs", "abfs", "abfss"}
_JOB = "job-"

T = TypeVar("T")


@dataclass(frozen=True)
class Remote:
    """The store at `address`: a URI that pyarrow or fsspec opens, or an absolute path."""

    address: str
    patience_s = 10.0

    @property
    def place(self) -> str:
        """The address without what stands behind a question mark."""
        return self.address.partition("?")[0].rstrip("/")

    def read(self, name: str) -> bytes | None:
        """The content of a file; None if there is none."""

        def act(files: FileSystem, path: str) -> bytes | None:
            try:
                with files.open_input_stream(path) as stream:
                    content: bytes = stream.read()
                    return content
            except FileNotFoundError:
                return None

        return self._tried("read", name, act)

    def write(self, name: str, content: bytes) -> None:
        """Makes a file, or replaces it."""

        def act(files: FileSystem, path: str) -> None:
            if files.type_name == "local":
                return atomic_write(Path(path), content)
            try:
                _send(files, path, content)
            except FileNotFoundError:  # not where folders are but parts of names
                files.create_dir(path.rpartition("/")[0], recursive=True)
                _send(files, path, content)
            return None

        self._tried("write", name, act)

    def remove(self, name: str) -> None:
        """Removes a file if it is there."""

        def act(files: FileSystem, path: str) -> None:
            with contextlib.suppress(FileNotFoundError):
                files.delete_file(path)

        self._tried("remove", name, act)

    def remove_folder(self, name: str) -> None:
        """Removes a folder, and all in it, if it is there."""

        def act(files: FileSystem, path: str) -> None:
            with contextlib.suppress(FileNotFoundError):
                files.delete_dir(path)

        self._tried("remove", name, act)

    def names(self, folder: str) -> list[str]:
        """Names of the files in `folder` and below, sorted."""

        def act(files: FileSystem, path: str) -> list[str]:
            from pyarrow.fs import FileSelector

            below = FileSelector(path, recursive=True, allow_not_found=True)
            found = [info.path for info in files.get_file_info(below) if info.is_file]
            start = len(path.strip("/")) + 1
            return sorted(f"{folder}/{one.strip('/')[start:]}" for one in found)

        return self._tried("list", folder, act)

    def intact(self, saved: SavedFile) -> bool:
        """Whether a file is there; `get` compares its hash."""
        return self._tried(
            "look at", str(saved.path), lambda f, path: bool(f.get_file_info(path).is_file)
        )

    def get(self, saved: SavedFile) -> SavedFile | None:
        """The file, kept on this disk; None if it was lost or damaged, and is gone now."""
        with _staging() as stage:
            path = stage / saved.sha256
            if not path.is_file() or sha256_file(path) != saved.sha256:
                content = self.read(str(saved.path))
                if content is None or sha256_bytes(content) != saved.sha256:
                    self.remove(str(saved.path))
                    return None
                _make_room(stage, len(content))
                atomic_write(path, content)
            os.utime(path)
            return SavedFile(path, saved.sha256)

    @contextlib.contextmanager
    def working(self) -> Iterator[Path]:
        """A folder of this disk, removed afterwards, or by the next job if this one is killed."""
        with contextlib.ExitStack() as stack:
            with _staging() as stage:
                folder = stack.enter_context(temporary_folder(stage, _JOB))
            yield folder

    def put(self, made: SavedFile, working: Path) -> SavedFile:
        """Brings a file from the folder of `working` here; under its name afterwards."""
        path = made.path.relative_to(working)
        self.write(str(path), read_file(made.path))
        return SavedFile(path, made.sha256)

    def note(self, name: str) -> int:
        """The end of a pipe; a process beside this one writes the file when this one is gone."""
        command = [sys.executable, "-P", "-c", _NOTE, str(Path(__file__).parents[2])]
        out, into = os.pipe()
        arguments = [*command, self.address, name]
        actions = [(os.POSIX_SPAWN_DUP2, out, 0)]
        os.posix_spawn(sys.executable, arguments, os.environ, file_actions=actions, setsid=True)
        os.close(out)
        return into

    def bring(self, results: Path, file: FileRef) -> None:
        """The file in the driver's folder as well, unless it is lost here."""
        if not (results / file.path).exists():
            content = self.read(file.path)
            if content is not None and sha256_bytes(content) == file.sha256:
                atomic_write(results / file.path, content)

    def publish(self, results: Path, name: str) -> None:
        """The file of the driver's folder here as well."""
        self.write(name, read_file(results / name))

    def files(self, name: str) -> tuple[FileSystem, str]:
        """The file system, and the path of `name` on it."""
        if ".." in PurePosixPath(name).parts or name.startswith("/"):
            raise StorageError(f"{name!r} leads out of {self.place}")
        files, base = _opened(self.address)
        return files, f"{base}/{name}"

    def _tried(self, what: str, name: str, act: Callable[[FileSystem, str], T]) -> T:
        """What `act` gives, which is tried again where it fails."""
        for pause in (*PAUSES_S, None):
            try:
                return act(*self.files(name))
            except BadInputError:
                raise
            except Exception as error:  # of any file system that fsspec knows
                if pause is None:
                    reason = str(error).partition("\n")[0] or type(error).__name__
                    raise StorageError(f"cannot {what} {self.place}/{name}: {reason}") from error
                time.sleep(pause)
        raise AssertionError("the last try returns or raises")


@functools.cache
def _opened(address: str) -> tuple[Any, str]:
    """The file system of an address, and the path there.

    Raises:
        BadInputError: Nothing opens such an address, or it is not right.
    """
    try:
        from pyarrow import fs
    except ModuleNotFoundError:
        raise BadInputError("pyarrow is not installed; it opens stores", address) from None
    if not ADDRESS.match(address):
        return fs.LocalFileSystem(), address
    scheme = address.partition("://")[0].lower()
    try:
        if scheme in _ARROW:
            files, path = fs.FileSystem.from_uri(address)
        else:
            from fsspec.core import url_to_fs

            opened, path = url_to_fs(address)
            files = fs.PyFileSystem(fs.FSSpecHandler(opened))
    except (ValueError, TypeError, ImportError) as error:
        reason = str(error).partition("\n")[0]
        raise BadInputError(f"neither pyarrow nor fsspec opens this: {reason}", address) from error
    except OSError as error:  # it asks for the region of a bucket
        raise StorageError(f"cannot open {address}: {error}") from error
    return files, path.rstrip("/")


def _send(files: FileSystem, path: str, content: bytes) -> None:
    with files.open_output_stream(path) as stream:
        stream.write(content)


@contextlib.contextmanager
def _staging() -> Iterator[Path]:
    """The folder of this user's staged files, locked.

    Raises:
        StorageError: It cannot be made, or somebody else made it.
    """
    stage = Path(tempfile.gettempdir()) / f"lps-sweep-{os.geteuid()}"
    try:
        stage.mkdir(mode=0o700, exist_ok=True)
        with contextlib.ExitStack() as stack:
            if stage.lstat().st_mode & 0o077 or not locked(stage, stack, fcntl.LOCK_EX):
                raise StorageError(f"{stage} is not private to this user; set TMPDIR elsewhere")
            yield stage
    except OSError as error:
        raise StorageError(f"cannot stage files in {stage}: {error.strerror}") from error


def _make_room(stage: Path, size: int) -> None:
    """Removes staged files that were not used for long, where all of them are too much."""
    files = [(path.stat(), path) for path in stage.iterdir() if path.is_file()]
    total = size + sum(stat.st_size for stat, _ in files)
    for stat, path in sorted(files, key=lambda one: one[0].st_mtime):
        if total <= STAGED_BYTES or time.time() - stat.st_mtime < UNUSED_S:
            return
        path.unlink()
        total -= stat.st_size


_NOTE = """\
import sys
sys.path.insert(0, sys.argv[1])
if words := sys.stdin.buffer.read():
    from lps_sweep.sweep.remote import Remote
    Remote(sys.argv[2]).write(sys.argv[3], words)
"""
