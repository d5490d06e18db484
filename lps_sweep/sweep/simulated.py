"""What the driver decides over packs, on simulated nodes: how long a sweep takes, without rows."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from lps_sweep.config import Config
from lps_sweep.plan import PlannedTrial, Resources
from lps_sweep.sweep.costs import Cost, Kind, kind_of_config, num_epochs
from lps_sweep.sweep.executor import Blame
from lps_sweep.sweep.packing import Packing, PackSize, is_measured, pack_size, shape_of
from lps_sweep.sweep.retries import Losses, Retries
from lps_sweep.sweep.simulation import SimulatedJob, Simulation
from lps_sweep.train.events import Checkpoint, PackCosts, SavedFile

NO_FILE = SavedFile(Path(), "")


@dataclass(frozen=True)
class Workers:
    """Packs at a time, and the GPUs that each holds."""

    number: int
    gpus: float


@dataclass(frozen=True)
class Work:
    """What is left to do of a sweep, and what it costs.

    Attributes:
        rounds: The trials; those of a round begin when all before it have ended.
        trunks: A configuration for each trunk that is to be pre-trained first.
        costs: Of each kind of trial, as far as they are known.
        resources: What a pack gets.
    """

    rounds: Sequence[Sequence[PlannedTrial]]
    trunks: Sequence[Config]
    costs: Mapping[Kind, Cost]
    resources: Resources

    @property
    def trials(self) -> list[PlannedTrial]:
        """Those of all rounds."""
        return [trial for trials in self.rounds for trial in trials]

    @property
    def is_known(self) -> bool:
        """Whether the cost of every trial is."""
        return all(kind_of_config(trial.config) in self.costs for trial in self.trials)

    def pretraining(self) -> list[SimulatedJob] | None:
        """A job for each trunk; None where their cost is not known."""
        jobs = []
        for number, config in enumerate(self.trunks):
            cost = self.costs.get(kind_of_config(config))
            if cost is None or cost.pretrain_epoch_s is None:
                return None
            epochs, seconds = config.pretrain.pretrain_epochs, cost.pretrain_epoch_s
            interval_s = self.resources.checkpoint_interval_s
            jobs.append(SimulatedJob((f"trunk-{number}",), 0, epochs, 0.0, seconds, interval_s))
        return jobs


class Ran(NamedTuple):
    """What a simulation of a sweep found: seconds of its pre-training, and trials that failed."""

    pretrain_s: float
    num_failed: int


class PretrainingError(Exception):
    """Its node is lost again and again, which ends a sweep."""


class SimulatedDriver:
    """Hands out simulated jobs as `Driver` does the real ones.

    Args:
        work: What is to be done.
        workers: All that there may be.

    Attributes:
        packs: Those of each round, in the order in which they are handed out.
    """

    def __init__(self, work: Work, workers: Workers) -> None:
        self.work = work
        self.workers = workers
        self._trials = {trial.trial_id: trial for trial in work.trials}
        self._reached: dict[str, Checkpoint] = {}
        largest = work.resources.max_pack_size
        self._packing = Packing(self._trials, self._reached.get, {}, largest, self._sizes())
        self.packs = [
            self._packing.packs([t.trial_id for t in trials], workers.number)
            for trials in work.rounds
        ]

    def run(self, simulation: Simulation) -> Ran:
        """Simulates all of the work, whose costs are known.

        Raises:
            PretrainingError: It fails.
        """
        self._reached.clear()
        self._losses = Losses()
        self._retries = Retries(self.work.resources.max_attempts)
        self._packing.limits = self._retries.limits
        self._num_failed = 0
        self._pretrain(simulation)
        pretrain_s = simulation.now_s
        for jobs in self._first_jobs:
            self._num_open = len(jobs)
            simulation.run(jobs, self._ended)
        return Ran(pretrain_s, self._num_failed)

    def _pretrain(self, simulation: Simulation) -> None:
        """As `Driver.make_trunks`: what was lost goes on when all others have ended."""
        jobs = self.work.pretraining() or []
        tried = 0
        while jobs:
            jobs = _lost_of(simulation, jobs)
            blames = [self._losses.blame(dict.fromkeys(job.members, 0)) for job in jobs]
            tried += any(blame is Blame.CERTAIN for blame in blames)
            if tried == self.work.resources.max_attempts:
                raise PretrainingError

    @functools.cached_property
    def _first_jobs(self) -> list[list[SimulatedJob]]:
        """Those of each round, by which every simulation begins."""
        return [[self._job(pack) for pack in packs] for packs in self.packs]

    def _sizes(self) -> dict[Hashable, PackSize]:
        """What a run would find of pack sizes, if it measured."""
        if not is_measured(self.work.resources, on_gpu=self.workers.gpus > 0):
            return {}
        shapes = {shape_of(trial.config): trial.config for trial in self._trials.values()}
        costs = {shape: self.work.costs.get(kind_of_config(c)) for shape, c in shapes.items()}
        return {
            shape: pack_size(
                PackCosts(cost.shared_s, cost.own_s, member_bytes=0, free_bytes=0),
                self.workers.number,
                self.workers.gpus,
            )
            for shape, cost in costs.items()
            if cost
        }

    def _job(self, pack: tuple[str, ...]) -> SimulatedJob:
        config = self._trials[pack[0]].config
        cost = self.work.costs[kind_of_config(config)]
        started = self._reached.get(pack[0])
        return SimulatedJob(
            members=pack,
            first=started.epoch if started else 0,
            last=num_epochs(config),
            start_s=cost.start_s,
            epoch_s=cost.epoch_s(len(pack)),
            interval_s=self.work.resources.checkpoint_interval_s,
        )

    def _ended(self, job: SimulatedJob, saved: int | None) -> list[SimulatedJob]:
        """What is left of a pack whose node was lost is packed again."""
        self._num_open -= 1
        if saved is None:
            return []
        if saved:
            self._reached |= dict.fromkeys(job.members, Checkpoint(saved, NO_FILE, NO_FILE))
        blame = self._losses.blame(dict.fromkeys(job.members, job.first))
        if self._retries.is_over(blame, job.members):
            self._num_failed += len(job.members)
            return []
        packs = self._packing.again(job.members, self.workers.number, self._num_open)
        self._num_open += len(packs)
        return [self._job(pack) for pack in packs]


def _lost_of(simulation: Simulation, jobs: Sequence[SimulatedJob]) -> list[SimulatedJob]:
    """Runs each of `jobs` once; what is left of those that were lost."""
    lost: list[SimulatedJob] = []

    def ended(job: SimulatedJob, saved: int | None) -> tuple[()]:
        if saved is not None:
            lost.append(dataclasses.replace(job, first=saved))
        return ()

    simulation.run(jobs, ended)
    return lost
