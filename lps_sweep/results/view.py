"""A sweep as tidy frames: one row per trial, one row per trial and epoch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from lps_sweep.results.ledger import Ledger
from lps_sweep.results.lock import driver_alive
from lps_sweep.results.records import (
    Attempt,
    Counts,
    EpochRow,
    FileRef,
    Json,
    Repeats,
    SweepRecord,
    TrialRow,
)
from lps_sweep.results.stops import Stop

MAIN_METRICS = ("acc_seen", "acc_novel", "acc_all", "acc_novel_strict", "nmi_novel")
"""Metrics that both frames always have, in this order, before all others."""


@dataclass(frozen=True, eq=False)
class SweepView:
    """All that tables, figures and report are made of, read in one transaction.

    Attributes:
        record: The sweep as last planned.
        trials: One row per planned trial in plan order: trial_id, status, seed, a column for each
            swept parameter, final metrics (NaN unless the status is "done"), attempts, seconds
            (epochs of all attempts added up), error.
        epochs: One row per planned trial and epoch, of the newest attempt that reached it:
            trial_id, seed, a column for each swept parameter, epoch, metrics, seconds. Trials
            without an outcome are here as well.
        counts: Planned trials by state.
        provenance: The different provenances of the attempts, in the order of first use.
        digest: Changes exactly when anything above does.
        artefacts: Artefact of each finished trial that left one, by trial_id.
        configs: Resolved flat configuration of each planned trial, by trial_id; the seeds of a
            point share one.
        attempts: When and where the begun attempts were trained, by their begin; of a ledger that
            an older version wrote, none.
        repeats: Epochs trained more than once, and whether they gave the same numbers.
        stops: Why a rule ended a trial, by trial_id.
        folder: The results folder, in which the artefacts lie.

    A list among the swept values is a tuple in the frames. A metric with the name of a column that
    comes before it (a swept `lr`, for instance) is called ``measured_<name>``.
    """

    record: SweepRecord
    trials: pd.DataFrame
    epochs: pd.DataFrame
    counts: Counts
    provenance: list[dict[str, Json]]
    digest: str
    artefacts: dict[str, FileRef]
    configs: dict[str, dict[str, Json]]
    attempts: list[Attempt]
    repeats: Repeats
    stops: dict[str, Stop]
    folder: Path


def load_view(results_dir: Path, sweep: str) -> SweepView:
    """Read `sweep` from the ledger of `results_dir`, at any time, also during a run.

    Raises:
        BadInputError: There is no ledger, or no sweep of this name.
        StorageError: The ledger cannot be read.
    """
    alive = driver_alive(results_dir)
    with Ledger.open(results_dir) as ledger, ledger.snapshot():
        record = ledger.record(sweep)
        trials = ledger.trial_rows(sweep, alive)
        return SweepView(
            record=record,
            trials=_trials_frame(trials, list(record.axes)),
            epochs=_epochs_frame(ledger.epoch_rows(sweep), trials, list(record.axes)),
            counts=ledger.counts(sweep, alive),
            provenance=ledger.provenance(sweep),
            digest=ledger.digest(sweep, alive),
            artefacts={row.trial_id: row.artefact for row in trials if row.artefact},
            configs={row.trial_id: row.config for row in trials},
            attempts=ledger.begun_attempts(sweep),
            repeats=ledger.repeats(sweep),
            stops={row.trial_id: row.stop for row in trials if row.stop},
            folder=results_dir,
        )


def _trials_frame(rows: Sequence[TrialRow], axes: Sequence[str]) -> pd.DataFrame:
    before: dict[str, list[Any]] = {
        "trial_id": [row.trial_id for row in rows],
        "status": [row.status for row in rows],
        "seed": [row.seed for row in rows],
        **_swept_columns(rows, axes),
    }
    after: dict[str, list[Any]] = {
        "attempts": [row.attempts for row in rows],
        "seconds": [row.seconds for row in rows],
        "error": [row.error for row in rows],
    }
    metrics = _metric_columns([row.metrics for row in rows], taken={*before, *after})
    return pd.DataFrame({**before, **metrics, **after})


def _epochs_frame(
    rows: Sequence[EpochRow], trials: Sequence[TrialRow], axes: Sequence[str]
) -> pd.DataFrame:
    by_id = {trial.trial_id: trial for trial in trials}
    owners = [by_id[row.trial_id] for row in rows]
    before: dict[str, list[Any]] = {
        "trial_id": [row.trial_id for row in rows],
        "seed": [owner.seed for owner in owners],
        **_swept_columns(owners, axes),
        "epoch": [row.epoch for row in rows],
    }
    seconds = {"seconds": pd.Series([row.seconds for row in rows], dtype="float64")}
    metrics = _metric_columns([row.metrics for row in rows], taken={*before, *seconds})
    return pd.DataFrame({**before, **metrics, **seconds})


def _swept_columns(rows: Sequence[TrialRow], axes: Sequence[str]) -> dict[str, list[Any]]:
    return {name: [_hashable(row.swept.get(name)) for row in rows] for name in axes}


def _hashable(value: Json) -> Any:
    return tuple(_hashable(item) for item in value) if isinstance(value, list) else value


def _metric_columns(
    rows: Sequence[dict[str, float | None]], taken: set[str]
) -> dict[str, pd.Series[float]]:
    others = sorted({name for row in rows for name in row} - set(MAIN_METRICS))
    return {
        f"measured_{name}" if name in taken else name: pd.Series(
            [row.get(name) for row in rows], dtype="float64"
        )
        for name in (*MAIN_METRICS, *others)
    }
