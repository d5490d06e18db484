"""The driver's end of the reports: each row becomes durable, then visible."""

from __future__ import annotations

from dataclasses import replace
from typing import cast

from lps_sweep.results import CheckpointRecord, Ledger, Status
from lps_sweep.sweep.casualties import Casualties
from lps_sweep.sweep.keeper import Keeper
from lps_sweep.sweep.progress import Progress
from lps_sweep.sweep.rows import EpochRow, OutcomeRow, PackBegun, PackNotBegun, Row, TrunkRow


class Recorder:
    """Writes rows to the ledger and shows them; rows of an attempt given up are refused there.

    Args:
        ledger: Open for writing.
        casualties: Learns of trials that ran out of memory.
        progress: Shows what was recorded.
        keeper: Keeps a second record of what came to its end.
    """

    def __init__(
        self, ledger: Ledger, casualties: Casualties, progress: Progress, keeper: Keeper
    ) -> None:
        self._ledger = ledger
        self._casualties = casualties
        self._progress = progress
        self._keeper = keeper
        self.pack_sizes: dict[str, int] = {}

    def accept(self, rows: list[Row]) -> list[Row]:
        """Records `rows` in one durable transaction; those that were not refused."""
        with self._ledger.transaction():
            recorded = [self._record(row) for row in rows]
        accepted = [row for row in recorded if row]
        self._keeper.finished(row.trial_id for row in accepted if isinstance(row, OutcomeRow))
        self._keeper.copy(now=False)
        for row in accepted:
            if isinstance(row, TrunkRow):
                self._progress.trunk(row.epoch, row.epochs, row.loss)
            elif isinstance(row, EpochRow):
                self._progress.epoch(row.trial_id, row.epoch, row.metrics)
            elif isinstance(row, OutcomeRow):
                self._progress.outcome(row.trial_id, row.status, row.metrics)
        return accepted

    def _record(self, row: Row) -> Row | None:
        """Records `row`; None if it was refused, or is no news of the trial."""
        if isinstance(row, OutcomeRow) and row.status == "out_of_memory":
            return self._out_of_memory(row)
        return row if self._write(row) else None

    def _write(self, row: Row) -> bool:
        ledger = self._ledger
        if isinstance(row, TrunkRow):
            return True
        if isinstance(row, PackNotBegun):
            for trial_id, attempt in row.attempts.items():
                ledger.end_attempt(trial_id, attempt, "not started: a budget was spent")
            return True
        if isinstance(row, PackBegun):
            return all(ledger.begin_attempt(t, a, row.facts) for t, a in row.attempts.items())
        if isinstance(row, EpochRow):
            return ledger.add_epoch(row.trial_id, row.attempt, row.epoch, row.metrics, row.seconds)
        if isinstance(row, CheckpointRecord):
            return ledger.add_checkpoint(row)
        return ledger.finish(
            row.trial_id,
            row.attempt,
            cast(Status, row.status),
            epoch=row.epoch,
            metrics=row.metrics,
            artefact=row.artefact,
            error=row.error,
        )

    def _out_of_memory(self, row: OutcomeRow) -> Row | None:
        """A trial is failed for want of memory only if it was alone."""
        if self._casualties.out_of_memory(row.trial_id, self.pack_sizes[row.trial_id]):
            failed = replace(row, status="failed", metrics={})
            return failed if self._write(failed) else None
        self._ledger.end_attempt(row.trial_id, row.attempt, f"out of memory: {row.error}")
        return None
