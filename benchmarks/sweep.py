"""B11: a whole small sweep through Ray Tune, in packs against one trial per Tune trial.

The real path: plan, ledger, pre-training, Ray, Tune, rows, checkpoints and artefacts. Wall-clock
time on all cores, Ray's start left out. Every trial must end with the same metrics, to the bit, in
packs, alone, and in this process without Ray. What scheduler and ledger cost is the CPU time of the
driver, which does nothing else, beside the seconds that the trials report for their training.
"""

from __future__ import annotations

import contextlib
import dataclasses
import statistics
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console

from benchmarks.frame import Case, Check, Measurement, Setting, SkipError, Times
from benchmarks.states import difference
from lps_sweep.plan import SearchSpace, read_space
from lps_sweep.results import Ledger
from lps_sweep.sweep.executor import Executor, InlineExecutor
from lps_sweep.sweep.progress import Progress
from lps_sweep.sweep.run import run_sweep

SPACE = """
name: mini
preset: digits
set: {{epochs: {epochs}, pretrain_epochs: 1}}
grid:
  C: [1, 5, 10, 20]
  tau: [{taus}]
seeds: [0, 1]
resources: {{max_pack_size: {largest}}}
"""


@dataclasses.dataclass(frozen=True)
class Sweep:
    """One sweep that was run.

    Attributes:
        metrics: Final metrics by trial id.
        wall_s: Of the sweep, without the start of Ray.
        driver_s: CPU time of the driver in it.
        training_s: What the trials report for their epochs, all together.
    """

    metrics: Mapping[str, Mapping[str, Any]]
    wall_s: float
    driver_s: float
    training_s: float


def space_of(folder: Path, epochs: int, taus: str, largest: int) -> SearchSpace:
    """The search space with packs of `largest` trials at most."""
    path = folder / "mini.yaml"
    path.write_text(SPACE.format(epochs=epochs, taus=taus, largest=largest), encoding="utf-8")
    return read_space(path)


def run(space: SearchSpace, results: Path, executor: Executor) -> Sweep:
    """Runs `space` with an executor that has started already."""
    console = Console(file=(results.parent / "console.txt").open("a", encoding="utf-8"))

    wall, cpu = time.perf_counter(), time.process_time()
    run_sweep(
        space,
        results,
        make_executor=lambda *_, **__: contextlib.nullcontext(executor),  # type: ignore[arg-type]
        make_progress=lambda trials, outcomes: Progress(console, trials, outcomes),
    )
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    console.file.close()
    with Ledger.open(results) as ledger:
        rows = ledger.trial_rows(space.name, driver_alive=False)
        epochs = ledger.epoch_rows(space.name)
    metrics = {row.trial_id: dict(row.metrics or {}) for row in rows if row.status == "done"}
    return Sweep(metrics, wall, cpu, sum(row.seconds or 0.0 for row in epochs))


def measure(setting: Setting) -> Measurement:
    """Runs the sweep in packs, trial by trial, and without Ray."""
    try:
        from lps_sweep.sweep.ray import prepare_environment

        prepare_environment("local")
        from lps_sweep.sweep.ray.executor import RayExecutor
    except ModuleNotFoundError as error:
        raise SkipError(f"{error.name} is not installed") from error
    epochs, taus, pairs = (2, "0.4", 1) if setting.quick else (5, "0.2, 0.4", 3)
    found: dict[str, list[Sweep]] = {"packs": [], "alone": []}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        spaces = {
            side: space_of(folder, epochs, taus, largest)
            for side, largest in (("packs", 8), ("alone", 1))
        }
        inline_space = spaces["packs"]
        inline = run(inline_space, folder / "inline", InlineExecutor(inline_space.resources))
        ray = RayExecutor(inline_space.resources, folder / "ray", folder / "ray.log", "local")
        with ray as executor:
            if not setting.quick:
                run(inline_space, folder / "warm", executor)
            for pair in range(pairs):
                for side in list(spaces) if pair % 2 else list(reversed(spaces)):
                    found[side].append(run(spaces[side], folder / f"{side}{pair}", executor))
    planned = inline_space.num_trials
    times = Times(
        {
            "a Tune trial for each": tuple(sweep.wall_s for sweep in found["alone"]),
            "packs in Ray Tune": tuple(sweep.wall_s for sweep in found["packs"]),
        },
        "wall-clock time",
    )
    facts = {"trials, epochs": [planned, epochs], "workers": executor.num_workers}
    for side, runs in found.items():
        facts |= _overhead(side, runs, planned, epochs)
    sweeps = [*found["packs"], *found["alone"]]
    return times.measurement(checks_of(inline, sweeps, planned), facts)


def checks_of(inline: Sweep, sweeps: Sequence[Sweep], planned: int) -> list[Check]:
    """That all trials are done, and end as they do in one process."""
    first, second = list(inline.metrics.values())[:2]
    return [
        Check.number("trials done", min(len(s.metrics) for s in sweeps), planned),
        Check(
            "difference of any final metric: packs, alone, without Ray",
            max(difference(sweep.metrics, inline.metrics) for sweep in sweeps),
        ),
        Check.above("difference of two trials", difference(first, second), 1e-9),
    ]


def _overhead(side: str, runs: list[Sweep], trials: int, epochs: int) -> dict[str, Any]:
    """What the driver uses, and as what share of the training."""
    driver = statistics.median(sweep.driver_s for sweep in runs)
    training = statistics.median(sweep.training_s for sweep in runs)
    return {
        f"{side}: s of training, all trials": training,
        f"{side}: ms of the driver per trial and epoch": 1000 * driver / trials / epochs,
        f"{side}: percent of the driver in training": 100 * driver / training,
    }


def cases(_: Setting) -> list[Case]:
    """One."""
    return [Case("digits", "a sweep on digits, small_cnn, through Ray Tune", measure)]
