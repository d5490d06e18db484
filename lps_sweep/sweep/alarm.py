"""The time limit of epochs that are trained in the calling process."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Iterator
from types import FrameType


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

    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, limit_s, limit_s)
    try:
        yield
    finally:
        while signal.getsignal(signal.SIGALRM) is ring:
            with contextlib.suppress(EpochTimeoutError):  # it may ring just now
                signal.setitimer(signal.ITIMER_REAL, 0)
                signal.signal(signal.SIGALRM, before)
