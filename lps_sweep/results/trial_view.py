"""All that is recorded of one trial, read without pandas."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from lps_sweep.errors import BadInputError
from lps_sweep.results.reader import LedgerReader
from lps_sweep.results.records import Attempt, EpochRow, FileRef, Json, Metrics


@dataclass(frozen=True)
class Membership:
    """A sweep that plans the trial, or once did, and the trial's values of what it varies."""

    sweep: str
    swept: dict[str, Json]
    planned: bool


@dataclass(frozen=True)
class TrialView:
    """One trial.

    Attributes:
        trial_id: Its identity.
        seed: Its seed.
        pack_key: What it shares with the trials that it may be packed with.
        state: ``done``, ``stopped``, ``failed``, ``diverged``, ``running`` or ``not_run``.
        config: All values, by flat name.
        sweeps: Where it is or was planned.
        attempts: Oldest first.
        epochs: In order.
        metrics: The final ones of a trial that is done; else those of its last epoch.
        error: Why it failed.
        artefact: The file of its final predictions.
        checkpoint: Its newest checkpoint.
    """

    trial_id: str
    seed: int
    pack_key: str
    state: str
    config: dict[str, Json]
    sweeps: list[Membership]
    attempts: list[Attempt]
    epochs: list[EpochRow]
    metrics: Metrics
    error: str
    artefact: FileRef | None
    checkpoint: FileRef | None


def trial_view(ledger: LedgerReader, prefix: str, driver_alive: bool) -> TrialView:
    """All that `ledger` has of the trial whose id begins with `prefix`.

    Raises:
        BadInputError: No trial's id begins so, or several trials' do.
    """
    with ledger.snapshot():
        trial_id = _trial_id(ledger, prefix)
        record = ledger.trial(trial_id)
        attempts, epochs = ledger.attempts(trial_id), ledger.epochs_of(trial_id)
        outcomes = ledger.records("SELECT * FROM outcomes WHERE trial_id = ?", trial_id)
        checkpoints = ledger.checkpoints(trial_id)
        sweeps = ledger.records(
            "SELECT p.sweep, p.swept, p.position IS NOT NULL AS planned FROM planned p"
            " JOIN sweeps s ON s.name = p.sweep WHERE p.trial_id = ? ORDER BY s.number",
            trial_id,
        )
        artefact = ledger.artefact(trial_id)
    is_open = any(attempt.begun and not attempt.ended for attempt in attempts)
    outcome: dict[str, Any] = outcomes[0] if outcomes else {"status": None, "error": ""}
    last = epochs[-1].metrics if epochs else {}
    return TrialView(
        trial_id=trial_id,
        seed=record.seed,
        pack_key=record.pack_key,
        state=outcome["status"] or ("running" if is_open and driver_alive else "not_run"),
        config=record.config,
        sweeps=[Membership(s["sweep"], s["swept"], bool(s["planned"])) for s in sweeps],
        attempts=attempts,
        epochs=epochs,
        metrics=outcome["metrics"] if outcome["status"] == "done" else last,
        error=outcome["error"],
        artefact=artefact,
        checkpoint=checkpoints[0].member if checkpoints else None,
    )


def _trial_id(ledger: LedgerReader, prefix: str) -> str:
    query = (
        "SELECT trial_id FROM trials WHERE substr(trial_id, 1, ?) = ?"
        " ORDER BY trial_id <> ?, trial_id LIMIT 5"
    )
    found = [str(row[0]) for row in ledger.rows(query, len(prefix), prefix, prefix)]
    where = str(ledger.path.parent)
    if not found or not prefix:
        raise BadInputError(f"no trial's id begins with {prefix!r}", where)
    if len(found) > 1 and found[0] != prefix:
        raise BadInputError(f"several trials' ids begin with {prefix!r}: {', '.join(found)}", where)
    return found[0]
