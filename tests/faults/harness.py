"""Drivers to kill: the real command line, ledger and driver, with a trainer that trains nothing.

A driver is a forked child of this process (a few milliseconds to start), a process of its own in
all that matters here: it ends by `os._exit` or SIGKILL, and no memory survives it.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from lps_sweep import arguments, cli, failpoints
from lps_sweep.commands import running, training
from lps_sweep.config import flat
from lps_sweep.plan import expand, read_space
from lps_sweep.sweep import driver, executor, outlook, progress, run
from lps_sweep.sweep.content import content_of
from tests.faults import fake_train, truth
from tests.faults.recorded import outcomes_of

DIED = failpoints.EXIT_STATUS
KILLED = -signal.SIGKILL

SPACE = """\
name: faults
preset: digits
set: {epochs: EPOCHS, pretrain_epochs: 1}
grid:
  C: [1, 10]
  tau: [0.2, 0.4]
seeds: [0]
resources: {max_pack_size: 2, checkpoint_interval_s: 1}
"""
"""Four trials in two packs; a checkpoint every second epoch and at the end."""

REDO = 1
"""Acknowledged epochs that a trial may train again: one less than lie between checkpoints."""


@dataclass(frozen=True)
class Case:
    """A sweep to torture: its file, its results folder, the truth about it, and its store if any.

    The results folder is that of the driver; it knows its store once a run has begun.
    """

    space: Path
    results: Path
    truth: Path
    store: str = ""

    @classmethod
    def at(
        cls,
        folder: Path,
        *,
        epochs: int = 3,
        redo: int = REDO,
        seeds: int = 1,
        disk: str = "",
        folds: int = 0,
    ) -> Case:
        """A new case in `folder`, or with its results in `folder`/`disk`; its plan is in the truth.

        Four trials for each seed, and as many again for each of `folds` of the seen classes.
        """
        folder.mkdir(parents=True, exist_ok=True)
        case = cls(folder / "faults.yaml", folder / disk / "results", folder / "truth.jsonl")
        text = SPACE.replace("EPOCHS", str(epochs))
        text += f"selection: {{pseudo_novel: {{folds: {folds}}}}}\n" if folds else ""
        case.space.write_text(text.replace("seeds: [0]", f"seeds: {list(range(seeds))}"))
        trials = 4 * seeds * (1 + folds)
        truth.write(case.truth, "plan", trials=trials, epochs=epochs, redo=redo)
        return case

    def resources(self, **values: float | None) -> None:
        """Other resources than the usual ones."""
        text = ", ".join(f"{name}: {value}" for name, value in values.items())
        lines = [one for one in self.space.read_text().splitlines() if "resources:" not in one]
        self.space.write_text("\n".join([*lines, f"resources: {{{text}}}", ""]))

    def run(
        self,
        failpoint: str = "",
        *,
        expected: tuple[int, ...] = (0,),
        says: str = "",
        kill_after_s: float | None = None,
        epoch_s: float = 0.0,
        separate: bool = False,
        prepare: Callable[[], object] = lambda: None,
    ) -> int:
        """Runs the driver until it ends or is killed; its exit status, negative for a signal.

        `separate` starts a Python of its own in place of a forked child, in which `prepare` is
        called before the driver begins.
        """
        truth.write(self.truth, "run", outcomes=outcomes_of(self.results))
        output = self.truth.with_suffix(".out")

        def drive() -> int:
            failpoints.arm(failpoint)
            return self.drive(epoch_s, prepare)

        if separate:
            pid, code = self._separately(failpoint, output, kill_after_s, epoch_s)
        else:
            pid, code = in_child(drive, output, kill_after_s)
        text = output.read_text()
        truth.write(self.truth, "exit", code=code, expected=expected, says=says, text=text, pid=pid)
        return code

    def drive(self, epoch_s: float, prepare: Callable[[], object] = lambda: None) -> int:
        """The driver itself, in this process; its exit status."""
        sys.modules["lps_sweep.report"] = None  # type: ignore[assignment]
        executor.InlineExecutor = NoTorch  # type: ignore[misc]
        fake_train.install(self.truth, epoch_s)
        prepare()
        folder = ["--results", str(self.results)]
        if self.store:
            folder = ["--results", self.store, "--ledger", str(self.results)]
        return cli.main(["run", str(self.space), "--inline", *folder])

    def _separately(
        self, failpoint: str, output: Path, kill_after_s: float | None, epoch_s: float
    ) -> tuple[int, int]:
        files = (self.space, self.results, self.truth)
        with (
            output.open("wb") as file,
            subprocess.Popen(
                [sys.executable, "-m", "tests.faults.harness", *map(str, files), str(epoch_s)],
                stdout=file,
                stderr=subprocess.STDOUT,
                cwd=Path(__file__).parents[2],
                env={**os.environ, failpoints.VARIABLE: failpoint},
            ) as process,
        ):
            try:
                process.wait(timeout=kill_after_s)
            except subprocess.TimeoutExpired:
                process.kill()
        return process.pid, process.returncode


class NoTorch(executor.InlineExecutor):
    """The executor in the process, on the CPU without asking torch."""

    def __enter__(self) -> NoTorch:
        return self


def in_child(
    work: Callable[[], int], output: Path, kill_after_s: float | None = None
) -> tuple[int, int]:
    """Forks, does `work` there with its output in a file, and waits: process id and exit status."""
    sys.stdout.flush()
    sys.stderr.flush()
    pid = os.fork()
    if pid == 0:
        status = 70
        try:
            with output.open("wb") as file:
                os.dup2(file.fileno(), 1)
                os.dup2(file.fileno(), 2)
            sys.stdout = os.fdopen(1, "w", encoding="utf-8", closefd=False)
            sys.stderr = os.fdopen(2, "w", encoding="utf-8", closefd=False)
            status = work()
        except SystemExit as end:
            status = int(end.code or 0)
        except BaseException:
            import traceback

            traceback.print_exc()
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(status)
    if kill_after_s is not None:
        time.sleep(kill_after_s)
        os.kill(pid, signal.SIGKILL)
    _, ended = os.waitpid(pid, 0)
    return pid, os.waitstatus_to_exitcode(ended)


def passages(case: Case, **options: str) -> list[str]:
    """Runs `case` undisturbed; the failpoints that it came to, in order."""
    listing = case.truth.with_suffix(".passages")

    class Listing:
        def passed(self, name: str) -> None:
            with listing.open("a") as file:
                file.write(f"{name}\n")

    arm, failpoints.arm = failpoints.arm, lambda text: None  # noqa: ARG005
    failpoints._plan = Listing()  # type: ignore[assignment]
    try:
        assert case.run(**options) == 0, case.truth.with_suffix(".out").read_text()  # type: ignore[arg-type]
    finally:
        failpoints.arm = arm
        failpoints._plan = None
    return listing.read_text().split()


def warm_up(folder: Path) -> None:
    """Loads here what each child would load again: the data and their hashes."""
    space = read_space(Case.at(folder).space)
    for trial in expand(space, content_of):
        flat(trial.config)


LOADED = (arguments, training, running, driver, outlook, progress, run)
"""What a child would otherwise load for itself."""

if __name__ == "__main__":
    space, results, known, seconds = sys.argv[1:]
    sys.modules["torch"] = None  # type: ignore[assignment]  # it takes longer than the time limits
    sys.exit(Case(Path(space), Path(results), Path(known)).drive(float(seconds)))
