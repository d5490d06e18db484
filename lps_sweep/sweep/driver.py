"""The driver: hands out jobs and keeps the ledger until nothing is outstanding."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Sequence
from functools import partial
from pathlib import Path

from lps_sweep.errors import DeviceError, StorageError
from lps_sweep.plan import PlannedTrial, SearchSpace
from lps_sweep.results import Ledger
from lps_sweep.signals import check_interrupted
from lps_sweep.sweep.budget import Budget, Meter
from lps_sweep.sweep.executor import Blame, Death, Executor, left_by, raise_error, run_all
from lps_sweep.sweep.jobs import CostJob, Job, PackJob, Place, TrunkJob
from lps_sweep.sweep.orders import Orders
from lps_sweep.sweep.packing import (
    Packing,
    is_measured,
    newest_checkpoint,
    pack_size,
    sizes_in_words,
)
from lps_sweep.sweep.progress import Progress
from lps_sweep.sweep.recorder import Recorder, provenance
from lps_sweep.sweep.retries import OUT_OF_MEMORY, Retries
from lps_sweep.sweep.rows import CostRow, MemberRow, Row
from lps_sweep.sweep.stopping import Judge, needed_metrics
from lps_sweep.sweep.store import store_of
from lps_sweep.sweep.trunks import trunk_file
from lps_sweep.text import error_line
from lps_sweep.train.events import Finished, MemberSpec, PackCosts, PackSpec


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
        check: Callable[[], None] = lambda: None,
    ) -> None:
        self._space = space
        self._trials = {trial.trial_id: trial for trial in trials}
        self._ledger = ledger
        self._executor = executor
        self._progress = progress
        self._retries = Retries(space.resources.max_attempts)
        self._judge = Judge(space.name, space.stopping, self._trials) if space.stopping else None
        store = store_of(results)
        self._orders = Orders(store)
        self._recorder = Recorder(
            results,
            ledger,
            self._retries,
            progress,
            needed=needed_metrics(space),
            judge=self._judge,
        )
        share = min(1.0, executor.gpus_per_pack or 1.0)
        self._place = Place(store, executor.device, space.resources.cpus_per_pack, share)
        self._check = check
        self._num_packs = 0
        largest = space.resources.max_pack_size
        checkpoint = partial(newest_checkpoint, store, ledger)
        self._packing = Packing(self._trials, checkpoint, self._retries.limits, largest)
        self._meter = Meter(budget or Budget(), executor.gpus_per_pack)
        self._broken: Death | None = None
        self.spent = ""

    def extend(self, space: SearchSpace, trials: Iterable[PlannedTrial]) -> None:
        """Trials that the plan has now; of a space beside the first, no rule ends any more."""
        self._trials.update({trial.trial_id: trial for trial in trials})
        if space.name != self._space.name:
            self._space, self._judge = space, None
            self._recorder.judge, self._recorder.needed = None, needed_metrics(space)

    def run(self, chosen: Sequence[str]) -> None:
        """Trains until none of `chosen` is outstanding, or a budget is spent.

        Dead packs are tried again or failed.
        """
        left = self.outstanding(chosen)
        tried = {t: self._ledger.attempts(t) for t in left}
        self._retries.remember({t: attempts[-1] for t, attempts in tried.items() if attempts})
        self.make_trunks([self._trials[t] for t in left])
        while (ready := self._ready(chosen)) and not self._is_spent():
            alone = [t for t in ready if t in self._retries.apart]
            together = [t for t in ready if t not in self._retries.apart]
            if together:
                self._measure(together)
                self._train(self._packs(together))
            for pack in self._packs(alone):
                if not self._is_spent():
                    self._train([pack])

    def make_trunks(self, trials: Iterable[PlannedTrial]) -> None:
        """Pre-trains what `trials` need and is not there, each recipe once.

        What died is tried again, as often as a trial would be; what was lost with its node, always.
        """
        needed = {trial.trunk: trial.config for trial in trials}
        resources = self._space.resources
        tried = 0
        while jobs := [
            TrunkJob(self._place, trunk, config, resources.checkpoint_interval_s)
            for trunk, config in needed.items()
            if trunk_file(self._place.store, trunk) is None
        ]:
            trunks = "1 trunk" if len(jobs) == 1 else f"{len(jobs)} trunks"
            self._progress.say(f"pre-training {trunks} first; kept for later sweeps")
            deaths = run_all(self._executor, jobs, self._accept)
            if not deaths:
                return
            died = [death for death in deaths if death.blame is not Blame.NONE]
            tried += bool(died)
            if died and tried == resources.max_attempts:
                if died[0].blame is Blame.DEVICE:
                    raise left_by(died[0])
                raise StorageError(f"pre-training failed: {error_line(died[0].reason)}")

    def outstanding(self, chosen: Sequence[str]) -> list[str]:
        """Those of `chosen` without an outcome, in the order of the plan."""
        wanted = set(chosen)
        return [t for t in self._ledger.outstanding(self._space.name) if t in wanted]

    def _ready(self, chosen: Sequence[str]) -> list[str]:
        """Those of `chosen` that can be trained now; a rule may let some wait for others."""
        for event in self._recorder.settle():
            self._meter.ended(event)
        outstanding = self.outstanding(chosen)
        waiting = self._judge.waiting(outstanding) if self._judge else set()
        return [t for t in outstanding if t not in waiting] or outstanding

    def _packs(self, trial_ids: Sequence[str]) -> list[tuple[str, ...]]:
        return self._packing.packs(trial_ids, self._executor.num_workers)

    def _measure(self, trial_ids: Sequence[str]) -> None:
        """Measures what packs cost, where it was asked for and is not known."""
        on_gpu = self._place.device.startswith("cuda")
        if not is_measured(self._space.resources, on_gpu=on_gpu):
            return
        jobs: dict[str, CostJob] = {}
        shapes: dict[str, Hashable] = {}
        for shape, trial_id in self._packing.unmeasured(trial_ids).items():
            name = f"costs-{trial_id}"
            member = MemberSpec(trial_id, self._trials[trial_id].config)
            shapes[name] = shape
            jobs[name] = CostJob(self._place, name, self._spec([member]))
        if not jobs:
            return
        found: dict[str, PackCosts] = {}

        def accept(rows: list[Row]) -> None:
            check_interrupted()
            found.update({row.job_id: row.costs for row in rows if isinstance(row, CostRow)})

        run_all(self._executor, [*jobs.values()], accept)
        workers = self._executor.num_workers, self._executor.gpus_per_pack
        sizes = {name: pack_size(found.get(name), *workers) for name in jobs}
        self._packing.sizes |= {shapes[name]: size for name, size in sizes.items()}
        self._progress.say(sizes_in_words(found, sizes))

    def _accept(self, rows: list[Row]) -> None:
        self._check()
        self._record(rows)
        check_interrupted()
        self._is_spent()

    def _record(self, rows: Sequence[Row], at: float | None = None) -> None:
        """Records `rows`; packs are told which of their members a rule has ended."""
        accepted = self._recorder.accept(rows, at)
        ended = [row for row in accepted if isinstance(row, MemberRow)]
        stopped = {
            row.event.trial_id: row.attempt
            for row in ended
            if isinstance(row.event, Finished) and row.event.status == "stopped"
        }
        if stopped:
            self._orders.stop(stopped)
        self._meter.note(accepted)

    def _is_spent(self) -> bool:
        """Whether a budget is spent; if it has just been, the packs that wait are told."""
        if not self.spent and (limit := self._meter.spent()):
            self._orders.begin_nothing()
            self.spent = limit
            self._progress.say(f"budget: {limit}; nothing more is started")
        return bool(self.spent)

    def _train(self, packs: Iterable[Sequence[str]]) -> None:
        """Trains `packs`; what is left of one that died is handed out again while others go on."""
        check_interrupted()
        jobs = [self._job(pack) for pack in packs]
        open_jobs = {job.job_id: job for job in jobs}

        def ended(job: Job, death: Death | None) -> Sequence[Job]:
            assert isinstance(job, PackJob)
            del open_jobs[job.job_id]
            if death and not isinstance(death.error, DeviceError):
                raise_error(death)
            left = self._close(job, death)
            packs = self._packing.again(left, self._executor.num_workers, len(open_jobs))
            again = [] if self._is_spent() else [self._job(pack) for pack in packs]
            open_jobs.update((one.job_id, one) for one in again)
            return again

        try:
            self._executor.run(jobs, self._accept, ended)
        except DeviceError:
            for job in open_jobs.values():
                self._close(job, Death("not started", Blame.NONE))
            raise
        if self._broken:
            raise left_by(self._broken)

    def _job(self, pack: Sequence[str]) -> PackJob:
        self._num_packs += 1
        name = f"{self._trials[pack[0]].pack_key}-{self._num_packs}"
        attempts = self._ledger.start_attempts(pack, name, provenance())
        self._recorder.pack_sizes |= dict.fromkeys(pack, len(pack))
        members = [MemberSpec(t, self._trials[t].config, self._packing.checkpoint(t)) for t in pack]
        started = members[0].checkpoint
        first = started.epoch if started else 0
        until = self._judge.until(pack, first) if self._judge else None
        return PackJob(self._place, name, self._spec(members, until), attempts)

    def _spec(self, members: Sequence[MemberSpec], until: int | None = None) -> PackSpec:
        first = self._trials[members[0].trial_id]
        place = self._place
        backbone = trunk_file(place.store, first.trunk)
        if backbone is None:
            raise StorageError(f"the pre-trained trunk {first.trunk} is missing or damaged")
        return PackSpec(
            members=tuple(members),
            seed=first.seed,
            backbone=backbone,
            checkpoints=Path("checkpoints"),
            checkpoint_interval_s=self._space.resources.checkpoint_interval_s,
            device=place.device,
            num_threads=first.config.loop.threads or place.num_threads,
            needed=needed_metrics(self._space),
            rungs=self._judge.rungs if self._judge else (),
            until=until,
            gpu_share=place.gpu_share,
        )

    def _close(self, job: PackJob, death: Death | None) -> list[str]:
        """Ends the attempts that a job left open, and fails a trial that keeps dying alone.

        Returns:
            The trials that it left, to be tried again at once.

        Raises:
            DeviceError: This process cannot use its device any more.
        """
        self._orders.forget(job.attempts)
        outstanding = self.outstanding([*job.attempts])
        members = [m for m in job.members if m.trial_id in outstanding and self._is_open(job, m)]
        death = death or Death("the worker ended without a word")
        ids = [m.trial_id for m in members]
        over = bool(ids) and self._retries.is_over(death.blame, ids)
        for member in members:
            attempt = job.attempts[member.trial_id]
            if over and death.blame is not Blame.DEVICE:
                epoch = member.checkpoint.epoch if member.checkpoint else 0
                end = Finished(member.trial_id, "failed", epoch, error=death.reason)
                self._record([MemberRow(attempt, end)], death.at)
            else:
                why = OUT_OF_MEMORY if death.blame is Blame.MEMORY else ""
                self._ledger.end_attempt(member.trial_id, attempt, why + death.reason, death.at)
        if death.error:
            raise left_by(death)
        if over and death.blame is Blame.DEVICE:
            self._broken = death
            return []
        # Who waits is to be compared with others first.
        waits = (t for t in outstanding if self._ledger.attempts(t)[-1].waits)
        waiting = {*self._retries.apart, *waits}
        return [t for t in self.outstanding(outstanding) if t not in waiting]

    def _is_open(self, job: PackJob, member: MemberSpec) -> bool:
        attempt = job.attempts[member.trial_id]
        records = self._ledger.attempts(member.trial_id)
        return any(r.attempt == attempt and not r.ended for r in records)
