"""What the driver keeps beside the ledger, should that be lost: sidecars and a copy."""

from __future__ import annotations

import contextlib
import shutil
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from lps_sweep.errors import StorageError
from lps_sweep.results import (
    COPY_NAME,
    Ledger,
    remove_parts,
    sidecar_paths,
    write_sidecar,
)

COPY_INTERVAL_S = 300.0
"""Least time between two copies of the ledger during a run."""

COPY_SHARE = 0.01
"""Most of the time that copying may take."""


def open_ledger(results: Path) -> Ledger:
    """The ledger of `results` for its driver, all of it read and found whole.

    Raises:
        StorageError: It is damaged or of another version; or it is gone, and a copy or sidecars
            are there: such a folder is to be repaired, not begun anew.
    """
    if not Ledger.exists(results) and ((results / COPY_NAME).exists() or sidecar_paths(results)):
        raise StorageError(f"{results}: the ledger is gone; {_advice(results)}")
    try:
        with contextlib.ExitStack() as stack:
            ledger = stack.enter_context(Ledger.open(results, write=True))
            ledger.verify()
            stack.pop_all()
    except StorageError as error:
        raise StorageError(f"{error}; `lps_sweep check {results}` says what to do") from error
    return ledger


class Keeper:
    """Writes a sidecar for each finished trial, and copies the ledger now and then.

    Args:
        results: The results folder, whose driver this is.
        ledger: Its ledger.
    """

    def __init__(self, results: Path, ledger: Ledger) -> None:
        self._results = results
        self._ledger = ledger
        self._due = time.monotonic() + COPY_INTERVAL_S

    def begin(self, sweep: str) -> None:
        """Clears away what a killed driver left, and writes the sidecars that it did not come to.

        Raises:
            StorageError: The ledger has lost the end of a trial that a sidecar tells of; or a
                file cannot be written.
        """
        remove_parts(self._results)
        shutil.rmtree(self._results / "ray", ignore_errors=True)
        there = sidecar_paths(self._results)
        finished = self._ledger.finished()
        lost = [t for t in self._ledger.outstanding(sweep) if lost_end(self._ledger, t, there)]
        if lost:
            raise StorageError(
                f"{self._ledger.path} has lost the end of {len(lost)} finished trials, such as "
                f"{lost[0]}, of which sidecars tell; {_advice(self._results)}"
            )
        self.finished(
            trial
            for trial, attempt in finished.items()
            if f"{trial}-{attempt}.json" not in {path.name for path in there.get(trial, ())}
        )

    def finished(self, trial_ids: Iterable[str]) -> None:
        """Writes the sidecars of trials that came to their end.

        Raises:
            StorageError: A file cannot be written.
        """
        for trial_id in trial_ids:
            sidecar = self._ledger.sidecar(trial_id)
            if sidecar:
                write_sidecar(self._results, sidecar)

    def copy(self, *, now: bool) -> None:
        """Copies the ledger: `now`, or else only when the last copy is old enough.

        Raises:
            StorageError: The copy cannot be written.
        """
        started = time.monotonic()
        if not now and started < self._due:
            return
        self._ledger.copy_to(self._results / COPY_NAME)
        ended = time.monotonic()
        self._due = ended + max(COPY_INTERVAL_S, (ended - started) / COPY_SHARE)


def lost_end(ledger: Ledger, trial_id: str, there: Mapping[str, Sequence[Path]]) -> Path | None:
    """The sidecar of a trial without outcome that has one, though the ledger knows it not.

    A trial that was opened again has ended attempts, and their sidecars are history.

    Args:
        ledger: The ledger.
        trial_id: A trial without outcome.
        there: The sidecars by trial.
    """
    ended = {record.attempt for record in ledger.attempts(trial_id) if record.ended}
    for path in there.get(trial_id, ()):
        if int(path.stem.rpartition("-")[2]) not in ended:
            return path
    return None


def _advice(results: Path) -> str:
    return f"`lps_sweep check {results} --repair` rebuilds what can be proven"
