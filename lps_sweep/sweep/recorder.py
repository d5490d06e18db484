"""The driver's end of the reports: each row becomes durable, then visible."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import cast

from lps_sweep.failpoints import failpoint
from lps_sweep.finite import unmeasured
from lps_sweep.results import CheckpointRecord, Ledger, Status
from lps_sweep.results.clock import now
from lps_sweep.sweep.casualties import Casualties
from lps_sweep.sweep.keeper import Keeper
from lps_sweep.sweep.progress import Progress
from lps_sweep.sweep.rows import (
    CostRow,
    EpochRow,
    OutcomeRow,
    PackBegun,
    PackNotBegun,
    PackWaits,
    Row,
    TrunkMade,
    TrunkRow,
)
from lps_sweep.sweep.stopping import Decisions, Judge


class Recorder:
    """Writes rows to the ledger and shows them; rows of an attempt given up are refused there.

    Args:
        ledger: Open for writing.
        casualties: Learns of trials that ran out of memory.
        progress: Shows what was recorded.
        keeper: Keeps a second record of what came to its end.
        needed: Metrics that each epoch must have; a trial without one has diverged.
        judge: Decides which trials a rule ends.
    """

    def __init__(
        self,
        ledger: Ledger,
        casualties: Casualties,
        progress: Progress,
        keeper: Keeper,
        *,
        needed: Sequence[str] = (),
        judge: Judge | None = None,
    ) -> None:
        self._ledger = ledger
        self._casualties = casualties
        self._progress = progress
        self._keeper = keeper
        self._needed = needed
        self._judge = judge
        self.pack_sizes: dict[str, int] = {}

    def accept(self, rows: list[Row]) -> list[Row]:
        """Records `rows`, and what follows from them, in one durable transaction.

        Returns:
            The rows that were not refused, and the ends that a rule added.
        """
        with self._ledger.transaction():
            accepted = [row for given in rows for row in self._record(given)]
            if self._judge:
                accepted += self._stop(self._judge.arrived(accepted))
        self._show(accepted)
        return accepted

    def settle(self) -> list[OutcomeRow]:
        """Ends the trials that are due by what is recorded, whether or not they are training."""
        if self._judge is None:
            return []
        self._judge.load(self._ledger)
        decisions = self._judge.due()
        if not decisions:
            return []
        with self._ledger.transaction():
            ended = self._stop(decisions)
        self._show(ended)
        return ended

    def _show(self, accepted: Sequence[Row]) -> None:
        self._keeper.finished(row.trial_id for row in accepted if isinstance(row, OutcomeRow))
        self._keeper.copy(now=False)
        for row in accepted:
            if isinstance(row, TrunkRow):
                self._progress.trunk(row.epoch, row.epochs, row.loss)
            elif isinstance(row, TrunkMade):
                self._progress.trunk_made(row.quality, row.untrained)
            elif isinstance(row, EpochRow):
                self._progress.epoch(row.trial_id, row.epoch, row.metrics)
            elif isinstance(row, OutcomeRow):
                self._progress.outcome(row.trial_id, row.status, row.metrics)

    def _stop(self, decisions: Decisions) -> list[OutcomeRow]:
        """Records the ends that a rule decided on; one that waits gets an attempt to end."""
        ended = []
        for trial_id, stop in decisions:
            failpoint("stop.insert")
            *_, last = self._ledger.attempts(trial_id)
            number = last.attempt
            if last.ended:
                number = self._ledger.start_attempts([trial_id], "none", {})[trial_id]
            row = OutcomeRow(trial_id, number, "stopped", stop.epoch, {}, error=stop.text())
            if self._write(row):
                ended.append(row)
        return ended

    def _record(self, row: Row) -> list[Row]:
        """Records `row`; nothing if it was refused, or is no news of the trial."""
        if isinstance(row, OutcomeRow):
            row = self._checked(row)
            return self._out_of_memory(row) if row.status == "out_of_memory" else self._kept(row)
        kept = self._kept(row)
        if kept and isinstance(row, EpochRow) and (wrong := unmeasured(row.metrics, self._needed)):
            why = f"{wrong} after epoch {row.epoch}"
            end = OutcomeRow(row.trial_id, row.attempt, "diverged", row.epoch, {}, error=why)
            return [row, *self._kept(end)]
        return kept

    def _kept(self, row: Row) -> list[Row]:
        return [row] if self._write(row) else []

    def _checked(self, row: OutcomeRow) -> OutcomeRow:
        """No trial is done with a final value that is missing or not finite."""
        wrong = unmeasured(row.metrics, self._needed) or ("" if row.metrics else "no final metrics")
        if row.status != "done" or not wrong:
            return row
        return replace(row, status="diverged", metrics={}, artefact=None, error=wrong)

    def _write(self, row: Row) -> bool:
        ledger = self._ledger
        if isinstance(row, TrunkRow | TrunkMade | CostRow):
            return True
        if isinstance(row, PackNotBegun):
            for trial_id, attempt in row.attempts.items():
                ledger.end_attempt(trial_id, attempt, "not started: a budget was spent")
            return True
        if isinstance(row, PackWaits):
            for trial_id, attempt in row.attempts.items():
                why = f"waits after epoch {row.epoch} for those that it is compared with"
                ledger.end_attempt(trial_id, attempt, why)
            return True
        if isinstance(row, PackBegun):
            at = now()  # one time for the pack
            return all(
                ledger.begin_attempt(t, a, row.facts, worker=row.worker, at=at)
                for t, a in row.attempts.items()
            )
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

    def _out_of_memory(self, row: OutcomeRow) -> list[Row]:
        """A trial is failed for want of memory only if it was alone."""
        if self._casualties.out_of_memory(row.trial_id, self.pack_sizes[row.trial_id]):
            return self._kept(replace(row, status="failed", metrics={}))
        self._ledger.end_attempt(row.trial_id, row.attempt, f"out of memory: {row.error}")
        return []
