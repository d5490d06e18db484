from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from lps_sweep.errors import StorageError
from lps_sweep.signals import (
    ENDING,
    Interrupted,
    check_interrupted,
    end_with,
    handlers_kept,
    held_back,
    interruptible,
)
from tests.faults.harness import in_child


@pytest.mark.parametrize("number", ENDING)
def test_a_signal_ends_the_block_with_its_exit_code(number: signal.Signals) -> None:
    before = signal.getsignal(number)
    with pytest.raises(Interrupted, match=number.name) as ended, interruptible():
        os.kill(os.getpid(), number)
    assert ended.value.exit_code == 128 + number
    assert signal.getsignal(number) is before


def exit_code_of(block: Callable[[], None]) -> int:
    """What the block, which a signal ends, makes the process end with."""
    try:
        with interruptible():
            block()
    except Interrupted as ended:
        return ended.exit_code
    return 0


def test_a_library_that_raises_its_own_keyboard_interrupt_hides_nothing() -> None:
    def block() -> None:
        with contextlib.suppress(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGTERM)
        raise KeyboardInterrupt

    assert exit_code_of(block) == 143


def test_the_second_signal_is_not_held_up() -> None:
    handlers = []

    def block() -> None:
        with contextlib.suppress(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGTERM)
        handlers.append(signal.getsignal(signal.SIGINT))
        check_interrupted()

    assert exit_code_of(block) == 143
    assert handlers == [signal.SIG_DFL]


@pytest.mark.parametrize("ignored", [(), ENDING])
def test_another_thread_can_end_the_block_with_an_error(
    ignored: tuple[signal.Signals, ...],
) -> None:
    """Also where all signals are ignored."""
    before = {number: signal.signal(number, signal.SIG_IGN) for number in ignored}
    said: list[bool] = []

    def block() -> None:
        threading.Timer(0.05, lambda: said.append(end_with(StorageError("it is gone")))).start()
        time.sleep(30)

    try:
        with pytest.raises(StorageError, match="it is gone"):
            exit_code_of(block)
        assert said == [True]
        assert exit_code_of(lambda: None) == 0, "nothing is left of it"
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@pytest.mark.parametrize("number", ENDING)
def test_a_signal_that_is_ignored_stays_so(number: signal.Signals) -> None:
    before = signal.signal(number, signal.SIG_IGN)
    try:

        def block() -> None:
            os.kill(os.getpid(), number)
            assert signal.getsignal(number) is signal.SIG_IGN
            other = next(one for one in ENDING if one != number)
            with contextlib.suppress(KeyboardInterrupt):
                os.kill(os.getpid(), other)
            os.kill(os.getpid(), number)  # after the first signal all others end it at once

        assert exit_code_of(block) == 0
        assert signal.getsignal(number) is signal.SIG_IGN
    finally:
        signal.signal(number, before)


def test_a_handler_of_c_code_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    real = signal.getsignal
    monkeypatch.setattr(signal, "getsignal", lambda n: None if n == signal.SIGTERM else real(n))
    with interruptible():
        assert real(signal.SIGTERM) is signal.SIG_DFL
        with held_back():
            pass
        assert real(signal.SIGINT) is not signal.default_int_handler


def test_an_error_that_an_interruption_became_is_the_interruption() -> None:
    def block() -> None:
        with contextlib.suppress(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGTERM)
        raise ImportError("initialization failed")

    assert exit_code_of(block) == 143
    with pytest.raises(ImportError), interruptible():
        raise ImportError("for another reason")


class Deleted:
    """Is interrupted where Python can raise nothing."""

    def __del__(self) -> None:
        os.kill(os.getpid(), signal.SIGTERM)


def test_an_interruption_that_python_drops_comes_again(capfd: pytest.CaptureFixture[str]) -> None:
    def block() -> None:
        one = Deleted()
        del one
        time.sleep(30)

    assert exit_code_of(block) == 143
    assert capfd.readouterr() == ("", "")


def test_no_library_takes_a_signal() -> None:
    libc, ran = ctypes.CDLL(None), []
    before = signal.getsignal(signal.SIGUSR1)
    with contextlib.suppress(Interrupted), interruptible():
        with handlers_kept():
            taken = signal.getsignal(signal.SIGTERM)
            for number in (signal.SIGTERM, signal.SIGUSR1):
                signal.signal(number, lambda *_: None)
            with held_back():
                libc.signal(signal.SIGTERM, ctypes.c_void_p(1))  # as C code does: SIG_IGN
                subprocess.run(
                    [sys.executable, "-c", "import os; os.kill(os.getpid(), 15)"],
                    preexec_fn=lambda: None,
                    check=False,
                )
                ran.append("child")
            assert signal.getsignal(signal.SIGTERM) is taken
            os.kill(os.getpid(), signal.SIGTERM)
        ran.append("not interrupted")
    assert ran == ["child"]
    assert signal.getsignal(signal.SIGUSR1) is before


def test_what_is_held_back_interrupts_all_the_same(tmp_path: Path) -> None:
    """In a child: it has one thread, and a signal that one thread blocks goes to another."""

    def held_until(wait_s: float) -> int:
        def block() -> None:
            with held_back():
                os.kill(os.getpid(), signal.SIGTERM)
                print("on", flush=True)
                time.sleep(wait_s)
            print("too far")

        ended = exit_code_of(block)
        assert signal.SIGTERM not in signal.sigpending()
        return ended

    output = tmp_path / "output"
    for wait_s in (0, 600):
        assert in_child(lambda: held_until(wait_s), output)[1] == 143  # noqa: B023
        assert output.read_text() == "on\n"
