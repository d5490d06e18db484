"""Temporary folders that a process locks as long as it lives, so that those of dead ones go."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

TRIES = 5
"""New folders; another process may take one for abandoned before it is locked."""


@contextlib.contextmanager
def temporary_folder(parent: Path, prefix: str) -> Iterator[Path]:
    """A new folder in `parent`, removed afterwards; those that dead processes left go before.

    Raises:
        OSError: It cannot be made, or not be locked there.
    """
    remove_abandoned(parent, prefix)
    with contextlib.ExitStack() as stack:
        for _ in range(TRIES):
            folder = Path(tempfile.mkdtemp(prefix=prefix, dir=parent))
            stack.callback(shutil.rmtree, folder, ignore_errors=True)
            if locked(folder, stack, fcntl.LOCK_EX):
                yield folder
                return
        raise OSError(errno.ENOLCK, "there are no locks", str(parent))


def remove_abandoned(parent: Path, prefix: str) -> int:
    """Removes the folders in `parent` whose owner, of this user, is dead; how many."""
    removed = 0
    for folder in parent.glob(f"{prefix}*"):
        with contextlib.ExitStack() as stack:
            if locked(folder, stack, fcntl.LOCK_EX | fcntl.LOCK_NB):
                shutil.rmtree(folder, ignore_errors=True)
                removed += 1
    return removed


def locked(folder: Path, stack: contextlib.ExitStack, operation: int) -> bool:
    """Locks a folder of this user until `stack` is closed; False if that cannot be."""
    try:
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
        stack.callback(os.close, descriptor)
        if os.fstat(descriptor).st_uid != os.getuid():
            return False
        fcntl.flock(descriptor, operation)
    except OSError:
        return False
    return folder.exists()
