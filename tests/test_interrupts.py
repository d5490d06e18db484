"""Verbs and scripts as processes of their own: interrupted, asked at a terminal, without a reader.

What is loaded while a signal comes, and what Python does at its end, is seen only here.
"""

from __future__ import annotations

import os
import pty
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.report.report_cases import make_ledger, record
from tests.test_process import FIRST, calls, without_reader

ROOT = Path(__file__).parents[1]
SCRIPTS = sorted(path.name for path in (ROOT / "analysis").glob("*.py"))
MOMENTS_S = (0.0, 0.3, 1.0)
"""Seconds after the process has taken its signals."""

SPACE = """\
name: small
preset: digits
set: {epochs: 40, pretrain_epochs: 1}
grid: {C: [5, 10]}
seeds: [0]
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("verbs")
    (place / "small.yaml").write_text(SPACE)
    make_ledger(place / "results", record({"C": [1, 5]}, [0, 1]), epochs=3)
    return place


def command(name: str, folder: Path) -> list[str]:
    """The command line of a verb, or of a script of `analysis`."""
    if name in SCRIPTS:
        return [sys.executable, str(ROOT / "analysis" / name), str(folder / "results" / "c_tau")]
    return [sys.executable, "-m", "lps_sweep", *calls(folder)[name]]


def takes_signals(process: subprocess.Popen[str]) -> bool:
    """Whether the process handles SIGHUP, as Python by itself does not."""
    status = Path(f"/proc/{process.pid}/status").read_text()
    (line,) = (line for line in status.splitlines() if line.startswith("SigCgt"))
    return bool(int(line.split()[1], 16) >> (signal.SIGHUP - 1) & 1)


def interrupted(asked: Sequence[str], number: signal.Signals, after_s: float) -> tuple[int, str]:
    """The exit status of a command that gets a signal, and what it printed on standard error."""
    with subprocess.Popen(
        asked, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, cwd=ROOT
    ) as process:
        while process.poll() is None and not takes_signals(process):
            time.sleep(0.002)
        time.sleep(after_s)
        process.send_signal(number)
        _, error = process.communicate(timeout=60)
    return process.returncode, error


@pytest.mark.slow
@pytest.mark.fault
@pytest.mark.parametrize("name", [*FIRST, *SCRIPTS])
def test_a_signal_at_any_moment_leaves_no_traceback(name: str, folder: Path) -> None:
    seen = set()
    numbers = (signal.SIGINT, signal.SIGTERM)
    for place, after_s in enumerate(MOMENTS_S):
        number = numbers[place % 2]
        code, error = interrupted(command(name, folder), number, after_s)
        assert "Traceback" not in error, error
        assert len(error.splitlines()) <= 1, error
        seen.add(code if code not in (128 + number, -number) else "interrupted")
    assert "interrupted" in seen
    assert seen <= {"interrupted", 0, 4, 5}, "or it was done before"


@pytest.mark.slow
@pytest.mark.parametrize("name", ["status", "sensitivity.py"])
def test_without_a_reader_the_process_ends_quietly(name: str, folder: Path) -> None:
    with without_reader() as nowhere:
        ended = subprocess.run(
            command(name, folder), stdout=nowhere, stderr=subprocess.PIPE, text=True, cwd=ROOT
        )
    assert (ended.returncode, ended.stderr) == (141, "")


def sleeps(pid: int) -> bool:
    """Whether a process waits for something."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "S"


def answered(what: bytes, arguments: Sequence[str]) -> tuple[int, str]:
    """The exit status of a command at a terminal where `what` is typed, and what it printed."""
    pid, master = pty.fork()
    if pid == 0:
        # Not in this process: pytest has loaded readline, which drops what is typed early.
        os.execv(sys.executable, [sys.executable, "-m", "lps_sweep", *arguments])
    shown = b""
    while True:
        try:
            shown += os.read(master, 4096)
        except OSError:
            break
        if b"[y/N]" in shown and what:
            while not sleeps(pid):  # a signal on the way to reading would wait for what is typed
                time.sleep(0.01)
            os.write(master, what)
            what = b""
    os.close(master)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), shown.decode(errors="replace")


@pytest.mark.parametrize(("typed", "code"), [(b"\x04", 6), (b"\xff\n", 6), (b"\x03", 130)])
def test_a_question_can_be_left_open(typed: bytes, code: int, folder: Path, tmp_path: Path) -> None:
    asked = ["run", str(folder / "small.yaml"), "--inline", "--ask-above=trials=1"]
    ended, shown = answered(typed, [*asked, "--results", str(tmp_path / "r")])
    assert ended == code, shown
    assert "Traceback" not in shown
    assert not (tmp_path / "r").exists()
