"""A sweep as trackers are told of it, read from the ledger."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from lps_sweep.results import Json, Ledger, SweepRecord, driver_alive
from lps_sweep.results.labels import labelled
from lps_sweep.results.records import STATUSES


@dataclass(frozen=True)
class TrialHistory:
    """A trial as far as it has come.

    Attributes:
        trial_id: Hash of what runs; the run's identity in every tool.
        sweep: Name of the sweep.
        name: Swept values and seed, for people.
        swept: The swept values; None where one is left out.
        seed: Its seed.
        config: All resolved values by flat name, and the seed.
        status: done, stopped, failed, diverged, running or not_run.
        epochs: Metrics after each recorded epoch, by epoch from 1, ascending. Metrics that need
            the hidden labels are called ``oracle.<name>``; numbers that are not there are left out.
        final: Metrics of a trial that is done, else empty.
        seconds: Of its epochs, of all attempts.
    """

    trial_id: str
    sweep: str
    name: str
    swept: Mapping[str, Json]
    seed: int
    config: Mapping[str, Json]
    status: str
    epochs: Mapping[int, Mapping[str, float]]
    final: Mapping[str, float]
    seconds: float

    @property
    def ended(self) -> bool:
        """Whether it has an outcome."""
        return self.status in STATUSES


@dataclass(frozen=True)
class SweepHistory:
    """A sweep as last planned, with all planned trials in plan order."""

    record: SweepRecord
    folder: Path
    trials: list[TrialHistory]

    @property
    def begun(self) -> list[TrialHistory]:
        """The trials that have begun, in plan order."""
        return [trial for trial in self.trials if trial.status != "not_run" or trial.epochs]


def read_history(folder: Path, sweep: str) -> SweepHistory:
    """The sweep in the results folder, at any time, also during a run.

    Raises:
        BadInputError: There is no ledger, or no sweep of this name.
        StorageError: The ledger cannot be read.
    """
    alive = driver_alive(folder)
    with Ledger.open(folder) as ledger, ledger.snapshot():
        record = ledger.record(sweep)
        rows, epochs = ledger.trial_rows(sweep, alive), ledger.epoch_rows(sweep)
    curves: dict[str, dict[int, dict[str, float]]] = {}
    for epoch in epochs:
        curves.setdefault(epoch.trial_id, {})[epoch.epoch] = labelled(epoch.metrics)
    trials = []
    for row in rows:
        swept = {name: row.swept.get(name) for name in record.axes}
        values = [f"{name}={value}" for name, value in swept.items() if value is not None]
        trial = TrialHistory(
            trial_id=row.trial_id,
            sweep=sweep,
            name=" ".join([*values, f"seed={row.seed}"]),
            swept=swept,
            seed=row.seed,
            config={**row.config, "seed": row.seed},
            status=row.status,
            epochs=curves.get(row.trial_id, {}),
            final=labelled(row.metrics),
            seconds=row.seconds,
        )
        trials.append(trial)
    return SweepHistory(record, folder, trials)
