"""The time limit of epochs: in the calling process, and in a worker of its own."""

from __future__ import annotations

import contextlib
import faulthandler
import os
import signal
import threading
from collections.abc import Iterator
from pathlib import Path
from types import FrameType

from lps_sweep.errors import StorageError
from lps_sweep.files import FILE_MODE, make_folder


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
        note: File that takes where it hung; it stays empty otherwise.
        limit_s: Seconds that an epoch may take, or None for any time.

    Raises:
        StorageError: The note cannot be written.
    """

    def __init__(self, note: Path, limit_s: float | None) -> None:
        self._note = note
        self._limit_s = limit_s
        self._descriptor = -1

    def __enter__(self) -> WorkerLimit:
        if self._limit_s is not None:
            make_folder(self._note.parent)
            try:
                self._descriptor = os.open(self._note, os.O_WRONLY | os.O_CREAT, FILE_MODE)
            except OSError as error:
                raise StorageError(f"cannot write {self._note}: {error.strerror}") from error
            self._start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._limit_s is not None:
            faulthandler.cancel_dump_traceback_later()
            os.close(self._descriptor)
            self._note.unlink(missing_ok=True)

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


def hung_at(note: Path, limit_s: float | None) -> str:
    """What a worker that hung left in `note`; empty if it did not."""
    if limit_s is None:
        return ""
    try:
        where = note.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
    return f"no epoch ended within {limit_s:g} s; the process stood here:\n{where}" if where else ""
