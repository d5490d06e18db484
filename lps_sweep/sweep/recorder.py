"""The driver's end of the reports: each row becomes durable, then visible."""

from __future__ import annotations

import platform
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from importlib import metadata
from pathlib import Path
from typing import cast

import lps_sweep
from lps_sweep.config import RESULTS_REVISION
from lps_sweep.failpoints import failpoint
from lps_sweep.finite import unmeasured
from lps_sweep.results import CheckpointRecord, FileRef, Json, Ledger, Status, Stop
from lps_sweep.results.times import now
from lps_sweep.sweep.backup import back_up
from lps_sweep.sweep.progress import Progress
from lps_sweep.sweep.retries import OUT_OF_MEMORY, Retries
from lps_sweep.sweep.rows import MemberRow, PackBegun, PackLeft, Row, TrunkMade, TrunkRow
from lps_sweep.sweep.stopping import Decisions, Judge
from lps_sweep.train.events import CheckpointSaved, EpochDone, Finished, SavedFile

PACKAGES = ("torch", "torchvision", "numpy", "scipy", "scikit-learn", "ray", "optuna")
"""What results depend on."""


@dataclass
class Recorder:
    """Writes rows to the ledger and shows them; rows of an attempt given up are refused there.

    Attributes:
        results: The results folder, as an absolute path.
        ledger: Open for writing.
        retries: Learns of trials that ran out of memory.
        progress: Shows what was recorded.
        needed: Metrics that each epoch must have; a trial without one has diverged.
        judge: Decides which trials a rule ends.
        pack_sizes: Members of the pack of each trial in training.
    """

    results: Path
    ledger: Ledger
    retries: Retries
    progress: Progress
    needed: Sequence[str] = ()
    judge: Judge | None = None
    pack_sizes: dict[str, int] = field(default_factory=dict)
    _begun_at: dict[tuple[tuple[str, int], ...], float] = field(default_factory=dict)

    def accept(self, rows: Sequence[Row], at: float | None = None) -> list[Row]:
        """Records `rows`, and what follows from them, in one durable transaction.

        `at` is the time of the ends among them, as `times.now` tells it; None for now.

        Returns:
            The rows that were not refused, and the ends that a rule added.
        """
        with self.ledger.transaction():
            accepted = [row for given in rows for row in self._record(given, at)]
            if self.judge:
                accepted += self._stop(self.judge.arrived(accepted))
        self._show(accepted)
        return accepted

    def settle(self) -> list[Finished]:
        """Ends the trials that are due by what is recorded, whether or not they are training."""
        if self.judge is None:
            return []
        self.judge.load(self.ledger)
        decisions = self.judge.due()
        if not decisions:
            return []
        with self.ledger.transaction():
            ended = self._stop(decisions)
        self._show(ended)
        return [row.event for row in ended if isinstance(row.event, Finished)]

    def _show(self, accepted: Sequence[Row]) -> None:
        events = [row.event for row in accepted if isinstance(row, MemberRow)]
        ended = [event.trial_id for event in events if isinstance(event, Finished)]
        back_up(self.results, self.ledger, ended)
        for row in accepted:
            if isinstance(row, TrunkRow):
                self.progress.trunk(row.epoch, row.epochs, row.loss)
            elif isinstance(row, TrunkMade):
                self.progress.trunk_made(row.quality, row.untrained)
        for event in events:
            if isinstance(event, EpochDone):
                self.progress.epoch(event.trial_id, event.epoch, event.metrics)
            elif isinstance(event, Finished):
                self.progress.outcome(event.trial_id, event.status, event.metrics)

    def _stop(self, decisions: Decisions) -> list[MemberRow]:
        """Records the ends that a rule decided on; one that waits gets an attempt to end."""
        ended: list[MemberRow] = []
        for trial_id, stop in decisions:
            failpoint("stop.insert")
            *_, last = self.ledger.attempts(trial_id)
            number = last.attempt
            if last.ended:
                number = self.ledger.start_attempts([trial_id], "none", {})[trial_id]
            event = Finished(trial_id, "stopped", stop.epoch)
            ended += self._finish(MemberRow(number, event), event, stop=stop)
        return ended

    def _record(self, row: Row, at: float | None) -> list[Row]:
        """Records `row` and the end that follows from it; nothing if it was refused."""
        if isinstance(row, PackBegun):
            return [row] if self._begin(row) else []
        if isinstance(row, PackLeft):
            why = row.why
            if row.waits_after is not None:
                why = f"waits after epoch {row.waits_after} for those that it is compared with"
            for trial_id, attempt in row.attempts.items():
                self.ledger.end_attempt(trial_id, attempt, why, waits_after=row.waits_after)
            return [row]
        if not isinstance(row, MemberRow):
            return [row]
        event = row.event
        if isinstance(event, EpochDone):
            return self._epoch(row, event)
        if isinstance(event, CheckpointSaved):
            saved = event.checkpoint
            files = self._file(saved.member), self._file(saved.run)
            record = CheckpointRecord(event.trial_id, row.attempt, saved.epoch, *files)
            return [row] if self.ledger.add_checkpoint(record) else []
        return [*self._end(row, event, at)]

    def _begin(self, row: PackBegun) -> bool:
        at = self._begun_at.setdefault(tuple(sorted(row.attempts.items())), now())  # of the pack
        return all(
            self.ledger.begin_attempt(t, a, row.facts, worker=row.worker, at=at)
            for t, a in row.attempts.items()
        )

    def _epoch(self, row: MemberRow, event: EpochDone) -> list[Row]:
        found = event.trial_id, row.attempt, event.epoch, event.metrics, event.seconds
        if not self.ledger.add_epoch(*found):
            return []
        wrong = unmeasured(event.metrics, self.needed)
        if not wrong:
            return [row]
        why = f"{wrong} after epoch {event.epoch}"
        end = Finished(event.trial_id, "diverged", event.epoch, error=why)
        return [row, *self._finish(MemberRow(row.attempt, end), end)]

    def _end(self, row: MemberRow, event: Finished, at: float | None) -> list[MemberRow]:
        """Records an end that was reported.

        No trial is done with a final value that is missing or not finite, and none is failed for
        want of memory unless it was alone.
        """
        if event.status == "out_of_memory":
            if not self.retries.out_of_memory(event.trial_id, self.pack_sizes[event.trial_id]):
                why = OUT_OF_MEMORY + event.error
                self.ledger.end_attempt(event.trial_id, row.attempt, why)
                return []
            event = replace(event, status="failed", metrics={})
        wrong = unmeasured(event.metrics, self.needed) or (
            "" if event.metrics else "no final metrics"
        )
        if event.status == "done" and wrong:
            row = replace(row, artefact=None)
            event = replace(event, status="diverged", metrics={}, error=wrong)
        return self._finish(replace(row, event=event), event, at)

    def _finish(
        self,
        row: MemberRow,
        event: Finished,
        at: float | None = None,
        stop: Stop | None = None,
    ) -> list[MemberRow]:
        accepted = self.ledger.finish(
            event.trial_id,
            row.attempt,
            cast(Status, event.status),
            epoch=event.epoch,
            metrics=event.metrics,
            artefact=row.artefact,
            error=event.error,
            stop=stop,
            at=at,
        )
        return [row] if accepted else []

    def _file(self, saved: SavedFile) -> FileRef:
        return FileRef(str(saved.path), saved.sha256)


def provenance() -> dict[str, Json]:
    """Versions of this code, of Python and of the packages that results depend on."""
    versions: dict[str, Json] = {}
    for name in PACKAGES:
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            versions[name] = None
    return {
        "lps_sweep": lps_sweep.__version__,
        "commit": _commit(),
        "results_revision": RESULTS_REVISION,
        "python": platform.python_version(),
        "packages": versions,
    }


def _commit() -> str | None:
    """The commit of the checkout that this code runs from, with ``+`` for changes beside it."""
    root = Path(lps_sweep.__file__).parent.parent
    if not (root / ".git").exists():
        return None
    try:
        asked = ["git", "-C", str(root), "describe", "--always", "--dirty=+", "--abbrev=12"]
        return subprocess.run(asked, capture_output=True, text=True, timeout=5).stdout.strip()
    except (OSError, subprocess.TimeoutExpired):
        return None
