"""Between Ray Tune and the driver: hands out jobs, passes on reports, and says how jobs ended."""

from __future__ import annotations

import contextlib
import itertools
import shutil
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from ray import tune
from ray.tune.search import Searcher

from lps_sweep.errors import LpsSweepError
from lps_sweep.files import make_folder
from lps_sweep.sweep.executor import Accept, Death, Ended, worker_name
from lps_sweep.sweep.jobs import Job
from lps_sweep.sweep.ray.deaths import Deaths
from lps_sweep.sweep.rows import placed

COUNT_S = 5.0
"""Seconds for which a count of workers holds; nodes come and go."""


class Waiting(Searcher):
    """What Tune asks for its next trial: the next job, as long as there is room for one.

    Tune is not given all jobs at once, so that those of a lost pack go before others.
    """

    def __init__(self, watch: Watch) -> None:
        super().__init__()
        self._watch = watch

    def suggest(  # type: ignore[override]
        self, trial_id: str
    ) -> dict[str, Any] | str | None:
        """The job; None where there is none at present, and in the end that it is over."""
        job = self._watch.next_job()
        if job:
            return {"job": job}
        return None if self._watch.open else Searcher.FINISHED

    def on_trial_complete(
        self, trial_id: str, result: dict[str, Any] | None = None, error: bool = False
    ) -> None:
        """A trial is over; of one that failed, Tune has not yet ended the actor."""
        if error:
            self._watch.failed(trial_id)

    def save_to_dir(self, checkpoint_dir: str, session_str: str = "default") -> None:
        """Nothing: the ledger is what a sweep goes on from."""

    def save(self, checkpoint_path: str) -> None:
        """Likewise."""

    def restore(self, checkpoint_path: str) -> None:
        """Likewise."""

    def __getstate__(self) -> dict[str, Any]:
        """Nothing: Tune pickles what it is given, and the driver's ledger must stay out of that."""
        return {}


class Watch(tune.Callback):
    """The jobs of a run: those that wait, and those that Tune has.

    Args:
        jobs: What is to be done.
        accept: Takes what workers report.
        ended: Told of each job that is over, with its death; gives more jobs, which go first.
        deaths: Says why a job died.
        workers: Counts the jobs that there is room for.

    Attributes:
        open: What Tune has, by the name of the job.
        started: Names of jobs that a worker has begun.
        refusal: The error with which `accept` or `ended` ended the run.
    """

    def __init__(
        self,
        jobs: Sequence[Job],
        accept: Accept,
        ended: Ended,
        deaths: Deaths,
        workers: Callable[[], int],
    ) -> None:
        self._waiting = deque(jobs)
        self._accept = accept
        self._ended = ended
        self._deaths = deaths
        self._workers = workers
        self._counted = workers(), time.monotonic()
        self.open: dict[str, Job] = {}
        self.started: set[str] = set()
        self._errors: dict[str, LpsSweepError] = {}
        self._trials: dict[str, Any] = {}
        self._died: dict[str, Death] = {}
        self._slots: dict[str, tuple[str, int]] = {}
        self.refusal: Exception | None = None

    def __getstate__(self) -> dict[str, Any]:
        """Nothing, as with `Waiting`."""
        return {}

    def next_job(self) -> Job | None:
        """The first job that waits, if there is room for it."""
        if self._waiting and len(self.open) < self._room():
            job = self._waiting.popleft()
            self.open[job.job_id] = job
            return job
        return None

    def _room(self) -> int:
        number, at = self._counted
        if time.monotonic() - at > COUNT_S:
            number = self._workers()
            self._counted = number, time.monotonic()
        return max(1, number)

    def on_trial_start(self, iteration: int, trials: list[Any], trial: Any, **info: Any) -> None:
        """A job was placed."""
        self.started.add(trial.config["job"].job_id)
        self._trials[trial.trial_id] = trial

    def on_trial_result(
        self, iteration: int, trials: list[Any], trial: Any, result: Mapping[str, Any], **info: Any
    ) -> None:
        """A job reported rows, or an error that no retry would help."""
        job = trial.config["job"]
        if "error" in result:
            self._errors[job.job_id] = result["error"]
        if "rows" not in result or job.job_id not in self.open:
            return
        try:
            self._accept(placed(result["rows"], self._worker(job, str(result.get("place", "")))))
        except Exception as error:
            self.refusal = error
            raise

    def on_trial_complete(self, iteration: int, trials: list[Any], trial: Any, **info: Any) -> None:
        """A job came to its end."""
        job = self._left(trial)
        error = self._errors.pop(job.job_id, None)
        self.over(job, Death(str(error), error=error) if error else None)

    def on_trial_error(self, iteration: int, trials: list[Any], trial: Any, **info: Any) -> None:
        """A job died."""
        job = self._left(trial)
        death = self._died.pop(trial.trial_id, None)
        self.over(job, death or self._deaths.of(job, _error(trial)))

    def _left(self, trial: Any) -> Job:
        """The job of a trial that is over, which is forgotten."""
        self._trials.pop(trial.trial_id, None)
        job: Job = trial.config["job"]
        return job

    def failed(self, trial_id: str) -> None:
        """Finds out why a trial of Tune died, while Ray knows its actor."""
        trial = self._trials.get(trial_id)
        if trial:
            job = trial.config["job"]
            self._died[trial_id] = self._deaths.of(job, _error(trial))

    def over(self, job: Job, death: Death | None) -> None:
        """A job is over: the driver is told, and what it gives goes before all that waits."""
        if self.refusal:  # which Tune has taken for the end of this trial
            raise self.refusal
        self.open.pop(job.job_id, None)
        self._slots.pop(job.job_id, None)
        try:
            self._waiting.extendleft(reversed(self._ended(job, death)))
        except Exception as error:
            self.refusal = error
            raise

    def left(self) -> list[Job]:
        """What waits, which Tune has never had."""
        return [*self._waiting]

    def _worker(self, job: Job, place: str) -> str:
        """The lowest slot of `place` that was free when the job's first rows came."""
        if job.job_id not in self._slots:
            taken = set(self._slots.values())
            free = next(n for n in itertools.count(1) if (place, n) not in taken)
            self._slots[job.job_id] = place, free
        return worker_name(*self._slots[job.job_id])


def _error(trial: Any) -> BaseException:
    """What a trial of Tune ended with, as Tune wrote it down; brought to where Tune reads it."""
    written = trial.pickled_error_file
    if written:
        folder = Path(trial.storage.trial_fs_path)
        make_folder(folder)
        shutil.copy(written, folder)
        with contextlib.suppress(Exception):  # one that cannot be read back is told by its text
            error: BaseException = trial.get_pickled_error()
            return error
    return RuntimeError(Path(trial.error_file).read_text(encoding="utf-8"))
