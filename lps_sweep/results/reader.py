"""The reading half of the ledger."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Concatenate, ParamSpec, Self, TypeVar

from lps_sweep.errors import StorageError
from lps_sweep.results import queries
from lps_sweep.results.copies import copy_database
from lps_sweep.results.database import storage_errors
from lps_sweep.results.records import (
    AttemptRecord,
    CheckpointRecord,
    Counts,
    FileRef,
    Json,
    SweepRecord,
    TrialRecord,
)
from lps_sweep.results.repeats import Repeats, repeats
from lps_sweep.results.sidecars import Sidecar, rows_of
from lps_sweep.results.stops import Curve, curves, stop_texts
from lps_sweep.results.times import AttemptTimes, attempt_times
from lps_sweep.results.trial_view import TrialView, trial_view
from lps_sweep.results.verify import verify

_P = ParamSpec("_P")
_T = TypeVar("_T")


class LedgerReader:
    """What can be asked of an open ledger."""

    def __init__(self, connection: sqlite3.Connection, path: Path) -> None:
        self.path = path
        self._connection = connection

    def close(self) -> None:
        """Close the database; what was committed stays."""
        with storage_errors(self.path):
            self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    @contextmanager
    def snapshot(self) -> Iterator[None]:
        """All reads of the block see one and the same state, whatever a writer does meanwhile."""
        if self._connection.in_transaction:
            yield
            return
        self._execute("BEGIN")
        try:
            yield
        finally:
            self._execute("ROLLBACK")

    def sweeps(self) -> list[str]:
        """Names of the recorded sweeps, in the order in which they were first planned."""
        return self._read(queries.sweep_names)

    def record(self, sweep: str) -> SweepRecord:
        """The sweep as last planned.

        Raises:
            BadInputError: No sweep has this name; the message gives the nearest one.
        """
        return self._read(queries.sweep_record, self.path, sweep)

    def trial(self, trial_id: str, sweep: str = "") -> TrialRecord:
        """A trial; its swept values are those of `sweep`, and empty where none is named.

        Raises:
            BadInputError: The ledger does not know the trial.
        """
        return self._read(queries.trial_record, self.path, trial_id, sweep)

    def outstanding(self, sweep: str) -> list[str]:
        """Planned trials without an outcome, in plan order."""
        states = self._read(queries.states, sweep, False)
        return [trial_id for trial_id, state in states.items() if state == "not_run"]

    def outcomes(self, sweep: str) -> dict[str, str]:
        """Status of each planned trial that has an outcome, in plan order."""
        states = self._read(queries.states, sweep, False)
        return {trial_id: state for trial_id, state in states.items() if state != "not_run"}

    def outside(self, sweep: str) -> list[str]:
        """Trials that the sweep once planned and no longer does."""
        return self._read(queries.outside, sweep)

    def attempts(self, trial_id: str) -> list[AttemptRecord]:
        """All attempts at a trial, oldest first."""
        return self._read(queries.attempts, trial_id)

    def checkpoints(self, trial_id: str) -> list[CheckpointRecord]:
        """Recorded checkpoints, of the newest epoch first, then of the newest attempt."""
        return self._read(queries.checkpoints, trial_id)

    def artefact(self, trial_id: str) -> FileRef | None:
        """The artefact of a finished trial, if it left one."""
        return self._read(queries.artefact, trial_id)

    def trial_view(self, prefix: str, driver_alive: bool) -> TrialView:
        """All that is recorded of the trial whose id begins with `prefix`.

        Raises:
            BadInputError: No trial's id begins so, or several trials' do.
        """
        return self._read(trial_view, self.path, prefix, driver_alive)

    def counts(self, sweep: str, driver_alive: bool) -> Counts:
        """Planned trials by state; those with an open attempt run only if a driver is alive."""
        return self._read(queries.counts, sweep, driver_alive)

    def digest(self, sweep: str, driver_alive: bool = False) -> str:
        """SHA-256 that changes exactly when what tables and report show of the sweep changes.

        `driver_alive` matters while an attempt is open: the trial is then shown as running.
        """
        return self._read(queries.digest, self.path, sweep, driver_alive)

    def trial_rows(self, sweep: str, driver_alive: bool) -> list[queries.TrialRow]:
        """The planned trials as tables show them, in plan order."""
        return self._read(queries.trial_rows, self.path, sweep, driver_alive)

    def epoch_rows(self, sweep: str) -> list[queries.EpochRow]:
        """One row per planned trial and epoch, of the newest attempt that reached it."""
        return self._read(queries.epoch_rows, self.path, sweep)

    def attempt_times(self, sweep: str) -> list[AttemptTimes]:
        """When and where the begun attempts at planned trials were trained, by their begin."""
        return self._read(attempt_times, sweep)

    def repeats(self, sweep: str) -> Repeats:
        """Whether epochs that were trained again gave the same numbers."""
        return self._read(repeats, self.path, sweep)

    def provenance(self, sweep: str) -> list[dict[str, Json]]:
        """The different provenances of the sweep's attempts, in the order of their first use."""
        return self._read(queries.provenance, self.path, sweep)

    def repeated_epochs(self, sweep: str) -> int:
        """Epoch rows of the planned trials beyond one per trial and epoch."""
        return self._read(queries.repeated_epochs, sweep)

    def epoch_costs(self) -> list[tuple[dict[str, Json], float, int]]:
        """Of each configuration of any sweep: its values, its epochs' seconds and their number."""
        return self._read(queries.epoch_costs, self.path)

    def finished(self) -> dict[str, int]:
        """The trials of all sweeps that have an outcome, with the attempt that brought it."""
        return self._read(queries.finished)

    def known(self) -> dict[str, str]:
        """All trials that were ever planned in any sweep; their outcome, or an empty text."""
        return self._read(queries.known)

    def curves(self, sweep: str, metric: str) -> dict[str, Curve]:
        """A metric of the planned trials by epoch, of the newest attempt that reached it."""
        return self._read(curves, sweep, metric)

    def stop_texts(self) -> dict[str, str]:
        """The trials of all sweeps that a rule ended; see `Stop.read` for the texts."""
        return self._read(stop_texts)

    def sidecar(self, trial_id: str) -> Sidecar | None:
        """All rows of a finished trial; nothing if it is not finished.

        Raises:
            StorageError: A row is damaged.
        """
        try:
            return self._read(rows_of, trial_id)
        except ValueError as error:
            raise StorageError(
                f"{self.path} is damaged: a row is no JSON text ({error})"
            ) from error

    def trials(self) -> list[str]:
        """All trials that were ever planned."""
        return self._read(queries.trial_ids)

    def verify(self) -> None:
        """Reads all of the ledger.

        Raises:
            StorageError: It is damaged.
        """
        self._read(verify, self.path)

    def copy_to(self, path: Path) -> None:
        """Copies the ledger to `path`, which holds the old or the new copy at all times.

        Raises:
            StorageError: The copy cannot be written.
        """
        copy_database(self._connection, path)

    def _read(
        self,
        query: Callable[Concatenate[sqlite3.Connection, _P], _T],
        *args: _P.args,
        **kwargs: _P.kwargs,
    ) -> _T:
        with self.snapshot(), storage_errors(self.path):
            return query(self._connection, *args, **kwargs)

    def _execute(self, sql: str, values: Sequence[Any] = ()) -> sqlite3.Cursor:
        with storage_errors(self.path):
            return self._connection.execute(sql, values)
