"""The reading half of the ledger."""

from __future__ import annotations

import hashlib

from lps_sweep.config import resolved_values
from lps_sweep.errors import BadInputError, StorageError, nearest
from lps_sweep.results import queries
from lps_sweep.results.database import Database, storage_errors
from lps_sweep.results.encoding import json_text
from lps_sweep.results.records import (
    Attempt,
    CheckpointRecord,
    Counts,
    Curve,
    EpochRow,
    FileRef,
    Json,
    PackTimes,
    Repeats,
    SweepRecord,
    TrialRecord,
    TrialRow,
)
from lps_sweep.results.schema import verify
from lps_sweep.results.stops import Stop, read_stop

STATES = ("done", "stopped", "failed", "diverged", "running", "not_run")


class LedgerReader(Database):
    """What can be asked of an open ledger; each method sees one state of it."""

    def sweeps(self) -> list[str]:
        """Names of the recorded sweeps, in the order in which they were first planned."""
        return [name for (name,) in self.rows("SELECT name FROM sweeps ORDER BY number")]

    def record(self, sweep: str) -> SweepRecord:
        """The sweep as last planned.

        Raises:
            BadInputError: No sweep has this name; the message gives the nearest one.
        """
        found = self.records("SELECT * FROM sweeps WHERE name = ?", sweep)
        if not found:
            hint = nearest(sweep, self.sweeps())
            raise BadInputError(f"no sweep is named {sweep!r} here; {hint}", str(self.path.parent))
        (row,) = found
        del row["number"]
        if not all(isinstance(levels, list) for levels in row["axes"].values()):
            raise StorageError(f"{self.path} is damaged: an axis of {sweep!r} is no list")
        if not all(type(seed) is int for seed in row["seeds"]):
            raise StorageError(f"{self.path} is damaged: a seed of {sweep!r} is no whole number")
        return SweepRecord(**{**row, "settings": resolved_values(row["settings"])})

    def trial(self, trial_id: str, sweep: str = "") -> TrialRecord:
        """A trial; its swept values are those of `sweep`, and empty where none is named.

        Raises:
            BadInputError: The ledger does not know the trial.
        """
        rows = self.records(
            "SELECT t.*, coalesce(p.swept, '{}') AS swept FROM trials t LEFT JOIN planned p"
            " ON p.trial_id = t.trial_id AND p.sweep = ? WHERE t.trial_id = ?",
            *(sweep, trial_id),
        )
        if not rows:
            raise BadInputError(f"no trial {trial_id!r} here", str(self.path.parent))
        return TrialRecord(**rows[0])

    def trial_records(self) -> list[TrialRecord]:
        """All trials that were ever planned; without swept values, which belong to a sweep."""
        rows = self.records("SELECT * FROM trials ORDER BY rowid")
        return [TrialRecord(**row, swept={}) for row in rows]

    def states(self, sweep: str, driver_alive: bool = False) -> dict[str, str]:
        """State of each planned trial, in plan order; an attempt begun runs if the driver does."""
        return dict(self.rows(queries.STATES, driver_alive, sweep))

    def outstanding(self, sweep: str) -> list[str]:
        """Planned trials without an outcome, in plan order."""
        return [trial for trial, state in self.states(sweep).items() if state == "not_run"]

    def outcomes(self, sweep: str) -> dict[str, str]:
        """Status of each planned trial that has an outcome, in plan order."""
        return {trial: s for trial, s in self.states(sweep).items() if s != "not_run"}

    def counts(self, sweep: str, driver_alive: bool) -> Counts:
        """Planned trials by state; those with an open attempt run only if a driver is alive."""
        found = list(self.states(sweep, driver_alive).values())
        return Counts(len(found), *(found.count(state) for state in STATES))

    def attempts(self, trial_id: str) -> list[Attempt]:
        """All attempts at a trial, oldest first."""
        return self._attempts(queries.OF_TRIAL, trial_id)

    def begun_attempts(self, sweep: str) -> list[Attempt]:
        """The attempts at planned trials whose begin is recorded, by their begin."""
        return self._attempts(queries.BEGUN, sweep)

    def _attempts(self, query: str, key: str) -> list[Attempt]:
        found = []
        for row in self.records(query, key):
            # An outcome that was taken back left its error in `ended`.
            text = row.pop("error") or row["ended"].removeprefix("stopped, tried again: ")
            stop = read_stop(row["stop"], text, self.path)
            begun, waits = bool(row["begun"]), bool(row["waits"])
            found.append(Attempt(**{**row, "begun": begun, "waits": waits, "stop": stop}))
        return found

    def checkpoints(self, trial_id: str) -> list[CheckpointRecord]:
        """Recorded checkpoints, of the newest epoch first, then of the newest attempt."""
        rows = self.rows(
            "SELECT trial_id, attempt, epoch, member_path, member_sha256, run_path, run_sha256"
            " FROM checkpoints WHERE trial_id = ? ORDER BY epoch DESC, attempt DESC",
            trial_id,
        )
        return [
            CheckpointRecord(trial, attempt, epoch, FileRef(*files[:2]), FileRef(*files[2:]))
            for trial, attempt, epoch, *files in rows
        ]

    def artefact(self, trial_id: str) -> FileRef | None:
        """The artefact of a finished trial, if it left one."""
        rows = self.rows(
            "SELECT artefact_path, artefact_sha256 FROM outcomes WHERE trial_id = ?", trial_id
        )
        return FileRef(*rows[0]) if rows and rows[0][0] else None

    def digest(self, sweep: str, driver_alive: bool = False) -> str:
        """SHA-256 that changes exactly when what tables and report show of the sweep changes.

        `driver_alive` matters while an attempt is open: the trial is then shown as running.
        """
        with self.snapshot(), storage_errors(self.path):
            state = hashlib.sha256(json_text(list(vars(self.record(sweep)).values())).encode())
            # Repeated epochs are in as well: each raises the newest attempt of its epoch.
            for query in (queries.TRIALS, queries.EPOCHS, queries.PROVENANCE, queries.BEGUN):
                state.update(query.encode())
                values = (driver_alive, sweep) if query is queries.TRIALS else (sweep,)
                for row in self._connection.execute(query, values):
                    state.update(json_text(row).encode())
        return state.hexdigest()

    def trial_rows(self, sweep: str, driver_alive: bool) -> list[TrialRow]:
        """The planned trials as tables show them, in plan order, their values in one spelling."""
        found = []
        configs: dict[int, dict[str, Json]] = {}  # one for all seeds, which share what is recorded
        for row in self.records(queries.TRIALS, driver_alive, sweep):
            path, sha256 = row.pop("artefact_path"), row.pop("artefact_sha256")
            config, stop = row["config"], read_stop(row["stop"], row["error"], self.path)
            if id(config) not in configs:
                configs[id(config)] = resolved_values(config)
            known = {
                "config": configs[id(config)],
                "metrics": row["metrics"] if row["status"] == "done" else {},
                "stop": stop if row["status"] == "stopped" else None,
                "artefact": FileRef(path, sha256) if path else None,
            }
            found.append(TrialRow(**{**row, **known}))
        return found

    def epoch_rows(self, sweep: str) -> list[EpochRow]:
        """One row per planned trial and epoch, of the newest attempt that reached it."""
        return self._epochs(queries.EPOCHS, sweep)

    def epochs_of(self, trial_id: str) -> list[EpochRow]:
        """As `epoch_rows`, of one trial."""
        return self._epochs(queries.EPOCHS_OF_TRIAL, trial_id)

    def repeats(self, sweep: str) -> Repeats:
        """Whether epochs that were trained again gave the same numbers."""
        return Repeats.among(self._epochs(queries.REPEATED, sweep))

    def _epochs(self, query: str, key: str) -> list[EpochRow]:
        return [EpochRow(**row) for row in self.records(query, key)]

    def curves(self, sweep: str, metric: str) -> dict[str, Curve]:
        """A metric of the planned trials by epoch, of the newest attempt that reached it."""
        found: dict[str, Curve] = {}
        for trial_id, epoch, value in self.rows(queries.CURVES, f'$."{metric}"', sweep):
            number = float(value) if isinstance(value, int | float) else None
            found.setdefault(trial_id, {})[epoch] = number
        return found

    def stops(self) -> dict[str, Stop | None]:
        """The trials of all sweeps that a rule ended; None where the decision cannot be read."""
        rows = self.records(
            "SELECT o.trial_id, a.stop, o.error FROM outcomes o"
            " JOIN attempts a USING (trial_id, attempt) WHERE o.status = 'stopped'"
        )
        return {row["trial_id"]: read_stop(row["stop"], row["error"], self.path) for row in rows}

    def provenance(self, sweep: str) -> list[dict[str, Json]]:
        """The different provenances of the sweep's attempts, in the order of their first use."""
        return [row["provenance"] for row in self.records(queries.PROVENANCE, sweep)]

    def pack_times(self) -> list[PackTimes]:
        """Of each pack that trained an epoch in any sweep: what its time went to."""
        return [PackTimes(**row) for row in self.records(queries.PACK_TIMES)]

    def finished(self) -> dict[str, int]:
        """The trials of all sweeps that have an outcome, with the attempt that brought it."""
        return dict(self.rows("SELECT trial_id, attempt FROM outcomes ORDER BY trial_id"))

    def known(self) -> dict[str, str]:
        """All trials that were ever planned in any sweep; their outcome, or an empty text."""
        return dict(
            self.rows(
                "SELECT trial_id, coalesce(status, '')"
                " FROM trials LEFT JOIN outcomes USING (trial_id)"
            )
        )

    def verify(self) -> None:
        """Reads all of the ledger.

        Raises:
            StorageError: It is damaged.
        """
        with self.snapshot(), storage_errors(self.path):
            verify(self._connection, self.path)
