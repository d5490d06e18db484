"""Sweeps of a first visit to a GPU: killed and resumed, in halves of it, resumed on the CPU."""

from __future__ import annotations

import importlib.util
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from benchmarks.frame import SkipError
from lps_sweep.errors import BadInputError
from lps_sweep.results import Ledger
from lps_sweep.train import usable_gpus

SPACE = """
name: visit
preset: digits
set: {epochs: EPOCHS, pretrain_epochs: 1}
grid: {C: [1, 5, 10, 20]}
seeds: [0]
resources: {checkpoint_interval_s: 0, max_pack_size: 2, gpus_per_pack: GPUS}
"""

EPOCHS = 8
FAR_S = 120.0
"""Seconds in which a sweep has to come far enough to be killed."""

UNLIKE = {"peak_memory_mb"}
"""Metrics that are not those of the training."""

Metrics = Mapping[str, Mapping[str, Any]]


def resumed(folder: Path) -> str:
    """A sweep in one process, killed once and gone on with, ends as one left alone: to the bit."""
    gpus = usable_gpus().number
    whole, killed = folder / "whole", folder / "killed"
    run(whole, min(1, gpus))
    killed_at = kill(killed, min(1, gpus))
    run(killed, min(1, gpus))
    check_equal(whole, killed)
    return f"killed at {killed_at}: all final metrics are equal to the bit, {device(gpus)}"


def halves(folder: Path) -> str:
    """Two packs at a time under Ray, on a GPU in halves of it, end as in one process."""
    if importlib.util.find_spec("ray") is None:
        raise SkipError("ray is not installed: skipped")
    gpus = usable_gpus().number
    run(folder / "whole", min(1, gpus))
    run(folder / "halves", 0.5 if gpus else 0, inline=False)
    check_equal(folder / "whole", folder / "halves")
    return f"under Ray: all final metrics are equal to the bit, {device(gpus, 'half of ')}"


def elsewhere(folder: Path) -> str:
    """A sweep that was killed on a GPU goes on without one, and ends about the same."""
    gpus = usable_gpus().number
    killed_at = kill(folder / "elsewhere", min(1, gpus))
    run(folder / "elsewhere", 0)
    run(folder / "whole", min(1, gpus))
    there, here = (
        ", ".join(f"{metrics['acc_all']:.1f}" for metrics in metrics_of(folder / name).values())
        for name in ("whole", "elsewhere")
    )
    return f"killed at {killed_at}, {device(gpus)}; left alone {there}, ended on the CPU {here}"


def device(gpus: int, part: str = "") -> str:
    """Where it was."""
    return f"on {part}a GPU" if gpus else "on the CPU, for there is no GPU"


def command(results: Path, gpus: float, inline: bool) -> list[str]:
    """The sweep, each pack with so many GPUs."""
    results.parent.mkdir(parents=True, exist_ok=True)
    file = results.parent / f"{results.name}-{gpus}.yaml"
    file.write_text(SPACE.replace("EPOCHS", str(EPOCHS)).replace("GPUS", str(gpus)))
    asked = [sys.executable, "-m", "lps_sweep", "run", str(file), "--results", str(results)]
    return [*asked, *(["--inline"] if inline else [])]


def run(results: Path, gpus: float, *, inline: bool = True) -> None:
    """Runs the sweep to its end.

    Raises:
        RuntimeError: It did not come there.
    """
    ended = subprocess.run(command(results, gpus, inline), capture_output=True, text=True)
    print(ended.stdout[-2000:], ended.stderr[-2000:])
    if ended.returncode:
        raise RuntimeError(f"the sweep ended with {ended.returncode}")


def kill(results: Path, gpus: float) -> str:
    """Begins the sweep anew and kills it in the middle of a pack; how far it had come."""
    shutil.rmtree(results, ignore_errors=True)
    late = time.monotonic() + FAR_S
    with subprocess.Popen(command(results, gpus, True), stdout=subprocess.DEVNULL) as process:
        while process.poll() is None and epochs_in(results) < 3 * 2 and time.monotonic() < late:
            time.sleep(0.05)
        process.send_signal(signal.SIGKILL)
    done = epochs_in(results)
    if process.returncode != -signal.SIGKILL or not 3 * 2 <= done < 4 * EPOCHS:
        raise RuntimeError(f"killed after {done} epochs, exit status {process.returncode}")
    return f"{done} of {4 * EPOCHS} epochs"


def epochs_in(results: Path) -> int:
    """Epochs that are recorded; none while the ledger is being made."""
    try:
        with Ledger.open(results) as ledger:
            return len(ledger.epoch_rows("visit"))
    except BadInputError:
        return 0


def metrics_of(results: Path) -> Metrics:
    """The final metrics of each trial.

    Raises:
        RuntimeError: Not all are done.
    """
    with Ledger.open(results) as ledger:
        rows = ledger.trial_rows("visit", False)
    if [row.status for row in rows] != ["done"] * 4:
        raise RuntimeError(f"not all are done: {[row.status for row in rows]}")
    return {row.trial_id: row.metrics for row in rows}


def check_equal(first: Path, second: Path) -> None:
    """Raises a RuntimeError that names the final metrics that are not equal to the bit."""
    ours, theirs = metrics_of(first), metrics_of(second)
    names = sorted({name for trial in ours.values() for name in trial} - UNLIKE)
    apart = [n for n in names if any(m.get(n) != theirs[t].get(n) for t, m in ours.items())]
    if apart or not names:
        raise RuntimeError(f"these differ in {second.name}: {', '.join(apart)}")


SWEEPS: dict[str, Callable[[Path], str]] = {
    "resumed": resumed,
    "halves": halves,
    "elsewhere": elsewhere,
}
