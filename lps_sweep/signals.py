"""Signals that end a command: the first ends it in order, the second at once."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from types import FrameType
from typing import TYPE_CHECKING

from lps_sweep.errors import LpsSweepError

if TYPE_CHECKING:
    from sys import UnraisableHookArgs

ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

_OURS = signal.SIGRTMAX
"""What this process sends itself: nobody's request to end it, and so never ignored."""

_AGAIN_S = 0.01
"""Seconds after which an interruption that Python dropped comes again."""

_handle = signal.signal
"""What a library is not to be given; see `handlers_kept`."""

_LOOK_S = 0.1
"""Seconds between two looks for a signal that is held back."""

_received: list[int] = []
_errors: list[LpsSweepError] = []
_entered: list[bool] = []
_held: list[bool] = []


class Interrupted(KeyboardInterrupt):
    """The process was asked to end; `exit_code` is what it ends with."""

    def __init__(self, number: int) -> None:
        super().__init__(signal.Signals(number).name)
        self.exit_code = 128 + number


@contextlib.contextmanager
def interruptible(*, last: bool = False) -> Iterator[None]:
    """Turns ending signals into `Interrupted` for the length of the block.

    A signal that is ignored, as under ``nohup`` or in a job of a script's background, stays so, and
    one that C code handles stays with it. Outside the main thread nothing is changed.

    Compiled code, such as Ray's, may pass a KeyboardInterrupt on as a new one or as any other
    error, and may drop anything: hence the note of what was received, and `check_interrupted`.

    Args:
        last: The process ends after the block: a signal then ends it at once and without a word.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {n: h for n in ENDING if (h := signal.getsignal(n)) not in (signal.SIG_IGN, None)}
    ours, hook = signal.getsignal(_OURS), sys.unraisablehook

    def interrupt(number: int, frame: FrameType | None) -> None:
        del frame
        if number != _OURS:
            for ending in before:
                _handle(ending, signal.SIG_DFL)
            _received.append(number)
        check_interrupted()

    _entered.append(True)
    try:
        sys.unraisablehook = _again_or(hook)
        for number in (_OURS, *before):
            signal.signal(number, interrupt)
        yield
    except KeyboardInterrupt as end:
        raise _ending(end) from None
    except Exception as error:
        if isinstance(error, LpsSweepError) or not (_received or _errors):
            raise
        raise _ending(error) from None
    finally:
        sys.unraisablehook = hook
        for noted in (_entered, _received, _errors):
            noted.clear()
        signal.signal(_OURS, ours or signal.SIG_DFL)
        for number, handler in before.items():
            signal.signal(number, signal.SIG_DFL if last else handler)


@contextlib.contextmanager
def advised(advice: str) -> Iterator[None]:
    """Gives a person whose signal ends the block this `advice`."""
    try:
        yield
    except KeyboardInterrupt as end:
        end.add_note(advice)
        raise


def end_with(error: LpsSweepError) -> bool:
    """Makes the main thread leave its `interruptible` block with `error`; False if it is in none.

    For other threads, which cannot raise anything there.
    """
    if not _entered or _received or _errors:
        return False
    _errors.append(error)
    _remind()
    return True


def check_interrupted() -> None:
    """Raises `Interrupted` if the block was to be ended and something has kept it from that."""
    if _received or _errors:
        raise Interrupted(_received[0] if _received else _OURS)


@contextlib.contextmanager
def handlers_kept() -> Iterator[None]:
    """Lets no library handle any signal from Python for the length of the block.

    Its handlers would end the run, in their own way and where the signal is ignored, too.
    """

    def refuse(number: int, handler: object) -> object:
        del handler
        return signal.getsignal(number)

    signal.signal = refuse  # type: ignore[assignment]
    try:
        yield
    finally:
        signal.signal = _handle


@contextlib.contextmanager
def held_back() -> Iterator[None]:
    """Keeps SIGTERM from C code that takes it within the block; see `put_back`.

    It is held back, and where it is not ignored, this process is interrupted by its own signal.
    From children nothing is held back.
    """
    over = threading.Event()

    def pass_on() -> None:
        while not over.wait(_LOOK_S):
            if signal.SIGTERM in signal.sigpending():
                _received.append(signal.SIGTERM)
                _remind()
                return

    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
    _held.append(True)
    if signal.getsignal(signal.SIGTERM) is not signal.SIG_IGN:
        threading.Thread(target=pass_on, daemon=True).start()
    try:
        yield
    finally:
        over.set()
        _held.clear()
        put_back()
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})


def put_back() -> None:
    """Lets SIGTERM be handled, or ignored, as Python knows it, whatever C code has made of it."""
    if threading.current_thread() is not threading.main_thread():
        return
    if (handler := signal.getsignal(signal.SIGTERM)) is not None:
        _handle(signal.SIGTERM, handler)


def _hold_nothing() -> None:
    if _held:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})


os.register_at_fork(after_in_child=_hold_nothing)


def _ending(end: BaseException) -> BaseException:
    """What a block ends with that was to be ended, and has come to `end`."""
    if _errors:
        return _errors[0]
    interrupted = Interrupted(_received[0] if _received else signal.SIGINT)
    for note in getattr(end, "__notes__", ()):
        interrupted.add_note(note)
    return interrupted


def _again_or(hook: Callable[[UnraisableHookArgs], object]) -> Callable[[UnraisableHookArgs], None]:
    """Takes what Python cannot raise, in a `__del__` for instance: an interruption comes again."""

    def again(dropped: UnraisableHookArgs) -> None:
        if isinstance(dropped.exc_value, Interrupted):
            threading.Timer(_AGAIN_S, _remind).start()
        else:
            hook(dropped)

    return again


def _remind() -> None:
    """Interrupts the main thread, if it is in its block."""
    if _entered:
        os.kill(os.getpid(), _OURS)
