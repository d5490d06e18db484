"""The soak of `tests.faults`: sweep after sweep, with a random fault every 20 seconds."""

from __future__ import annotations

import contextlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path

from tests.faults import disorder, truth
from tests.faults.checker import check
from tests.faults.harness import KILLED, Case, warm_up
from tests.faults.kinds import flip, forgive, repair
from tests.faults.processes import Driver, OnRay
from tests.faults.ray_kinds import kill_service
from tests.faults.usage import Usage

INTERVAL_S = 20.0
SEEDS, SEEDS_ON_RAY, EPOCHS, EPOCH_S = 3, 1, 6, 1.0
LIMIT_S = 8.0
DISK_MB = 48
STORAGE, TERMINATED = 5, 143
SHARE_OF_RAY = 0.1
FAULTS = ("SIGKILL", "SIGTERM", "disk full", "damage", "hang")
FAULTS_OF_RAY = (*FAULTS, "worker SIGKILL", "worker SIGSEGV", "Ray lost")


@dataclass
class Round:
    """One sweep of the soak, and what became of it."""

    number: int
    on_ray: bool
    faults: dict[str, int] = field(default_factory=dict)
    repairs: int = 0
    trials: int = 0
    acknowledged: int = 0
    findings: list[str] = field(default_factory=list)
    seconds: float = 0.0
    usage: dict[str, float] = field(default_factory=dict)


class Soak:
    """A stream of sweeps.

    Args:
        minutes: How long a new sweep may begin; the last one is finished.
        seed: Of all draws.
        folder: For the sweeps; each is removed when it was checked.
        notes: File that takes a line for each.
    """

    def __init__(self, minutes: float, seed: int, folder: Path, notes: Path) -> None:
        self._ends = time.monotonic() + 60 * minutes
        self._draw = random.Random(f"soak {seed}")
        self._folder = folder
        self._notes = notes
        self._next_fault = time.monotonic() + INTERVAL_S
        self.rounds: list[Round] = []

    def run(self) -> list[Round]:
        """Sweeps until the time is over."""
        warm_up(self._folder / "warm")
        straight = {
            seeds: Case.at(self._folder / f"straight-{seeds}", epochs=EPOCHS, seeds=seeds)
            for seeds in (SEEDS, SEEDS_ON_RAY)
        }
        for case in straight.values():
            case.run()
        while time.monotonic() < self._ends:
            number = len(self.rounds)
            round_ = Round(number, self._draw.random() < SHARE_OF_RAY)
            seeds = SEEDS_ON_RAY if round_.on_ray else SEEDS
            with small_disk(self._folder / str(number) / "disk"), Usage(self._folder) as usage:
                self._sweep(round_, straight[seeds], usage, seeds)
            shutil.rmtree(self._folder / str(number))
            round_.usage = usage.figures()
            self.rounds.append(round_)
            with self._notes.open("a", encoding="utf-8") as file:
                file.write(json.dumps(asdict(round_)) + "\n")
            print(line(self.rounds), file=sys.stderr, flush=True)
        return self.rounds

    def _sweep(self, round_: Round, straight: Case, usage: Usage, seeds: int) -> None:
        """One sweep with the faults that fall into its time, and the checker's word on it."""
        started = time.monotonic()
        folder = self._folder / str(round_.number)
        case = Case.at(folder, epochs=EPOCHS, seeds=seeds, disk="disk")
        limits = {"epoch_time_limit_s": LIMIT_S, "max_attempts": 50}
        case.resources(max_pack_size=2, checkpoint_interval_s=1, **limits)
        how = OnRay(case, "fake" if round_.on_ray else "inline", EPOCH_S)
        code = -1
        while code == -1:
            driver = how.start()
            usage.watch(driver.process.pid)
            if not self._due(driver):
                code = driver.end()
                continue
            code = self._strike(round_, case, driver)
        how.settle()
        findings = check(case.truth, case.results, straight.results)
        round_.findings = [f"{found.rule}: {found.fact}" for found in findings]
        events = truth.read(case.truth)
        round_.trials = 4 * seeds
        round_.acknowledged = len(
            {(e["trial"], e["epoch"]) for e in events if e["kind"] == "acknowledged"}
        )
        round_.seconds = time.monotonic() - started

    def _due(self, driver: Driver) -> bool:
        """Waits for the time of the next fault; False if the driver ends before.

        A driver that has just been started gets the time to end an epoch: else a machine that is
        slow to start one would get nowhere.
        """
        driver.wait_for(1, timeout_s=300)
        while not driver.is_over and time.monotonic() < self._next_fault:
            time.sleep(0.1)
        if driver.is_over:
            return False
        self._next_fault = max(self._next_fault + INTERVAL_S, time.monotonic() + INTERVAL_S / 4)
        return True

    def _strike(self, round_: Round, case: Case, driver: Driver) -> int:
        """One fault; the exit status of the driver, or -1 where it is to be started again."""
        fault = self._draw.choice(FAULTS_OF_RAY if round_.on_ray else FAULTS)
        round_.faults[fault] = round_.faults.get(fault, 0) + 1
        if fault == "SIGKILL":
            driver.send(signal.SIGKILL)
            driver.end(expected=(0, KILLED))
        elif fault == "SIGTERM":
            driver.send(signal.SIGTERM)
            driver.end(expected=(0, TERMINATED, -signal.SIGTERM))
        elif fault == "disk full":
            with filled(case.results.parent):
                driver.end(expected=(0, STORAGE))
        elif fault == "damage":
            driver.send(signal.SIGKILL)
            driver.end(expected=(0, KILLED))
            round_.repairs += self._damage(case)
        elif fault == "Ray lost":
            kill_service(driver, self._draw.choice(("gcs_server", "raylet")))
            driver.end(expected=(0, STORAGE))
        elif fault == "worker SIGKILL":
            driver.kill_a_worker(self._draw)
            return self._wait(round_, driver)
        else:
            disorder.plan(case.truth, "SIGSEGV" if fault == "worker SIGSEGV" else "sleep")
            return self._wait(round_, driver)
        return -1

    def _wait(self, round_: Round, driver: Driver) -> int:
        """Lets a driver go on until it ends or the next fault is due, which is then a kill."""
        if not self._due(driver):
            return driver.end()
        round_.faults["SIGKILL"] = round_.faults.get("SIGKILL", 0) + 1
        driver.send(signal.SIGKILL)
        driver.end(expected=(0, KILLED))
        return -1

    def _damage(self, case: Case) -> int:
        """A bit of a file that there is flips, or the ledger is gone; how many repairs that took.

        What was not finished when the damage was done may be trained again from the start.
        """
        ledger = [case.results / f"ledger.sqlite{end}" for end in ("", "-wal", "-shm")]
        files = [path for path in ledger[:2] if path.exists()]
        files += sorted(case.results.glob("checkpoints/*/epoch-*.pt"))
        if files and self._draw.random() < 0.8:
            flip(self._draw.choice(files), self._draw)
        else:
            for path in ledger:
                path.unlink(missing_ok=True)
        forgive(case)
        return repair(case)


