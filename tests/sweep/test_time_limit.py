from __future__ import annotations

import signal
import threading
import time
from pathlib import Path

import pytest

from lps_sweep.sweep.store import Folder
from lps_sweep.sweep.time_limit import EpochTimeoutError, hung_at, time_limit
from tests.own_process import python


def test_a_block_that_takes_too_long_is_ended() -> None:
    before = signal.getsignal(signal.SIGALRM)
    with pytest.raises(EpochTimeoutError, match=r"no epoch ended within 0\.1 s"), time_limit(0.1):
        time.sleep(1000)
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
                time.sleep(1000)
            except EpochTimeoutError:
                rings += 1
    assert rings == 2


@pytest.mark.parametrize("limit_s", [None, 60.0])
def test_a_block_in_time_is_left_alone(limit_s: float | None) -> None:
    with time_limit(limit_s):
        inside = signal.getitimer(signal.ITIMER_REAL)[0]
        time.sleep(0.01)
    assert (0 < inside <= 60) is (limit_s == 60.0)


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


HANGS = """
import ctypes, sys, time
from pathlib import Path
from lps_sweep.sweep.remote import Remote
from lps_sweep.sweep.store import Folder
from lps_sweep.sweep.time_limit import WorkerLimit

store = Remote(sys.argv[1]) if sys.argv[4] == "remote" else Folder(Path(sys.argv[1]))
with WorkerLimit(store, "job", float(sys.argv[2])) as limit:
    for _ in range(2):
        time.sleep(0.1)
        with limit.suspended():
            time.sleep(0.6)
    if sys.argv[3] == "python":
        time.sleep(60)
    if sys.argv[3] == "compiled":
        ctypes.PyDLL(None).sleep(60)
print("done")
"""


def hang(folder: Path, limit_s: float, how: str, kind: str = "folder") -> tuple[int, str]:
    ended = python("-c", HANGS, folder, str(limit_s), how, kind)
    return ended.returncode, ended.stdout


@pytest.mark.parametrize(("how", "kind"), [("python", "remote"), ("compiled", "folder")])
@pytest.mark.slow
def test_a_process_that_hangs_ends_and_says_where(how: str, kind: str, tmp_path: Path) -> None:
    code, output = hang(tmp_path, 0.5, how, kind)
    assert (code, output) == (1, "")
    text = hung_at(Folder(tmp_path), "job", 0.5, patience_s=30.0)
    assert text.startswith("no epoch ended within 0.5 s; the process stood here:")
    assert "line" in text
    assert hung_at(Folder(tmp_path), "job", None) == ""


def test_a_process_in_time_leaves_nothing(tmp_path: Path) -> None:
    assert hang(tmp_path, 0.5, "not") == (0, "done\n")
    assert Folder(tmp_path).names("ray") == []
    assert hung_at(Folder(tmp_path), "job", 0.5) == ""
