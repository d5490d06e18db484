"""The driver: runs what is planned and not yet done, and keeps the ledger."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from lps_sweep.config import flat
from lps_sweep.errors import ExitCode, StorageError
from lps_sweep.files import inside
from lps_sweep.plan import (
    Outstanding,
    PlannedTrial,
    SearchSpace,
    axes,
    default_config,
    defaults,
    expand,
    make_packs,
)
from lps_sweep.results import (
    CheckpointRecord,
    Counts,
    FileRef,
    Json,
    Ledger,
    PlanChange,
    SweepRecord,
    TrialRecord,
    driver_lock,
    sha256_file,
)
from lps_sweep.sweep.casualties import Casualties
from lps_sweep.sweep.content import content_of
from lps_sweep.sweep.executor import Blame, Death, Executor
from lps_sweep.sweep.jobs import JobMember, PackJob, Place, TrunkJob, trunk_file
from lps_sweep.sweep.keeper import Keeper, refuse_loss
from lps_sweep.sweep.progress import Progress
from lps_sweep.sweep.provenance import provenance
from lps_sweep.sweep.recorder import Recorder
from lps_sweep.sweep.splits import keep_splits


@dataclass(frozen=True)
class Outcome:
    """What a call of `run_sweep` found and did."""

    counts: Counts
    change: PlanChange
    ran: int

    @property
    def exit_code(self) -> ExitCode:
        """0 only if every planned trial is done or was stopped by a rule."""
        if self.counts.not_run or self.counts.running:
            return ExitCode.INCOMPLETE
        if self.counts.failed or self.counts.diverged:
            return ExitCode.TRIALS_FAILED
        return ExitCode.DONE


def run_sweep(
    space: SearchSpace,
    results: Path,
    *,
    make_executor: Callable[[], Executor],
    make_progress: Callable[[Sequence[PlannedTrial], Mapping[str, str]], Progress],
) -> Outcome:
    """Runs the trials of `space` that have no outcome yet; always resumable.

    Args:
        space: The search space.
        results: The results folder; made if missing.
        make_executor: Called only if something is to be run.
        make_progress: Called with the trials and the outcomes so far, likewise.

    Raises:
        BadInputError: Data are missing or do not fit.
        FolderOwnedError: Another driver owns the folder.
        StorageError: The results folder cannot be read or written.
    """
    trials = expand(space, content_of)
    results = results.absolute()
    with driver_lock(results), _open_ledger(results) as ledger:
        change = ledger.record_plan(sweep_record(space), [trial_record(t) for t in trials])
        keeper = Keeper(results, ledger)
        keeper.begin(space.name)
        todo = len(ledger.outstanding(space.name))
        if todo:
            keeper.copy(now=True)
            keep_splits((trial.config for trial in trials), results)
            outcomes = ledger.outcomes(space.name)
            with make_executor() as executor, make_progress(trials, outcomes) as progress:
                progress.placed(executor.where)
                Driver(space, trials, results, ledger, executor, progress).run()
            keeper.copy(now=True)
        return Outcome(ledger.counts(space.name, driver_alive=False), change, todo)


def make_trunk(
    space: SearchSpace,
    results: Path,
    *,
    make_executor: Callable[[], Executor],
    make_progress: Callable[[Sequence[PlannedTrial], Mapping[str, str]], Progress],
) -> FileRef:
    """The pre-trained trunk of a sweep of one, made now unless it is there.

    Raises:
        The errors of `run_sweep`.
    """
    trials = expand(space, content_of)
    results = results.absolute()
    with driver_lock(results), Ledger.open(results, write=True) as ledger:
        if trunk_file(results, trials[0].trunk) is None:
            with make_executor() as executor, make_progress(trials, {}) as progress:
                Driver(space, trials, results, ledger, executor, progress).make_trunks(trials)
    made = trunk_file(results, trials[0].trunk)
    if made is None:
        raise StorageError(f"{results}: the trunk {trials[0].trunk} cannot be read back")
    return made


def _open_ledger(results: Path) -> Ledger:
    refuse_loss(results)
    return Ledger.open(results, write=True)


def sweep_record(space: SearchSpace) -> SweepRecord:
    """The sweep as the ledger keeps it."""
    return SweepRecord(
        name=space.name,
        question=space.question,
        source=space.source,
        axes={name: [_json(v) for v in values] for name, values in axes(space).items()},
        defaults={name: _json(value) for name, value in defaults(space).items()},
        settings={name: _json(value) for name, value in flat(default_config(space)).items()},
        seeds=list(space.seeds),
        preset=space.preset,
    )


def trial_record(trial: PlannedTrial) -> TrialRecord:
    """The trial as the ledger keeps it."""
    return TrialRecord(
        trial_id=trial.trial_id,
        config={name: _json(value) for name, value in flat(trial.config).items()},
        seed=trial.seed,
        pack_key=trial.pack_key,
        swept={name: _json(value) for name, value in trial.swept.items()},
    )


def _json(value: object) -> Json:
    return list(value) if isinstance(value, tuple) else value  # type: ignore[return-value]


class Driver:
    """Hands out jobs until every trial of a sweep has its outcome."""

    def __init__(
        self,
        space: SearchSpace,
        trials: Iterable[PlannedTrial],
        results: Path,
        ledger: Ledger,
        executor: Executor,
        progress: Progress,
    ) -> None:
        self._space = space
        self._trials = {trial.trial_id: trial for trial in trials}
        self._ledger = ledger
        self._executor = executor
        self._casualties = Casualties(space.resources.max_attempts)
        self._keeper = Keeper(results, ledger)
        self._recorder = Recorder(ledger, self._casualties, progress, self._keeper)
        self._progress = progress
        self._place = Place(results, executor.device, space.resources.cpus_per_pack)
        self._num_packs = 0

    def run(self) -> None:
        """Trains until nothing is outstanding; dead packs are tried again or failed."""
        self.make_trunks([self._trials[t] for t in self._ledger.outstanding(self._space.name)])
        while outstanding := self._ledger.outstanding(self._space.name):
            alone = [t for t in outstanding if t in self._casualties.quarantine]
            together = [t for t in outstanding if t not in self._casualties.quarantine]
            if together:
                self._train(self._packs(together))
            for pack in self._packs(alone):
                self._train([pack])

    def make_trunks(self, trials: Iterable[PlannedTrial]) -> None:
        """Pre-trains what `trials` need and is not there, each recipe once."""
        needed = {trial.trunk: trial.config for trial in trials}
        jobs = [
            TrunkJob(self._place, trunk, flat(config))
            for trunk, config in needed.items()
            if trunk_file(self._place.results, trunk) is None
        ]
        if jobs:
            self._progress.pretraining(len(jobs))
            for death in self._executor.run(jobs, self._recorder.accept):
                raise death.error or StorageError(f"pre-training failed: {death.reason}")

    def _packs(self, trial_ids: Sequence[str]) -> list[tuple[str, ...]]:
        """Packs of trials that share key and epoch, no larger than what befell them allows."""
        limits = {t: self._casualties.limits.get(t) for t in trial_ids}
        packs: list[tuple[str, ...]] = []
        for limit in sorted(set(limits.values()), key=lambda n: -(n or 10**9)):
            chosen = [t for t in trial_ids if limits[t] == limit]
            groups = [Outstanding(t, self._group(t)) for t in chosen]
            largest = self._space.resources.max_pack_size
            sizes = [size for size in (largest, limit) if size]
            packs += make_packs(
                groups,
                num_workers=1 if limit else self._executor.num_workers,
                max_pack_size=min(sizes) if sizes else None,
            )
        return packs

    def _group(self, trial_id: str) -> tuple[str, int, str]:
        checkpoint = self._checkpoint(trial_id)
        key = self._trials[trial_id].pack_key
        return (key, checkpoint.epoch, checkpoint.run.sha256) if checkpoint else (key, 0, "")

    def _checkpoint(self, trial_id: str) -> CheckpointRecord | None:
        """The newest checkpoint whose files are there and intact."""
        for record in self._ledger.checkpoints(trial_id):
            if self._intact(record):
                return record
        return None

    def _intact(self, record: CheckpointRecord) -> bool:
        try:
            return all(
                sha256_file(inside(self._place.results, file.path)) == file.sha256
                for file in (record.member, record.run)
            )
        except StorageError:
            return False

    def _train(self, packs: Iterable[Sequence[str]]) -> None:
        jobs = [self._job(pack) for pack in packs]
        self._recorder.pack_sizes = {m.trial_id: len(j.members) for j in jobs for m in j.members}
        deaths = {
            death.job.job_id: death for death in self._executor.run(jobs, self._recorder.accept)
        }
        for death in deaths.values():
            if death.error:
                raise death.error
        for job in jobs:
            self._bury(job, deaths.get(job.job_id))

    def _job(self, pack: Sequence[str]) -> PackJob:
        self._num_packs += 1
        first = self._trials[pack[0]]
        name = f"{first.pack_key}-{self._num_packs}"
        attempts = self._ledger.start_attempts(pack, name, provenance())
        members = tuple(
            JobMember(t, attempts[t], flat(self._trials[t].config), self._checkpoint(t))
            for t in pack
        )
        interval = self._space.resources.checkpoint_interval_s
        return PackJob(self._place, name, first.seed, first.trunk, members, interval)

    def _bury(self, job: PackJob, death: Death | None) -> None:
        """Ends the attempts that a job left open, and fails a trial that keeps dying alone."""
        left = set(self._ledger.outstanding(self._space.name))
        open_ = {m.trial_id for m in job.members if m.trial_id in left}
        members = [m for m in job.members if m.trial_id in open_ and self._is_open(m)]
        if not members:
            return
        death = death or Death(job, "the worker ended without a word")
        fail = death.blame is not Blame.NONE and self._casualties.died(
            [m.trial_id for m in members], certain=death.blame is Blame.CERTAIN
        )
        for member in members:
            if fail:
                epoch = member.checkpoint.epoch if member.checkpoint else 0
                self._ledger.finish(
                    member.trial_id, member.attempt, "failed", epoch=epoch, error=death.reason
                )
                self._keeper.finished([member.trial_id])
                self._progress.outcome(member.trial_id, "failed", {})
            else:
                self._ledger.end_attempt(member.trial_id, member.attempt, death.reason)

    def _is_open(self, member: JobMember) -> bool:
        records = self._ledger.attempts(member.trial_id)
        return any(r.attempt == member.attempt and not r.ended for r in records)
