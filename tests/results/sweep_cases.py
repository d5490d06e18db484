"""Small sweeps for the tests of the results room."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from lps_sweep.results import CheckpointRecord, FileRef, Ledger, Status, SweepRecord, TrialRecord

METRICS = {"acc_seen": 99.5, "acc_novel": 90.25, "acc_all": 95.0}
PROVENANCE = {"lps_sweep": "0.1.0", "device": "cpu"}


def sweep_record(name: str = "c_tau") -> SweepRecord:
    return SweepRecord(
        name=name,
        question="Does C matter?",
        source="grid:\n  C: [1, 10]  # größer\n",
        axes={"C": [1.0, 10.0]},
        defaults={"C": 10.0},
        settings={"dataset": "digits", "C": 10.0, "frozen_bn": None},
        seeds=[0, 1],
        preset="digits",
    )


def trial_record(trial_id: str, seed: int = 0, C: float = 10.0) -> TrialRecord:
    return TrialRecord(trial_id, {"C": C, "epochs": 5}, seed, "pack-key", {"C": C})


def trials(*trial_ids: str) -> list[TrialRecord]:
    return [trial_record(trial_id, seed) for seed, trial_id in enumerate(trial_ids)]


def planned(folder: Path, *trial_ids: str, sweep: str = "c_tau") -> Ledger:
    ledger = Ledger.open(folder, write=True)
    ledger.record_plan(sweep_record(sweep), trials(*trial_ids))
    return ledger


def start(ledger: Ledger, *trial_ids: str) -> int:
    numbers = set(ledger.start_attempts(trial_ids, "pack", PROVENANCE).values())
    assert len(numbers) == 1
    attempt = numbers.pop()
    assert all(ledger.begin_attempt(trial_id, attempt, {}) for trial_id in trial_ids)
    return attempt


def checkpoint(trial_id: str, attempt: int, epoch: int) -> CheckpointRecord:
    member, run = FileRef(f"checkpoints/m{epoch}", "aa"), FileRef(f"checkpoints/r{epoch}", "bb")
    return CheckpointRecord(trial_id, attempt, epoch, member, run)


def epochs_of(ledger: Ledger, sweep: str = "c_tau") -> list[tuple[str, int]]:
    return [(row.trial_id, row.epoch) for row in ledger.epoch_rows(sweep)]


def run_states(ledger: Ledger, states: Sequence[str]) -> None:
    """Bring trials named like `states` into them, from a plan that holds them all."""
    for state in states:
        if state == "not_run":
            continue
        attempt = start(ledger, state)
        if state in ("stopped", "failed", "diverged"):
            metrics = {"acc_all": 1.0}
            status: Status = state  # type: ignore[assignment]
            assert ledger.finish(state, attempt, status, epoch=1, metrics=metrics)
        elif state == "done":
            assert ledger.finish(state, attempt, "done", epoch=5, metrics=METRICS)
        elif state == "killed":
            ledger.end_attempt(state, attempt, "killed")


def run_python(code: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """What became of `code`, in a process that finds this checkout."""
    return subprocess.run(
        [sys.executable, "-c", code, *arguments],
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
        capture_output=True,
        text=True,
        timeout=60,
    )
