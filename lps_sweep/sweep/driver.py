"""The driver: hands out jobs and keeps the ledger until nothing is outstanding."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from lps_sweep.config import flat
from lps_sweep.errors import StorageError
from lps_sweep.failpoints import failpoint
from lps_sweep.plan import PlannedTrial, SearchSpace
from lps_sweep.results import Ledger
from lps_sweep.sweep.budget import Budget, Meter, forbid_packs
from lps_sweep.sweep.casualties import Casualties
from lps_sweep.sweep.costs import measured_costs, pack_sizes, sizes_in_words
from lps_sweep.sweep.executor import Blame, Death, Executor
from lps_sweep.sweep.jobs import JobMember, PackJob, Place, TrunkJob
from lps_sweep.sweep.keeper import Keeper
from lps_sweep.sweep.packing import Packing
from lps_sweep.sweep.progress import Progress
from lps_sweep.sweep.provenance import provenance
from lps_sweep.sweep.recorder import Recorder
from lps_sweep.sweep.rows import OutcomeRow, Row
from lps_sweep.sweep.signals import check_interrupted
from lps_sweep.sweep.stopping import Judge, needed_metrics
from lps_sweep.sweep.stopping_orders import Orders
from lps_sweep.sweep.trunks import trunk_file


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
        budget: Budget | None = None,
    ) -> None:
        self._space = space
        self._trials = {trial.trial_id: trial for trial in trials}
        self._ledger = ledger
        self._executor = executor
        self._casualties = Casualties(space.resources.max_attempts)
        self._keeper = Keeper(results, ledger)
        self._judge: Judge | None = None
        self._orders: Orders | None = None
        if space.stopping:
            self._judge = Judge(space.name, space.stopping, self._trials)
            self._orders = Orders(results)
        self._recorder = Recorder(
            ledger,
            self._casualties,
            progress,
            self._keeper,
            needed=needed_metrics(space),
            judge=self._judge,
        )
        self._progress = progress
        self._place = Place(results, executor.device, space.resources.cpus_per_pack)
        self._num_packs = 0
        largest = space.resources.max_pack_size
        self._packing = Packing(self._trials, results, ledger, self._casualties.limits, largest)
        self._meter = Meter(budget or Budget(), executor.gpus_per_pack)
        self.spent = ""

    def extend(self, trials: Iterable[PlannedTrial]) -> None:
        """Trials that the plan has now."""
        self._trials.update({trial.trial_id: trial for trial in trials})

    def run(self, chosen: Sequence[str]) -> None:
        """Trains until none of `chosen` is outstanding, or a budget is spent.

        Dead packs are tried again or failed.
        """
        self.make_trunks([self._trials[t] for t in self.outstanding(chosen)])
        while (ready := self._ready(chosen)) and not self._is_spent():
            alone = [t for t in ready if t in self._casualties.quarantine]
            together = [t for t in ready if t not in self._casualties.quarantine]
            if together:
                self._measure(together)
                self._train(self._packs(together))
            for pack in self._packs(alone):
                if not self._is_spent():
                    self._train([pack])

    def make_trunks(self, trials: Iterable[PlannedTrial]) -> None:
        """Pre-trains what `trials` need and is not there, each recipe once.

        What died is tried again, as often as a trial would be.
        """
        needed = {trial.trunk: trial.config for trial in trials}
        interval = self._space.resources.checkpoint_interval_s
        deaths: list[Death] = []
        for _ in range(self._space.resources.max_attempts):
            jobs = [
                TrunkJob(self._place, trunk, flat(config), interval)
                for trunk, config in needed.items()
                if trunk_file(self._place.results, trunk) is None
            ]
            if not jobs:
                return
            self._progress.pretraining(len(jobs))
            deaths = self._executor.run(jobs, self._accept)
            if not deaths:
                return
            for death in deaths:
                if death.error:
                    raise death.error
        for death in deaths:
            raise StorageError(f"pre-training failed: {death.reason}")

    def outstanding(self, chosen: Sequence[str]) -> list[str]:
        """Those of `chosen` without an outcome, in the order of the plan."""
        wanted = set(chosen)
        return [t for t in self._ledger.outstanding(self._space.name) if t in wanted]

    def _ready(self, chosen: Sequence[str]) -> list[str]:
        """Those of `chosen` that can be trained now; a rule may let some wait for others."""
        for row in self._recorder.settle():
            self._meter.ended(row.trial_id, row.status)
        outstanding = self.outstanding(chosen)
        waiting = self._judge.waiting(outstanding) if self._judge else set()
        return [t for t in outstanding if t not in waiting] or outstanding

    def _packs(self, trial_ids: Sequence[str]) -> list[tuple[str, ...]]:
        return self._packing.packs(trial_ids, self._executor.num_workers)

    def _measure(self, trial_ids: Sequence[str]) -> None:
        """Measures what packs cost, where it was asked for and is not known."""
        asked = self._space.resources.measure_packs
        if not (self._place.device.startswith("cuda") if asked is None else asked):
            return
        unmeasured = {
            shape: self._trials[t] for shape, t in self._packing.unmeasured(trial_ids).items()
        }
        found = measured_costs(unmeasured, self._place, self._executor)
        if unmeasured:
            self._packing.sizes |= pack_sizes(unmeasured, found, self._executor)
            self._progress.measured(sizes_in_words(found, self._packing.sizes))

    def _accept(self, rows: list[Row]) -> None:
        accepted = self._recorder.accept(rows)
        if self._orders:
            self._tell(self._orders, accepted)
        self._meter.note(accepted)
        check_interrupted()
        self._is_spent()

    def _tell(self, orders: Orders, accepted: Sequence[Row]) -> None:
        """Tells packs which of their members a rule has ended."""
        ended = [r for r in accepted if isinstance(r, OutcomeRow) and r.status == "stopped"]
        if ended:
            failpoint("stop.tell")
            orders.tell({row.trial_id: row.attempt for row in ended})
            failpoint("stop.told")

    def _is_spent(self) -> bool:
        """Whether a budget is spent; if it has just been, the packs that wait are told."""
        if not self.spent and (limit := self._meter.spent()):
            forbid_packs(self._place.results, limit)
            self.spent = limit
            self._progress.spent(limit)
        return bool(self.spent)

    def _train(self, packs: Iterable[Sequence[str]]) -> None:
        check_interrupted()
        jobs = [self._job(pack) for pack in packs]
        self._recorder.pack_sizes = {m.trial_id: len(j.members) for j in jobs for m in j.members}
        deaths = {death.job.job_id: death for death in self._executor.run(jobs, self._accept)}
        for death in deaths.values():
            if death.error:
                raise death.error
        for job in jobs:
            self._bury(job, deaths.get(job.job_id))
            if self._orders:
                self._orders.forget(m.trial_id for m in job.members)

    def _job(self, pack: Sequence[str]) -> PackJob:
        self._num_packs += 1
        first = self._trials[pack[0]]
        name = f"{first.pack_key}-{self._num_packs}"
        attempts = self._ledger.start_attempts(pack, name, provenance())
        members = tuple(
            JobMember(t, attempts[t], flat(self._trials[t].config), self._packing.checkpoint(t))
            for t in pack
        )
        started = members[0].checkpoint
        judge = self._judge
        return PackJob(
            self._place,
            name,
            first.seed,
            first.trunk,
            members,
            self._space.resources.checkpoint_interval_s,
            needed=needed_metrics(self._space),
            rungs=judge.rungs if judge else (),
            until=judge.until(pack, started.epoch if started else 0) if judge else None,
        )

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
                    member.trial_id,
                    member.attempt,
                    "failed",
                    epoch=epoch,
                    error=death.reason,
                    at=death.at,
                )
                self._keeper.finished([member.trial_id])
                self._progress.outcome(member.trial_id, "failed", {})
                self._meter.ended(member.trial_id, "failed")
            else:
                self._ledger.end_attempt(member.trial_id, member.attempt, death.reason, death.at)

    def _is_open(self, member: JobMember) -> bool:
        records = self._ledger.attempts(member.trial_id)
        return any(r.attempt == member.attempt and not r.ended for r in records)
