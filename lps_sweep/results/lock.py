"""One driver at a time: an advisory lock on the results folder, with its owner's name."""

from __future__ import annotations

import datetime
import fcntl
import json
import os
import socket
import stat
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from lps_sweep.errors import FolderOwnedError, StorageError
from lps_sweep.files import make_folder, open_private

LOCK_NAME = "driver.lock"
PATIENCE_S = 0.5
"""How long a starting driver retries, so that readers that only look are not taken for owners."""

_held: set[int] = set()


def _forget_in_child() -> None:
    for descriptor in _held:
        os.close(descriptor)
    _held.clear()


# A forked child must not keep the folder locked after its parent, the driver, has died.
os.register_at_fork(after_in_child=_forget_in_child)


@contextmanager
def driver_lock(results_dir: Path) -> Iterator[None]:
    """Own `results_dir` (made if missing) for the length of the block.

    The lock goes with the process: it is free again however the process dies.

    Raises:
        FolderOwnedError: Another driver owns the folder; the message names it.
        StorageError: The lock file cannot be written, or the file system cannot lock.
    """
    path = make_folder(results_dir) / LOCK_NAME
    descriptor = open_private(path, os.O_RDWR)
    _held.add(descriptor)
    try:
        _acquire(descriptor, path)
        _write_owner(descriptor, path)
        yield
    finally:
        if descriptor in _held:
            _held.remove(descriptor)
            os.close(descriptor)


def driver_alive(results_dir: Path) -> bool:
    """Whether a driver owns `results_dir` now; takes nothing away from one that is starting.

    Raises:
        StorageError: The lock file cannot be read, or the file system cannot lock.
    """
    path = results_dir / LOCK_NAME
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise StorageError(f"cannot lock {path}: it is no regular file")
            fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        finally:
            os.close(descriptor)
    except FileNotFoundError:
        return False
    except BlockingIOError:
        return True
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise StorageError(f"cannot lock {path}: {reason}") from error
    return False


def _acquire(descriptor: int, path: Path) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            if time.monotonic() > deadline:
                raise FolderOwnedError(_refusal(path)) from None
            time.sleep(0.01)
        except OSError as error:
            raise StorageError(f"cannot lock {path}: {error.strerror}") from error


def this_process() -> dict[str, Any]:
    """What names this process as the owner of a folder or a store."""
    now = datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    return {"host": socket.gethostname(), "pid": os.getpid(), "started": now}


def named(owner: Mapping[str, Any]) -> str:
    """An owner, for people."""
    facts = (owner.get("pid"), owner.get("host"), owner.get("started"))
    return "process {} on {}, started {}".format(*facts)


def _write_owner(descriptor: int, path: Path) -> None:
    try:
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, json.dumps(this_process()).encode(), 0)
        os.fsync(descriptor)
    except OSError as error:
        raise StorageError(f"cannot write {path}: {error.strerror}") from error


def _refusal(path: Path) -> str:
    try:
        facts = named(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, AttributeError):
        facts = "its name is not recorded"
    return f"another driver owns {path.parent}: {facts}"
