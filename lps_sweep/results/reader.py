"""The reading half of the ledger."""

from __future__ import annotations

import hashlib

from lps_sweep.config import resolved_values
from lps_sweep.errors import BadInputError, StorageError, nearest
from lps_sweep.results import queries
from lps_sweep.results.database import Database, storage_errors
from lps_sweep.results.encoding import json_text, parse, parse_metrics
from lps_sweep.results.records import (
    Attempt,
    CheckpointRecord,
    Counts,
    Curve,
    EpochRow,
    FileRef,
    Json,
    Repeats,
    Stop,
    SweepRecord,
    TrialRecord,
    TrialRow,
    read_stop,
)
from lps_sweep.results.schema import verify

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
        found = self.rows(
            "SELECT name, question, source, axes, defaults, settings, seeds, preset, margin, search"
            " FROM sweeps WHERE name = ?",
            sweep,
        )
        if not found:
            hint = nearest(sweep, self.sweeps())
            raise BadInputError(f"no sweep is named {sweep!r} here; {hint}", str(self.path.parent))
        name, question, source, *parts, preset, margin, search = found[0]
        kinds = (dict, dict, dict, list)
        axes, defaults, settings, seeds = (
            parse(part, self.path, kind) for part, kind in zip(parts, kinds, strict=True)
        )
        if not all(isinstance(levels, list) for levels in axes.values()):
            raise StorageError(f"{self.path} is damaged: an axis of {name!r} is no list")
        if not all(type(seed) is int for seed in seeds):
            raise StorageError(f"{self.path} is damaged: a seed of {name!r} is no whole number")
        search = None if search is None else parse(search, self.path)
        settings = resolved_values(settings)
        return SweepRecord(
            name, question, source, axes, defaults, settings, seeds, preset, margin, search
        )

    def trial(self, trial_id: str, sweep: str = "") -> TrialRecord:
        """A trial; its swept values are those of `sweep`, and empty where none is named.

        Raises:
            BadInputError: The ledger does not know the trial.
        """
        rows = self.rows(
            "SELECT t.config, t.seed, t.pack_key, coalesce(p.swept, '{}') FROM trials t"
            " LEFT JOIN planned p ON p.trial_id = t.trial_id AND p.sweep = ? WHERE t.trial_id = ?",
            *(sweep, trial_id),
        )
        if not rows:
            raise BadInputError(f"no trial {trial_id!r} here", str(self.path.parent))
        config, seed, pack_key, swept = rows[0]
        values = parse(config, self.path), seed, pack_key, parse(swept, self.path)
        return TrialRecord(trial_id, *values)

    def trial_records(self) -> list[TrialRecord]:
        """All trials that were ever planned; without swept values, which belong to a sweep."""
        configs: dict[str, dict[str, Json]] = {}
        found = []
        for trial_id, config, seed, pack_key in self.rows(
            "SELECT trial_id, config, seed, pack_key FROM trials ORDER BY rowid"
        ):
            if config not in configs:
                configs[config] = parse(config, self.path)
            found.append(TrialRecord(trial_id, configs[config], seed, pack_key, {}))
        return found

    def states(self, sweep: str, driver_alive: bool = False) -> dict[str, str]:
        """State of each planned trial, in plan order; an attempt begun runs if the driver does."""
        return dict(self.rows(queries.STATES, "running" if driver_alive else "not_run", sweep))

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
        for trial, number, pack, ended, begun, *state, facts, stop, error in self.rows(query, key):
            begun_at, ended_at, worker, waits, first, last, seconds = state
            attempt = Attempt(
                trial_id=trial,
                attempt=number,
                pack_id=pack,
                ended=ended,
                begun=bool(begun),
                begun_at=begun_at,
                ended_at=ended_at,
                worker=worker,
                waits=bool(waits),
                first=first,
                last=last,
                seconds=seconds,
                provenance=parse(facts, self.path),
                stop=read_stop(stop, error or _taken_back(ended), self.path),
            )
            found.append(attempt)
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
                for row in self._connection.execute(query, (sweep,)):
                    if query is queries.TRIALS and not driver_alive:
                        row = (*row[: queries.OPEN_COLUMN], 0, *row[queries.OPEN_COLUMN + 1 :])
                    state.update(json_text(row).encode())
        return state.hexdigest()

    def trial_rows(self, sweep: str, driver_alive: bool) -> list[TrialRow]:
        """The planned trials as tables show them, in plan order, their values in one spelling."""
        found = []
        configs: dict[str, dict[str, Json]] = {}  # one for all seeds
        for row in self.rows(queries.TRIALS, sweep):
            trial_id, seed, swept, status, metrics, error, path, sha256, *others = row
            attempts, is_open, seconds, config, stop = others
            if config not in configs:
                configs[config] = resolved_values(parse(config, self.path))
            trial = TrialRow(
                trial_id=trial_id,
                seed=seed,
                swept=parse(swept, self.path),
                status=status or ("running" if is_open and driver_alive else "not_run"),
                metrics=parse_metrics(metrics, self.path) if status == "done" else {},
                error=error or "",
                artefact=FileRef(path, sha256) if path else None,
                attempts=int(attempts),
                seconds=seconds,
                config=configs[config],
                stop=read_stop(stop, error, self.path) if status == "stopped" else None,
            )
            found.append(trial)
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
        return [
            EpochRow(trial, epoch, attempt, seconds, parse_metrics(metrics, self.path))
            for trial, epoch, attempt, seconds, metrics in self.rows(query, key)
        ]

    def curves(self, sweep: str, metric: str) -> dict[str, Curve]:
        """A metric of the planned trials by epoch, of the newest attempt that reached it."""
        rows = self.rows(
            "SELECT e.trial_id, e.epoch, json_extract(e.metrics, ?) FROM planned p"
            f" JOIN epochs e USING (trial_id) WHERE {queries.PLANNED}"
            " ORDER BY p.position, e.epoch, e.attempt",
            *(f'$."{metric}"', sweep),
        )
        found: dict[str, Curve] = {}
        for trial_id, epoch, value in rows:
            number = float(value) if isinstance(value, int | float) else None
            found.setdefault(trial_id, {})[epoch] = number
        return found

    def stops(self) -> dict[str, Stop | None]:
        """The trials of all sweeps that a rule ended; None where the decision cannot be read."""
        rows = self.rows(
            "SELECT o.trial_id, a.stop, o.error FROM outcomes o"
            " JOIN attempts a USING (trial_id, attempt) WHERE o.status = 'stopped'"
        )
        return {trial: read_stop(stop, error, self.path) for trial, stop, error in rows}

    def provenance(self, sweep: str) -> list[dict[str, Json]]:
        """The different provenances of the sweep's attempts, in the order of their first use."""
        return [parse(text, self.path) for (text,) in self.rows(queries.PROVENANCE, sweep)]

    def epoch_costs(self) -> list[tuple[dict[str, Json], float, int]]:
        """Of each configuration of any sweep: its values, its epochs' seconds and their number."""
        return [(parse(config, self.path), s, n) for config, s, n in self.rows(queries.COSTS)]

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


def _taken_back(ended: str) -> str:
    """The error of an outcome that was taken back; see `AttemptRecord`."""
    return ended.removeprefix("stopped, tried again: ")
