"""Drivers under Ray, each with its tree of processes, and what is to be done to them."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.faults import truth
from tests.faults.fake_train import EPOCH_S, TRUTH
from tests.faults.harness import Case
from tests.faults.recorded import outcomes_of

ROOT = Path(__file__).parents[2]
GRACE_S = 100.0
"""Seconds in which the processes of drivers that are gone have to be gone, too.

Ray's agents try for a minute to tell the dead control service that their raylet is dead.
"""


@dataclass(frozen=True)
class OnRay:
    """How a case is driven.

    Attributes:
        case: The sweep.
        trainer: ``fake`` or ``real``; or ``inline``, a fake one without Ray after all.
        epoch_s: Seconds that an epoch of the fake one takes.
        address: Of a cluster; empty for a session of the driver's own.
        token: The cluster's.
    """

    case: Case
    trainer: str = "fake"
    epoch_s: float = 0.5
    address: str = ""
    token: str = ""

    def environment(self) -> dict[str, str]:
        """Of all processes of the case."""
        path = os.pathsep.join(map(str, (ROOT / "tests/faults/on_workers", ROOT)))
        token = {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": self.token} if self.token else {}
        return {
            **os.environ,
            **token,
            "PYTHONPATH": path,
            "LPS_TRAINER": self.trainer,
            TRUTH: str(self.case.truth),
            EPOCH_S: str(self.epoch_s),
        }

    def command(self) -> list[str]:
        """What Python is given to run the driver."""
        case = self.case
        if self.trainer == "inline":
            files = map(str, (case.space, case.results, case.truth))
            return ["-m", "tests.faults.harness", *files, str(self.epoch_s)]
        options = ["--address", self.address] if self.address else []
        verb = ["run", str(case.space), "--results", str(case.results)]
        return ["-m", "lps_sweep", *verb, *options]

    def start(self) -> Driver:
        """A driver, in a process of its own."""
        return Driver(self)

    def settle(self) -> None:
        """Waits until no process of the case is left, and writes down which are."""
        truth.write(self.case.truth, "left", what=wait_until_gone(self.case.truth))

    def run(self, *, expected: Sequence[int] = (0,), timeout_s: float = 500) -> int:
        """Runs the driver to its end; its exit status."""
        return self.start().end(expected=expected, timeout_s=timeout_s)


class Driver:
    """A driver that runs."""

    def __init__(self, how: OnRay) -> None:
        self._how = how
        case = how.case
        truth.write(case.truth, "run", outcomes=outcomes_of(case.results))
        self._begun = len(truth.read(case.truth))
        self.output = case.truth.with_suffix(".out")
        with self.output.open("wb") as file:
            self.process = subprocess.Popen(
                [sys.executable, *how.command()],
                stdout=file,
                stderr=subprocess.STDOUT,
                cwd=case.truth.parent,
                env=how.environment(),
            )

    @property
    def is_over(self) -> bool:
        """Whether it has ended."""
        return self.process.poll() is not None

    def wait_for(self, count: int, kind: str = "acknowledged", timeout_s: float = 500) -> bool:
        """Waits until so many events have happened since it began; False if it ended before."""
        deadline = time.monotonic() + timeout_s
        while not self.is_over:
            events = truth.read(self._how.case.truth)[self._begun :]
            if sum(event["kind"] == kind for event in events) >= count:
                return True
            assert time.monotonic() < deadline, f"no {kind}: {self.output.read_text()}"
            time.sleep(0.05)
        return False

    def workers(self) -> list[int]:
        """The processes that train."""
        return [pid for pid in descendants(self.process.pid) if is_worker(pid)]

    def kill_a_worker(self, draw: random.Random) -> int:
        """Kills one of them by SIGKILL; how many that were: 1, or 0 where there was none."""
        workers = self.workers()
        if not workers or self.is_over:
            return 0
        os.kill(draw.choice(workers), signal.SIGKILL)
        return 1

    def end(self, *, expected: Sequence[int] = (0,), says: str = "", timeout_s: float = 500) -> int:
        """Waits for its end and that of its processes, and writes down how it was."""
        try:
            self.process.wait(timeout=timeout_s)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        code, file = self.process.returncode, self._how.case.truth
        text = self.output.read_text(errors="replace")
        facts = {"code": code, "expected": list(expected), "says": says, "text": text}
        truth.write(file, "exit", **facts, pid=self.process.pid)
        return code

    def send(self, number: signal.Signals) -> None:
        """Sends a signal to it."""
        self.process.send_signal(number)


def run_straight(folder: Path, epochs: int) -> None:
    """A sweep of the real trainer that nothing disturbs, in `folder`."""
    how = OnRay(Case.at(folder, epochs=epochs), "real")
    how.case.resources(max_pack_size=2, checkpoint_interval_s=0)
    assert how.run() == 0, how.case.truth.with_suffix(".out").read_text()


def wait_until_gone(file: Path) -> list[str]:
    """What still runs for the case with this truth, after a time of grace."""
    deadline = time.monotonic() + GRACE_S
    while (left := list(_processes_of(file))) and time.monotonic() < deadline:
        time.sleep(0.1)
    return left


def descendants(pid: int) -> list[int]:
    """All living processes below `pid`."""
    children: dict[int, list[int]] = {}
    for child in _pids():
        try:
            children.setdefault(_stat(child)[1], []).append(child)
        except OSError:
            continue
    found, open_ = [], [pid]
    while open_:
        below = children.get(open_.pop(), [])
        found += below
        open_ += below
    return found


def is_worker(pid: int) -> bool:
    """Whether it trains: its command line is Ray's name of the Tune actor."""
    return b"ray::ImplicitFunc" in _content(pid, "cmdline")


def command(pid: int) -> str:
    """The command line of a process."""
    return _content(pid, "cmdline").replace(b"\0", b" ").decode(errors="replace").strip()


def _processes_of(file: Path) -> Iterator[str]:
    """Processes that inherited the truth's name, or work in its folder; zombies are gone."""
    mark, folder = f"{TRUTH}={file}".encode(), str(file.parent)
    for pid in _pids():
        try:
            ours = mark in _content(pid, "environ") or folder in command(pid)
            if ours and pid != os.getpid() and _stat(pid)[0] != "Z":
                yield f"{pid} ({command(pid)[:80]})"
        except OSError:
            continue


def _pids() -> list[int]:
    return [int(path.name) for path in Path("/proc").iterdir() if path.name.isdigit()]


def _stat(pid: int) -> tuple[str, int]:
    """State and parent of a process."""
    state, parent = (Path("/proc") / str(pid) / "stat").read_text().rpartition(")")[2].split()[:2]
    return state, int(parent)


def _content(pid: int, name: str) -> bytes:
    try:
        return (Path("/proc") / str(pid) / name).read_bytes()
    except OSError:
        return b""
