"""What places jobs: the protocol, and the executor that runs them in the calling process."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import traceback
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import Protocol, Self

from lps_sweep import train
from lps_sweep.config import Config
from lps_sweep.errors import BadInputError, DeviceError, LpsSweepError
from lps_sweep.plan import GPU_PARTS, Resources
from lps_sweep.process import tight_limits
from lps_sweep.results.times import now
from lps_sweep.sweep.jobs import Job, perform
from lps_sweep.sweep.rows import Row, placed
from lps_sweep.sweep.time_limit import EpochTimeoutError, time_limit

LOAD_S = 30
"""Seconds of computing in which what training needs is loaded; it takes about 3."""

_LOAD = """
import resource, sys
resource.setrlimit(resource.RLIMIT_CPU, (int(sys.argv[1]),) * 2)
sys.path.append(sys.argv[2])
from lps_sweep.train import train_pack
"""

Accept = Callable[[list[Row]], None]
"""Takes what a job reports."""

Ended = Callable[[Job, "Death | None"], Sequence[Job]]
"""Told of each job once it is over, with its death unless it did all its work; gives jobs to run
besides."""


class Blame(Enum):
    """What a job has to do with its end."""

    CERTAIN = "it died"
    POSSIBLE = "it was one of several that ran when the executor gave up"
    NONE = "it had not been started, or what it ran on was taken away"
    DEVICE = "its device broke, which may be learnt of late and in the work of another"
    MEMORY = "its members need more memory together than there is"


@dataclass(frozen=True)
class Death:
    """A job that ended without doing all its work.

    Attributes:
        reason: What is known of the cause, for people.
        blame: What the job has to do with it.
        error: An error that the job met and that ends the sweep: of bad input or storage, or of
            the device that this process cannot use any more.
        at: When it was learnt of, as `times.now` tells it.
    """

    reason: str
    blame: Blame = Blame.CERTAIN
    error: LpsSweepError | None = None
    at: float = field(default_factory=now, compare=False)


class Executor(Protocol):
    """Runs jobs, as many at a time as there is room for.

    Attributes:
        num_workers: How many packs run at the same time.
        device: Name of the torch device of a job.
        gpus_per_pack: GPUs that a job holds, a fraction where jobs share one; 0 on CPUs.
        where: A few words on where jobs run, for people.
    """

    num_workers: int
    device: str
    gpus_per_pack: float
    where: str

    def __enter__(self) -> Self: ...

    def __exit__(self, *_: object) -> None: ...

    def prepare(self, configs: Iterable[Config]) -> None:
        """Makes sure that jobs of `configs` can be done wherever they may be placed.

        Raises:
            BadInputError: They cannot.
            StorageError: The results folder is not there.
        """

    def run(self, jobs: Sequence[Job], accept: Accept, ended: Ended) -> None:
        """Runs `jobs` and those that `ended` gives, until all are over.

        What `ended` gives goes before what waits. Errors of `accept` and `ended` are raised.
        """


class InlineExecutor:
    """Runs one job after the other in the calling process, without Ray."""

    num_workers = 1

    def __init__(self, resources: Resources) -> None:
        self._resources = resources
        self.device = "cpu"
        self.gpus_per_pack = 0.0
        self.where = "in this process"

    def __enter__(self) -> Self:
        if any(tight_limits()):
            try_trainer()
        _ = train.train_pack, train.Pretraining  # a time limit must not end their loading halfway
        wanted = self._resources.gpus_per_pack
        self.gpus_per_pack = train.gpus_for_pack(wanted, alone=True)
        self.device = "cuda" if self.gpus_per_pack else "cpu"
        found = train.usable_gpus()
        if wanted is None and found.driver and found.trouble:
            self.where += f" on the CPU, for {found.trouble}"
        return self

    def __exit__(self, *_: object) -> None:
        """Nothing is left to close."""

    def prepare(self, configs: Iterable[Config]) -> None:
        """This process has planned them."""

    def run(self, jobs: Sequence[Job], accept: Accept, ended: Ended) -> None:
        """Runs one job at a time."""
        waiting = deque(jobs)
        while waiting:
            job = waiting.popleft()
            waiting.extendleft(reversed(ended(job, self._perform(job, accept))))

    def _perform(self, job: Job, accept: Accept) -> Death | None:
        reports = perform(job)
        while True:
            try:
                with time_limit(self._resources.epoch_time_limit_s):
                    rows = next(reports)
            except StopIteration:
                return None
            except LpsSweepError as error:
                return Death(str(error), blame_of(error), error)
            except EpochTimeoutError as error:
                return Death(f"{error}; {_where(error)}")
            except Exception:
                return Death(traceback.format_exc())
            accept(placed(rows, worker_name(here(["0"] if self.gpus_per_pack else []), 1)))


def try_trainer() -> None:
    """Loads in a child process what training needs.

    Where memory is short, compiled code ends the process that loads it, or tries for ever.

    Raises:
        BadInputError: It cannot be loaded.
    """
    command = [sys.executable, "-P", "-c", _LOAD, str(LOAD_S), str(Path(__file__).parents[2])]
    child = subprocess.run(command, capture_output=True, check=False)
    if child.returncode:
        told = child.stderr.decode(errors="replace").strip().rpartition("\n")[2].strip()
        causes = [told or "it is not done in time", *tight_limits()]
        raise BadInputError(f"what training needs cannot be loaded: {'; '.join(causes)}")


def run_all(executor: Executor, jobs: Sequence[Job], accept: Accept) -> list[Death]:
    """Runs `jobs`, none of them twice; those that did not do all their work.

    Raises:
        LpsSweepError: What ends the sweep.
    """
    deaths: list[Death] = []

    def ended(_: Job, death: Death | None) -> Sequence[Job]:
        if death:
            raise_error(death)
            deaths.append(death)
        return ()

    executor.run(jobs, accept, ended)
    return deaths


def raise_error(death: Death) -> None:
    """Raises the error of `death` that ends the sweep, if there is one."""
    if isinstance(death.error, DeviceError):
        raise left_by(death)
    if death.error:
        raise death.error


def left_by(death: Death) -> DeviceError:
    """What ends a sweep with a device that cannot go on."""
    then = "in packs of half the size" if death.blame is Blame.MEMORY else "for none is to blame"
    return DeviceError(
        f"{death.reason}. What was finished is recorded. Give the same command again: trials that "
        f"were in training go on from their checkpoints, {then}."
    )


def blame_of(error: BaseException) -> Blame:
    """What a job has to do with the error that it ended with."""
    if not isinstance(error, DeviceError):
        return Blame.CERTAIN
    return Blame.MEMORY if error.out_of_memory else Blame.DEVICE


def here(gpus: Sequence[str]) -> str:
    """This machine and the `gpus` of it that a job got, or its CPUs."""
    device = f"GPU {'+'.join(gpus)}" if gpus else "CPU"
    return f"{socket.gethostname()} {device}"


def worker_name(place: str, slot: int) -> str:
    """The `slot`, from 1, of a place as `here` names it: it trains one pack at a time."""
    return f"{place} #{slot}"


def _where(error: BaseException) -> str:
    """The lines of code that an error came through."""
    return "it stood here:\n" + "".join(traceback.format_tb(error.__traceback__)[:-1])


def room(cpus: float, gpus: float, cpus_per_pack: float, gpus_per_pack: float) -> int:
    """How many packs one machine has room for; those that share a GPU have it whole, or not."""
    fitting = int(cpus // cpus_per_pack)
    if not gpus_per_pack:
        return fitting
    parts = round(gpus_per_pack * GPU_PARTS)
    per_gpu = GPU_PARTS // parts if gpus_per_pack < 1 else 0
    return min(fitting, int(gpus) * per_gpu if per_gpu else int(gpus // gpus_per_pack))


def usable_cpus() -> int:
    """CPU cores that this process may use."""
    return len(os.sched_getaffinity(0))
