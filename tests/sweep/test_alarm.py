from __future__ import annotations

import signal
import threading
import time

import pytest

from lps_sweep.sweep.alarm import EpochTimeoutError, time_limit


def test_a_block_that_takes_too_long_is_ended() -> None:
    before = signal.getsignal(signal.SIGALRM)
    started = time.monotonic()
    with pytest.raises(EpochTimeoutError, match=r"no epoch ended within 0\.1 s"), time_limit(0.1):
        time.sleep(30)
    assert time.monotonic() - started < 5
    assert signal.getsignal(signal.SIGALRM) is before


def test_it_ends_a_loop_that_swallows_all_exceptions() -> None:
    def deaf() -> None:
        while True:
            try:
                time.sleep(0.01)
            except Exception:
                continue

    with pytest.raises(EpochTimeoutError), time_limit(0.1):
        deaf()


def test_it_rings_again() -> None:
    rings = 0
    with time_limit(0.05):
        while rings < 2:
            try:
                time.sleep(30)
            except EpochTimeoutError:
                rings += 1
    assert rings == 2


@pytest.mark.parametrize("limit_s", [None, 60.0])
def test_a_block_in_time_is_left_alone(limit_s: float | None) -> None:
    with time_limit(limit_s):
        inside = signal.getitimer(signal.ITIMER_REAL)[0]
        time.sleep(0.01)
    assert (59 < inside <= 60) is (limit_s == 60.0)


def test_another_thread_has_no_limit() -> None:
    done = []

    def work() -> None:
        with time_limit(0.01):
            time.sleep(0.05)
            done.append(True)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert done == [True]
