"""The folder of a Ray session on this machine, which a killed driver leaves behind."""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

PREFIX = "lps-ray-"


@contextlib.contextmanager
def private_folder() -> Iterator[str]:
    """A folder for a session, removed afterwards; those of killed drivers are removed before.

    Its owner holds a lock on the folder itself, which ends with the process.
    """
    remove_abandoned(Path(tempfile.gettempdir()))
    with contextlib.ExitStack() as stack:
        while True:
            folder = Path(tempfile.mkdtemp(prefix=PREFIX))
            if _locked(folder, stack, fcntl.LOCK_EX):
                break  # else another driver has just taken it for abandoned
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        yield str(folder)


def remove_abandoned(parent: Path) -> int:
    """Removes the folders of sessions in `parent` whose driver, of this user, is dead; how many."""
    removed = 0
    for folder in parent.glob(f"{PREFIX}*"):
        with contextlib.ExitStack() as stack:
            if _locked(folder, stack, fcntl.LOCK_EX | fcntl.LOCK_NB):
                shutil.rmtree(folder, ignore_errors=True)
                removed += 1
    return removed


def _locked(folder: Path, stack: contextlib.ExitStack, operation: int) -> bool:
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
