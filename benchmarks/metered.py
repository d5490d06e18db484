"""A whole command with the CPU time of every process below it, Ray's workers included.

``python -m benchmarks.metered FILE COMMAND ...`` writes what it took to FILE as JSON. The command
runs below a process that adopts what is orphaned and waits for it, so that the system adds its time
up. Children of a process that ignores their end, as Ray's raylet does, are added up by nobody: they
are looked at every `INTERVAL_S`, and what such a child used behind the last look is lost. It needs
Linux.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

INTERVAL_S = 0.2

GRACE_S = 20.0
"""Seconds in which all that the command has left behind may end by itself; it counts as well."""

ADOPT = 36
"""PR_SET_CHILD_SUBREAPER of prctl(2)."""

TICKS = os.sysconf("SC_CLK_TCK")
PROC = Path("/proc")


@dataclass(frozen=True)
class Used:
    """What a command took.

    Attributes:
        code: Its exit code.
        wall_s: From its start to its end.
        cpu_s: User and system time of all its processes.
        unwaited_s: The part of `cpu_s` that was found by looking.
    """

    code: int
    wall_s: float
    cpu_s: float
    unwaited_s: float


@dataclass(frozen=True)
class Seen:
    """A process at a look: its parent, its seconds with those of children that were waited for."""

    parent: int
    started: int
    seconds: float


def metered(
    command: Sequence[str], file: Path, environment: Mapping[str, str] | None = None
) -> Used:
    """Runs `command`, with its output in `file` with the ending ``.log``.

    Raises:
        RuntimeError: It ended with another code than 0; tells the end of its output.
    """
    with file.with_suffix(".log").open("wb") as log:
        subprocess.run(
            [sys.executable, "-m", "benchmarks.metered", str(file), *command],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            check=True,
        )
    used = Used(**json.loads(file.read_text(encoding="utf-8")))
    if used.code:
        end = file.with_suffix(".log").read_text(encoding="utf-8", errors="replace")[-2000:]
        raise RuntimeError(f"{' '.join(command)} ended with code {used.code}: {end}")
    return used


class Lost:
    """Adds up the seconds of processes that nobody waits for.

    Attributes:
        seconds: Of those that have ended.
    """

    def __init__(self) -> None:
        self.seconds = 0.0
        self._known: dict[int, Seen] = {}

    def look(self, tree: Mapping[int, Seen]) -> None:
        """Takes down the processes of which the parent ignores the end."""
        for pid, before in self._known.items():
            if pid not in tree or tree[pid].started != before.started:
                self.seconds += before.seconds
        self._known = {pid: seen for pid, seen in tree.items() if _ignores_children(seen.parent)}


def processes_below(root: int) -> dict[int, Seen]:
    """All processes that descend from `root`, itself left out."""
    everything: dict[int, Seen] = {}
    for folder in PROC.iterdir():
        if folder.name.isdigit():
            with contextlib.suppress(OSError, ValueError, IndexError):
                fields = (folder / "stat").read_text().rpartition(")")[2].split()
                seconds = sum(map(int, fields[11:15])) / TICKS
                everything[int(folder.name)] = Seen(int(fields[1]), int(fields[19]), seconds)
    found: dict[int, Seen] = {}
    while more := {
        pid: seen
        for pid, seen in everything.items()
        if pid not in found and (seen.parent == root or seen.parent in found)
    }:
        found |= more
    return found


def _ignores_children(pid: int) -> bool:
    with contextlib.suppress(OSError, IndexError, ValueError):
        text = (PROC / str(pid) / "status").read_text().partition("SigIgn:")[2]
        return bool(int(text.split()[0], 16) >> (signal.SIGCHLD - 1) & 1)
    return False


def main(file: str, *command: str) -> int:
    """Runs `command`, waits for all that it has left behind, and writes down what it took."""
    ctypes.CDLL(None, use_errno=True).prctl(ADOPT, 1, 0, 0, 0)
    lost, started = Lost(), time.monotonic()
    process = subprocess.Popen(command)
    while process.returncode is None:
        lost.look(processes_below(os.getpid()))
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(INTERVAL_S)
    wall = time.monotonic() - started
    while tree := processes_below(os.getpid()):
        lost.look(tree)
        over = time.monotonic() - started - wall > GRACE_S
        for pid, seen in tree.items():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL if over else 0)
            if seen.parent == os.getpid():
                os.waitpid(pid, os.WNOHANG)
        time.sleep(INTERVAL_S)
    lost.look({})
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    waited = usage.ru_utime + usage.ru_stime
    used = Used(process.returncode, wall, waited + lost.seconds, lost.seconds)
    Path(file).write_text(json.dumps(asdict(used)), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