@contextlib.contextmanager
def small_disk(folder: Path) -> Iterator[None]:
    """A small disk of its own at `folder`, where that may be mounted; else just a folder."""
    folder.mkdir(parents=True)
    asked = ["mount", "-t", "tmpfs", "-o", f"size={DISK_MB}m,mode=0700", "tmpfs", str(folder)]
    mounted = os.geteuid() == 0 and not subprocess.run(asked, capture_output=True).returncode
    try:
        yield
    finally:
        if mounted:
            subprocess.run(["umount", "-l", str(folder)], check=True)


@contextlib.contextmanager
def filled(disk: Path) -> Iterator[None]:
    """Lets there be no space left on a small disk; does nothing on a large one."""
    filler = disk / "filler"
    if not os.path.ismount(disk):
        yield
        return
    try:
        with contextlib.suppress(OSError), filler.open("wb", buffering=0) as file:
            while True:
                file.write(b"x" * 4096)
        yield
    finally:
        filler.unlink()


def line(rounds: list[Round]) -> str:
    """Where the soak is."""
    last = rounds[-1]
    faults = sum(sum(one.faults.values()) for one in rounds)
    red = sum(bool(one.findings) for one in rounds)
    return (
        f"sweep {last.number}: {last.faults}, {last.seconds:.0f} s; "
        f"so far {faults} faults, {red} sweeps with findings"
    )


def summary(rounds: list[Round]) -> str:
    """The figures of a soak."""
    faults: Counter[str] = Counter()
    for one in rounds:
        faults.update(one.faults)
    findings = [f"sweep {one.number}: {text}" for one in rounds for text in one.findings]
    lines = [
        f"{len(rounds)} sweeps ({sum(one.on_ray for one in rounds)} under Ray), "
        f"{sum(one.trials for one in rounds)} trials, "
        f"{sum(one.acknowledged for one in rounds)} epochs acknowledged",
        f"{faults.total()} faults: " + ", ".join(f"{n} {what}" for what, n in faults.most_common()),
        f"{sum(one.repairs for one in rounds)} repairs; {len(findings)} findings of the checker",
    ]
    for name in rounds[0].usage:
        first, last = _ends([one.usage.get(name, 0.0) for one in rounds])
        lines.append(f"{name}: {first:g} in the first third, {last:g} in the last (medians)")
    return "\n".join([*lines, *findings])


def _ends(values: list[float]) -> tuple[float, float]:
    third = max(1, len(values) // 3)
    return sorted(values[:third])[third // 2], sorted(values[-third:])[third // 2]
