"""The time limit of epochs: in the calling process, and in a worker of its own."""

from __future__ import annotations

import contextlib
import faulthandler
import os
import signal
import threading
import time
from collections.abc import Iterator
from types import FrameType

from lps_sweep.sweep.store import Store

NOTES = "ray/hung"
"""Folder of the store for where workers hung, by the names of their jobs."""


class EpochTimeoutError(BaseException):
    """No epoch ended in time.

    No `Exception`, since training takes those for errors of one member.
    """


@contextlib.contextmanager
def time_limit(limit_s: float | None) -> Iterator[None]:
    """Raises in the block if it takes longer than `limit_s` seconds, and again so much later.

    A timer of the process does it: code that runs in Python or waits in a system call is ended,
    compiled code that never comes back is not. Without a limit, or outside the main thread, which
    alone receives signals, nothing is watched.

    Raises:
        EpochTimeoutError: The time is over.
    """
    if limit_s is None or threading.current_thread() is not threading.main_thread():
        yield
        return

    def ring(number: int, frame: FrameType | None) -> None:
        del number, frame
        raise EpochTimeoutError(f"no epoch ended within {limit_s:g} s")

    before = signal.signal(signal.SIGALRM, ring) or signal.SIG_DFL  # of C: cannot be put back
    signal.setitimer(signal.ITIMER_REAL, limit_s, limit_s)
    try:
        yield
    finally:
        while signal.getsignal(signal.SIGALRM) is ring:
            with contextlib.suppress(EpochTimeoutError):  # it may ring just now
                signal.setitimer(signal.ITIMER_REAL, 0)
                signal.signal(signal.SIGALRM, before)


class WorkerLimit:
    """The time limit of a job's epochs, kept inside the worker process that trains it.

    When it is over, a thread of `faulthandler`, which needs neither the interpreter's lock nor its
    help, writes down where each thread stands and ends the process: that ends compiled code too.

    Args:
        store: Takes where it hung.
        job_id: Name of the job, by which that is found.
        limit_s: Seconds that an epoch may take, or None for any time.

    Raises:
        StorageError: The note cannot be written.
    """

    def __init__(self, store: Store, job_id: str, limit_s: float | None) -> None:
        self._store = store
        self._name = f"{NOTES}/{job_id}"
        self._limit_s = limit_s
        self._descriptor = -1

    def __enter__(self) -> WorkerLimit:
        if self._limit_s is not None:
            self._descriptor = self._store.note(self._name)
            self._start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._limit_s is not None:
            faulthandler.cancel_dump_traceback_later()
            os.close(self._descriptor)
            self._store.remove(self._name)

    @contextlib.contextmanager
    def suspended(self) -> Iterator[None]:
        """The epoch is over, and the time until the block ends is not the worker's."""
        if self._limit_s is not None:
            faulthandler.cancel_dump_traceback_later()
        yield
        if self._limit_s is not None:
            self._start()

    def _start(self) -> None:
        assert self._limit_s is not None
        faulthandler.dump_traceback_later(self._limit_s, exit=True, file=self._descriptor)


def hung_at(store: Store, job_id: str, limit_s: float | None, patience_s: float = 0.0) -> str:
    """What a worker that hung left in `store`, or leaves within `patience_s`; empty if it did not.

    Raises:
        StorageError: The store cannot be read.
    """
    if limit_s is None:
        return ""
    began = time.monotonic()
    while (note := store.read(f"{NOTES}/{job_id}")) is None:
        if time.monotonic() - began >= patience_s:
            return ""
        time.sleep(0.5)
    where = note.decode(errors="replace")
    return f"no epoch ended within {limit_s:g} s; the process stood here:\n{where}" if where else ""
