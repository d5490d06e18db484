from __future__ import annotations

import contextlib
import os
import signal
import threading
import time
from collections.abc import Callable

import pytest

from lps_sweep.errors import StorageError
from lps_sweep.sweep.signals import (
    ENDING,
    Interrupted,
    check_interrupted,
    end_with,
    interruptible,
)


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


def test_a_signal_that_was_swallowed_is_found_again() -> None:
    def block() -> None:
        with contextlib.suppress(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGTERM)
        check_interrupted()

    assert exit_code_of(block) == 143
    check_interrupted()  # nothing is left of it


def test_the_second_signal_is_not_held_up() -> None:
    handlers = []

    def block() -> None:
        with contextlib.suppress(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGTERM)
        handlers.append(signal.getsignal(signal.SIGINT))
        check_interrupted()

    assert exit_code_of(block) == 143
    assert handlers == [signal.SIG_DFL]


def test_another_thread_can_end_the_block_with_an_error() -> None:
    said = []

    def block() -> None:
        thread = threading.Thread(target=lambda: said.append(end_with(StorageError("it is gone"))))
        thread.start()
        time.sleep(30)

    with pytest.raises(StorageError, match="it is gone"):
        exit_code_of(block)
    assert said == [True]
    assert exit_code_of(lambda: None) == 0, "nothing is left of it"


def test_nobody_is_ended_who_is_in_no_such_block() -> None:
    assert not end_with(StorageError("it is gone"))
