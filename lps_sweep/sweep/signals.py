"""Signals that end a sweep: the first ends it in order, the second at once."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
from collections.abc import Iterator
from types import FrameType

from lps_sweep.errors import LpsSweepError

ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

_received: list[int] = []
_errors: list[LpsSweepError] = []
_entered: list[bool] = []


class Interrupted(KeyboardInterrupt):
    """The process was asked to end; `exit_code` is what it ends with."""

    def __init__(self, number: int) -> None:
        super().__init__(signal.Signals(number).name)
        self.exit_code = 128 + number


@contextlib.contextmanager
def interruptible() -> Iterator[None]:
    """Turns ending signals into `Interrupted` for the length of the block.

    Compiled code, such as Ray's, may pass a KeyboardInterrupt on as a new one, and may drop
    anything: hence the note of what was received, and `check_interrupted`.
    """

    def interrupt(number: int, frame: FrameType | None) -> None:
        del frame
        for ending in ENDING:
            signal.signal(ending, signal.SIG_DFL)
        _received.append(number)
        raise Interrupted(number)

    before = {number: signal.signal(number, interrupt) for number in ENDING}
    _entered.append(True)
    try:
        yield
    except KeyboardInterrupt:
        if _errors:
            raise _errors[0] from None
        raise Interrupted(_received[0] if _received else signal.SIGINT) from None
    finally:
        for noted in (_entered, _received, _errors):
            noted.clear()
        for number, handler in before.items():
            signal.signal(number, handler)


def end_with(error: LpsSweepError) -> bool:
    """Makes the main thread leave its `interruptible` block with `error`; False if it is in none.

    For other threads, which cannot raise anything there.
    """
    if not _entered or _received:
        return False
    _errors.append(error)
    os.kill(os.getpid(), signal.SIGTERM)
    return True


def check_interrupted() -> None:
    """Raises `Interrupted` if an ending signal was received and has not ended anything yet."""
    if _received:
        raise Interrupted(_received[0])


@contextlib.contextmanager
def handlers_kept() -> Iterator[None]:
    """Puts the handlers of ending signals back that a library replaces within the block."""
    before = {number: signal.getsignal(number) for number in ENDING}
    try:
        yield
    finally:
        if threading.current_thread() is threading.main_thread():
            for number, handler in before.items():
                signal.signal(number, handler)
