"""The ledger: the only source of truth about plans, attempts, epochs and outcomes."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self

from lps_sweep.finite import unmeasured
from lps_sweep.results.database import is_there, open_for_reading, open_for_writing
from lps_sweep.results.encoding import crc_of_epoch, json_text, metrics_text
from lps_sweep.results.reader import LedgerReader
from lps_sweep.results.records import (
    STATUSES,
    CheckpointRecord,
    FileRef,
    Json,
    PlanChange,
    Status,
    SweepRecord,
    TrialRecord,
)
from lps_sweep.results.stops import Stop
from lps_sweep.results.times import now
from lps_sweep.text import without_secrets

LEDGER_NAME = "ledger.sqlite"

_OPEN = "FROM attempts WHERE trial_id = ? AND attempt = ? AND ended IS NULL"


class Ledger(LedgerReader):
    """One SQLite database with one writer, the driver, and any number of readers.

    What a writing method has returned, or a `transaction` has committed, is on the disk. The
    attempt number is the fence: rows of an attempt that is not the open one of its trial are
    refused, so that a lost worker that wakes changes nothing. StorageError names a file that fails.
    """

    @classmethod
    def open(cls, results_dir: Path, *, write: bool = False) -> Self:
        """The ledger of `results_dir`; a writer makes folder and file where they are missing.

        Raises:
            BadInputError: Opened for reading, and there is no ledger.
            StorageError: The database cannot be opened, is damaged, or has another schema.
        """
        path = Path(results_dir) / LEDGER_NAME
        connection = open_for_writing(path) if write else open_for_reading(path)
        return cls(connection, path, write)

    @staticmethod
    def exists(results_dir: Path) -> bool:
        """Whether `results_dir` holds a ledger, in whatever condition."""
        return is_there(Path(results_dir) / LEDGER_NAME)

    def record_plan(self, sweep: SweepRecord, trials: Sequence[TrialRecord]) -> PlanChange:
        """Record what `sweep` plans now, in one commit; nothing is ever deleted.

        A trial that the ledger knows, from this or another sweep, is shared with its rows. A trial
        that the sweep no longer plans is kept outside it: not counted, not shown.

        Raises:
            ValueError: A trial is planned twice.
        """
        wanted = {trial.trial_id for trial in trials}
        if len(wanted) != len(trials):
            raise ValueError(f"the plan of {sweep.name!r} holds a trial more than once")
        with self.transaction():
            known = self.known().keys()
            before = self.states(sweep.name).keys()
            row = vars(sweep)
            changed = ", ".join(f"{name} = excluded.{name}" for name in row)
            self.insert("sweeps", row, conflict=f"ON CONFLICT (name) DO UPDATE SET {changed}")
            self._pass("plan.insert")
            self.execute("UPDATE planned SET position = NULL WHERE sweep = ?", (sweep.name,))
            for position, trial in enumerate(trials):
                self._record_trial(sweep.name, position, trial)
        added = wanted - before
        return PlanChange(len(added), len(added & known), len(before - wanted))

    def _record_trial(self, sweep: str, position: int, trial: TrialRecord) -> None:
        row = dict(vars(trial))
        plan = {"sweep": sweep, "position": position, "swept": row.pop("swept")}
        self.insert(
            "trials",
            row,
            conflict="ON CONFLICT (trial_id) DO UPDATE SET"
            " config = excluded.config, pack_key = excluded.pack_key"
            " WHERE NOT EXISTS (SELECT 1 FROM outcomes o WHERE o.trial_id = excluded.trial_id)",
        )
        self.insert(
            "planned",
            {"trial_id": trial.trial_id, **plan},
            conflict="ON CONFLICT (sweep, trial_id)"
            " DO UPDATE SET position = excluded.position, swept = excluded.swept",
        )

    def start_attempts(
        self, trial_ids: Sequence[str], pack_id: str, provenance: Mapping[str, Json]
    ) -> dict[str, int]:
        """Open an attempt at each trial; the numbers, from 1, fence off all earlier attempts.

        An attempt that is still open is ended as "lost", nobody knows when.

        Raises:
            ValueError: A trial has an outcome, was never planned, or is named twice.
        """
        if len(set(trial_ids)) != len(trial_ids):
            raise ValueError("a trial is named twice")
        with self.transaction():
            return {t: self._start_attempt(t, pack_id, provenance) for t in trial_ids}

    def _start_attempt(self, trial_id: str, pack_id: str, provenance: Mapping[str, Json]) -> int:
        row = self.execute(
            "SELECT o.status, (SELECT max(attempt) FROM attempts a WHERE a.trial_id = t.trial_id)"
            " FROM trials t LEFT JOIN outcomes o USING (trial_id) WHERE t.trial_id = ?",
            (trial_id,),
        ).fetchone()
        if row is None or row[0] is not None:
            raise ValueError(f"trial {trial_id} {'was never planned' if row is None else row[0]}")
        attempt = (row[1] or 0) + 1
        self.execute(
            "UPDATE attempts SET ended = 'lost' WHERE trial_id = ? AND ended IS NULL", (trial_id,)
        )
        row = {"trial_id": trial_id, "attempt": attempt, "pack_id": pack_id}
        self.insert("attempts", {**row, "provenance": dict(provenance)})
        return attempt

    def begin_attempt(
        self,
        trial_id: str,
        attempt: int,
        facts: Mapping[str, Json],
        *,
        worker: str | None = None,
        at: float | None = None,
    ) -> bool:
        """Record that `worker` has begun an open attempt; its `facts` join the provenance.

        `at` is when, as `times.now` tells it, the same for all of a pack; None for now. False, and
        nothing written, if `attempt` is not the open one of the trial.
        """
        with self.transaction():
            found = self.records(f"SELECT provenance {_OPEN}", trial_id, attempt)
            if not found:
                return False
            known = {**found[0]["provenance"], **facts}
            self.execute(
                "UPDATE attempts SET provenance = ?, begun = 1, begun_at = ?, worker = ?"
                " WHERE trial_id = ? AND attempt = ?",
                (json_text(known), now() if at is None else at, worker, trial_id, attempt),
            )
        return True

    def add_epoch(
        self, trial_id: str, attempt: int, epoch: int, metrics: Mapping[str, float], seconds: float
    ) -> bool:
        """Record the state after `epoch` (from 1), which took `seconds`.

        Numbers that are not finite are kept as "no value". False, and nothing written, if
        `attempt` is not the open one of the trial or if it has recorded this epoch already.
        """
        took, text = float(seconds) if math.isfinite(seconds) else None, metrics_text(metrics)
        crc = crc_of_epoch(trial_id, epoch, attempt, text)
        row = {"epoch": epoch, "seconds": took, "metrics": text, "crc": crc}
        return self._add("epochs", trial_id, attempt, row)

    def add_checkpoint(self, record: CheckpointRecord) -> bool:
        """Record a checkpoint whose files are already on the disk; refused like an epoch."""
        files = {
            f"{part}_{fact}": value
            for part, file in (("member", record.member), ("run", record.run))
            for fact, value in vars(file).items()
        }
        row = {"epoch": record.epoch, **files}
        return self._add("checkpoints", record.trial_id, record.attempt, row)

    def _add(self, table: str, trial_id: str, attempt: int, row: Mapping[str, Any]) -> bool:
        """Adds a row of an attempt; not if that is not open, or there is such a row."""
        fence = {"trial_id": trial_id, "attempt": attempt}
        with self.transaction():
            return self.insert(
                table,
                {**fence, **row},
                where=f"EXISTS (SELECT 1 {_OPEN})",
                values=(trial_id, attempt),
                conflict="ON CONFLICT DO NOTHING",
            )

    def finish(
        self,
        trial_id: str,
        attempt: int,
        status: Status,
        *,
        epoch: int,
        metrics: Mapping[str, float] | None = None,
        artefact: FileRef | None = None,
        error: str = "",
        stop: Stop | None = None,
        at: float | None = None,
    ) -> bool:
        """Record how the trial ended, after `epoch`: its one outcome, which also ends the attempt.

        `stop` is the decision of a rule that ended it, and stands for `error`. `at` is when, as
        `times.now` tells it; None for now. False, and nothing written, if `attempt` is not the open
        one of the trial.

        Raises:
            ValueError: The status is unknown, or a trial is called done without final metrics or
                with one that is not finite.
        """
        _check_outcome(status, metrics or {})
        error = error or (stop.text() if stop else "")
        row = {
            "trial_id": trial_id,
            "attempt": attempt,
            "status": status,
            "epoch": epoch,
            "metrics": metrics_text(metrics or {}),
            "artefact_path": artefact.path if artefact else None,
            "artefact_sha256": artefact.sha256 if artefact else None,
            "error": without_secrets(error),
        }
        with self.transaction():
            if not self.rows(f"SELECT 1 {_OPEN}", trial_id, attempt):
                return False
            self._pass("outcome.insert")
            self.insert("outcomes", row)
            if stop:
                self.execute(
                    "UPDATE attempts SET stop = ? WHERE trial_id = ? AND attempt = ?",
                    (json_text(vars(stop)), trial_id, attempt),
                )
            self._pass("outcome.inserted")
            self.end_attempt(trial_id, attempt, status, at)
        return True

    def end_attempt(
        self,
        trial_id: str,
        attempt: int,
        reason: str,
        at: float | None = None,
        waits_after: int | None = None,
    ) -> None:
        """End an open attempt without an outcome, `at` or now: the trial is outstanding again.

        `waits_after` is the epoch of the rung at which the trial waits for others.
        """
        when = now() if at is None else at
        with self.transaction():
            self.execute(
                "UPDATE attempts SET ended = ?, ended_at = ?, waits_after = ?"
                " WHERE trial_id = ? AND attempt = ? AND ended IS NULL",
                (without_secrets(reason), when, waits_after, trial_id, attempt),
            )

    def reopen(self, trial_ids: Sequence[str]) -> None:
        """Make trials that have an outcome, but are not done, outstanding again, in one commit.

        Each outcome moves into the history of attempts: its attempt then ended as
        ``failed, tried again: <error>``. Epochs and checkpoints stay.

        Raises:
            ValueError: A trial has no outcome, or is done: nothing is reopened.
        """
        with self.transaction():
            for trial_id in trial_ids:
                row = self.execute(
                    "SELECT attempt, status, error FROM outcomes WHERE trial_id = ?", (trial_id,)
                ).fetchone()
                if row is None or row[1] == "done":
                    raise ValueError(f"trial {trial_id} is {row[1] if row else 'without outcome'}")
                attempt, status, error = row
                self.execute(
                    "UPDATE attempts SET ended = ? WHERE trial_id = ? AND attempt = ?",
                    (f"{status}, tried again: {error}", trial_id, attempt),
                )
                self.execute("DELETE FROM outcomes WHERE trial_id = ?", (trial_id,))


def _check_outcome(status: str, metrics: Mapping[str, float]) -> None:
    """Refuses what is no outcome.

    Raises:
        ValueError: The status is unknown, or it is done without metrics or with one that is not
            finite.
    """
    if status not in STATUSES:
        raise ValueError(f"no outcome is called {status!r}; valid: {', '.join(STATUSES)}")
    bad = unmeasured(metrics) or ("" if metrics else "there are none")
    if status == "done" and bad:
        raise ValueError(f"a done trial needs finite final metrics; {bad}")
