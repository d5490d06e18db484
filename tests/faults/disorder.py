"""What a worker process does to itself: it dies or hangs where a test has told it to.

A plan lies beside the file of the truth. The first process that ends an epoch takes it away, so
that it is followed once; one that names a value of C is followed by each pack that has such a
member, again and again.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import time
from collections.abc import Sequence
from pathlib import Path

from tests.faults import truth

SUFFIX = ".disorder"
HANGS = ("sleep", "hold the lock")
WAYS = (*HANGS, "SIGKILL", "SIGSEGV", "exit")
FOR_EVER_S = 3600


def plan(file: Path, way: str, only: float | None = None, skip: int = 0) -> None:
    """Lets the next process that ends an epoch act in this way, or each with this value of C.

    Args:
        file: That of the truth.
        way: One of `WAYS`.
        only: A value of C.
        skip: Epochs to be ended before; for a single process only.
    """
    assert way in WAYS
    part = file.with_suffix(".part")
    part.write_text(f"{'' if only is None else only}\n{way}\n{skip}")
    part.replace(file.with_suffix(SUFFIX))


def pending(file: Path) -> bool:
    """Whether nobody has followed the plan yet."""
    return file.with_suffix(SUFFIX).exists()


def follow(file: Path, values: Sequence[float]) -> None:
    """Does what is planned, in a process whose members have these `values` of C."""
    path = file.with_suffix(SUFFIX)
    with contextlib.suppress(FileNotFoundError):
        only, way, skip = path.read_text().splitlines()
        if only and float(only) not in values:
            return
        if int(skip):
            plan(file, way, skip=int(skip) - 1)
            return
        if not only:
            path.rename(path.with_suffix(".followed"))  # one process alone succeeds
        truth.write(file, "disorder", way=way)
        _act(way)


def _act(way: str) -> None:
    if way == "sleep":
        time.sleep(FOR_EVER_S)
    elif way == "hold the lock":
        ctypes.PyDLL(None).sleep(FOR_EVER_S)  # no other thread runs Python meanwhile
    elif way == "exit":
        os._exit(3)
    else:
        os.kill(os.getpid(), signal.Signals[way])
