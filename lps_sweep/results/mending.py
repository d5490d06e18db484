"""The writes of a repair: each in one durable commit."""

from __future__ import annotations

import sqlite3

from lps_sweep.errors import StorageError
from lps_sweep.results.ledger import Ledger
from lps_sweep.results.records import CheckpointRecord
from lps_sweep.results.sidecars import Sidecar, agree, insert_rows


def restore(ledger: Ledger, sidecar: Sidecar) -> None:
    """Puts the rows of a sidecar in the place of all that is recorded of its trial.

    Raises:
        StorageError: The rows are not those of a trial, or cannot be written.
    """
    with ledger.transaction():
        try:
            insert_rows(ledger._connection, sidecar)
            recorded = ledger.sidecar(sidecar.trial_id)
        except (sqlite3.Error, OverflowError, ValueError, TypeError, AttributeError) as error:
            raise StorageError(f"{sidecar.path} holds no rows of a trial: {error}") from error
        if recorded is None or not agree(sidecar, recorded):
            raise StorageError(f"{sidecar.path} holds what no ledger does")


def lose_artefact(ledger: Ledger, trial_id: str, reason: str) -> None:
    """Keeps the outcome of a trial, and records why its artefact is gone."""
    with ledger.transaction():
        ledger._execute(
            "UPDATE outcomes SET artefact_path = NULL, artefact_sha256 = NULL, error = ?"
            " WHERE trial_id = ?",
            (reason, trial_id),
        )


def lose_checkpoint(ledger: Ledger, record: CheckpointRecord) -> None:
    """Forgets a checkpoint whose files are gone or damaged."""
    with ledger.transaction():
        ledger._execute(
            "DELETE FROM checkpoints WHERE trial_id = ? AND attempt = ? AND epoch = ?",
            (record.trial_id, record.attempt, record.epoch),
        )
