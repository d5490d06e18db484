"""What places jobs: the protocol, and the executor that runs them in the calling process."""

from __future__ import annotations

import os
import socket
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import Enum
from types import TracebackType
from typing import Protocol, Self

from lps_sweep.errors import LpsSweepError
from lps_sweep.plan import Resources
from lps_sweep.results.clock import now
from lps_sweep.sweep.alarm import EpochTimeoutError, time_limit
from lps_sweep.sweep.jobs import Job, perform
from lps_sweep.sweep.rows import Row, placed

Accept = Callable[[list[Row]], None]


class Blame(Enum):
    """What a job has to do with its end."""

    CERTAIN = "it died"
    POSSIBLE = "it was one of several that ran when the executor gave up"
    NONE = "it had not been started"


@dataclass(frozen=True)
class Death:
    """A job that ended without doing all its work.

    Attributes:
        job: The job.
        reason: What is known of the cause, for people.
        blame: What the job has to do with it.
        error: An error of bad input or storage that the job met; it ends the sweep.
        at: When it was learnt of, as `clock.now` tells it.
    """

    job: Job
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

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None: ...

    def run(self, jobs: Sequence[Job], accept: Accept) -> list[Death]:
        """Runs `jobs`, and hands every report to `accept`, whose errors it raises.

        Returns:
            The jobs that did not do all their work.
        """


class InlineExecutor:
    """Runs one job after the other in the calling process, without Ray."""

    num_workers = 1
    gpus_per_pack = 0.0
    where = "in this process"

    def __init__(self, resources: Resources) -> None:
        self._resources = resources
        self.device = "cpu"

    def __enter__(self) -> Self:
        import torch

        wanted = self._resources.gpus_per_pack
        if torch.cuda.is_available() and wanted != 0:
            self.device = "cuda"
            self.gpus_per_pack = wanted or 1.0
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Nothing is left to close."""

    def run(self, jobs: Sequence[Job], accept: Accept) -> list[Death]:
        """Runs `jobs` in order."""
        found = (self._perform(job, accept) for job in jobs)
        return [death for death in found if death]

    def _perform(self, job: Job, accept: Accept) -> Death | None:
        reports = perform(job)
        while True:
            try:
                with time_limit(self._resources.epoch_time_limit_s):
                    rows = next(reports)
            except StopIteration:
                return None
            except LpsSweepError as error:
                return Death(job, str(error), error=error)
            except EpochTimeoutError as error:
                return Death(job, f"{error}; {_where(error)}")
            except Exception:
                return Death(job, traceback.format_exc())
            accept(placed(rows, worker_name(here(["0"] if self.gpus_per_pack else []), 1)))


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


def usable_cpus() -> int:
    """CPU cores that this process may use."""
    return len(os.sched_getaffinity(0))
