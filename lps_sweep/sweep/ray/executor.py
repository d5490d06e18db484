"""The executor on Ray Tune: one Tune trial per job; FIFO, no retries, no restore."""

from __future__ import annotations

import contextlib
import dataclasses
import itertools
import os
import re
import shutil
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import ray
from ray import tune

from lps_sweep.errors import BadInputError, DeviceError, LpsSweepError, StorageError
from lps_sweep.plan import Resources
from lps_sweep.sweep.executor import (
    Accept,
    Blame,
    Death,
    blame_of,
    here,
    room,
    usable_cpus,
    worker_name,
)
from lps_sweep.sweep.jobs import Job, PackJob, perform
from lps_sweep.sweep.ray.session import output_to, ray_session
from lps_sweep.sweep.rows import placed
from lps_sweep.sweep.time_limit import WorkerLimit, hung_at

LOSSES = 3
"""Nodes that a trial may be on when they are lost before it is taken for the cause."""


class RayExecutor:
    """Places jobs with Ray Tune, on this machine or on a cluster.

    Args:
        resources: What a job gets.
        results: The results folder; on a cluster every node sees it under the same path.
        log: File that takes what Ray prints.
        address: ``local``, or the address of a running cluster.
    """

    def __init__(self, resources: Resources, results: Path, log: Path, address: str) -> None:
        self._resources = resources
        self._storage = results.absolute() / "ray"
        self._notes = self._storage / "hung"
        self._log = log
        self._address = address
        self._stack = contextlib.ExitStack()
        self._num_runs = 0
        self._losses: Counter[str] = Counter()
        self.num_workers = 0
        self.device = "cpu"
        self.gpus_per_pack = 0.0
        self.where = ""

    def __enter__(self) -> Self:
        with contextlib.ExitStack() as stack:
            terminal = stack.enter_context(output_to(self._log))
            stack.enter_context(ray_session(self._address, usable_cpus(), terminal))
            self._measure()
            stack.callback(shutil.rmtree, self._storage, ignore_errors=True)
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def run(self, jobs: Sequence[Job], accept: Accept) -> list[Death]:
        """Runs `jobs` in one call of Tune's `fit`; what it left undone comes back as deaths."""
        self._num_runs += 1
        shutil.rmtree(self._notes, ignore_errors=True)
        watch = Watch(accept)
        try:
            tuner = tune.Tuner(
                tune.with_resources(_trainable, self._bundle),
                param_space={
                    "job": tune.grid_search(list(jobs)),
                    "notes": str(self._notes),
                    "limit_s": self._resources.epoch_time_limit_s,
                },
                tune_config=tune.TuneConfig(reuse_actors=True, trial_dirname_creator=_dirname),
                run_config=tune.RunConfig(
                    name=f"{os.getpid()}-{self._num_runs}",
                    storage_path=str(self._storage),
                    callbacks=[watch],
                    failure_config=tune.FailureConfig(max_failures=0),
                    verbose=0,
                ),
            )
            grid = tuner.fit()
        except Exception as error:
            if watch.refusal:
                raise watch.refusal from None
            return _aborted(jobs, watch, error)
        for result in (grid[number] for number in range(len(grid))):
            if result.error and result.config:
                cause = getattr(result.error, "cause", result.error)
                reason = str(cause) if isinstance(cause, DeviceError) else told_by(result.error)
                watch.died(result.config["job"], reason, blame=blame_of(cause))
        there = {node["NodeID"] for node in alive_nodes()}
        return [
            self._explained(death, watch.nodes.get(job_id, "") in {"", *there})
            for job_id, death in watch.deaths.items()
        ]

    def _explained(self, death: Death, node_alive: bool) -> Death:
        """With what the worker itself wrote down, or with the loss of its node.

        That is not the job's fault, unless it happens to it again and again.
        """
        job = death.job
        if death.error or death.blame is not Blame.CERTAIN:
            return death
        note = hung_at(self._notes / job.job_id, self._resources.epoch_time_limit_s)
        if note:
            return dataclasses.replace(death, reason=note)
        if node_alive:
            return death
        trials = [m.trial_id for m in job.members] if isinstance(job, PackJob) else [job.job_id]
        self._losses.update(trials)
        often = max(self._losses[trial] for trial in trials) > LOSSES
        blame = Blame.CERTAIN if often else Blame.NONE
        return dataclasses.replace(death, reason="its node was lost", blame=blame)

    def _measure(self) -> None:
        nodes = [node["Resources"] for node in alive_nodes()]
        gpus = sum(node.get("GPU", 0.0) for node in nodes)
        wanted = self._resources.gpus_per_pack
        self._bundle = {
            "cpu": float(self._resources.cpus_per_pack),
            "gpu": (1.0 if gpus else 0.0) if wanted is None else wanted,
        }
        self.gpus_per_pack = self._bundle["gpu"]
        self.device = "cuda" if self.gpus_per_pack else "cpu"
        self.num_workers = sum(
            room(node.get("CPU", 0.0), node.get("GPU", 0.0), *self._bundle.values())
            for node in nodes
        )
        facts = (
            f"{len(nodes)} node{'s' if len(nodes) > 1 else ''}, "
            f"{sum(node.get('CPU', 0.0) for node in nodes):g} CPUs, {gpus:g} GPUs"
        )
        self.where = f"{self.num_workers} packs at a time on Ray {ray.__version__} ({facts})"
        if self.num_workers < 1:
            raise BadInputError(
                f"a pack needs {self._bundle['cpu']:g} CPUs and {self._bundle['gpu']:g} GPUs of "
                f"one node, and there are {facts}",
                "resources",
            )


def told_by(error: Exception) -> str:
    """What an error of Tune says, its traceback headed as Python's are and without colours."""
    plain = re.sub(r"\x1b\[[0-9;]*m", "", str(error))
    return re.sub(r"(?m)^ray::.*$", "Traceback (most recent call last):", plain)


def alive_nodes() -> list[dict[str, Any]]:
    """The nodes that Ray takes for alive, as it describes them."""
    known: list[dict[str, Any]] = ray.nodes()  # type: ignore[no-untyped-call]
    return [node for node in known if node["Alive"]]


def _aborted(jobs: Sequence[Job], watch: Watch, error: Exception) -> list[Death]:
    """The deaths after `fit` gave up, as it does when Ray's memory monitor kills a worker.

    Raises:
        StorageError: Nothing could be started at all.
    """
    reason = f"Ray Tune gave up: {type(error).__name__}: {error}"
    if not watch.started:
        raise StorageError(reason) from error
    blame = Blame.POSSIBLE if len(watch.running) > 1 else Blame.CERTAIN
    deaths = []
    for job in jobs:
        if job.job_id in watch.deaths:
            deaths.append(watch.deaths[job.job_id])
        elif job.job_id in watch.running:
            deaths.append(Death(job, reason, blame))
        elif job.job_id not in watch.started:
            deaths.append(Death(job, reason, Blame.NONE))
    return deaths


class Watch(tune.Callback):
    """Hands what workers report to the driver, and notes which jobs started, ended and died."""

    def __init__(self, accept: Accept | None = None) -> None:
        self._accept = accept
        self.started: set[str] = set()
        self.running: set[str] = set()
        self.deaths: dict[str, Death] = {}
        self.nodes: dict[str, str] = {}
        self._slots: dict[str, tuple[str, int]] = {}
        self.refusal: Exception | None = None

    def __getstate__(self) -> dict[str, Any]:
        """Nothing: Tune pickles its callbacks, and the driver's ledger must stay out of that."""
        return {}

    def on_trial_start(self, iteration: int, trials: list[Any], trial: Any, **info: Any) -> None:
        """A job was placed."""
        self.started.add(trial.config["job"].job_id)
        self.running.add(trial.config["job"].job_id)

    def on_trial_result(
        self, iteration: int, trials: list[Any], trial: Any, result: Mapping[str, Any], **info: Any
    ) -> None:
        """A job reported rows, or an error that no retry would help."""
        job = trial.config["job"]
        self.nodes[job.job_id] = str(result.get("node", ""))
        if "error" in result:
            self.died(job, str(result["error"]), result["error"])
        if self._accept is None or "rows" not in result:
            return
        try:
            self._accept(placed(result["rows"], self._worker(job, str(result.get("place", "")))))
        except Exception as error:
            self.refusal = error
            raise

    def on_trial_complete(self, iteration: int, trials: list[Any], trial: Any, **info: Any) -> None:
        """A job came to its end."""
        self._left(trial.config["job"])

    def on_trial_error(self, iteration: int, trials: list[Any], trial: Any, **info: Any) -> None:
        """A job died; what Tune knows of the cause it says at the end of `fit`."""
        job = trial.config["job"]
        self._left(job)
        self.died(job, "its process died")

    def died(
        self,
        job: Job,
        reason: str,
        error: LpsSweepError | None = None,
        blame: Blame = Blame.CERTAIN,
    ) -> None:
        """Notes why a job died; when is known from the first time."""
        death = self.deaths.get(job.job_id) or Death(job, reason)
        now = dataclasses.replace(death, reason=reason, error=error, blame=blame)
        self.deaths[job.job_id] = now

    def _worker(self, job: Job, place: str) -> str:
        """The lowest slot of `place` that was free when the job's first rows came."""
        if job.job_id not in self._slots:
            taken = set(self._slots.values())
            free = next(n for n in itertools.count(1) if (place, n) not in taken)
            self._slots[job.job_id] = place, free
        return worker_name(*self._slots[job.job_id])

    def _left(self, job: Job) -> None:
        self.running.discard(job.job_id)
        self._slots.pop(job.job_id, None)


def _trainable(config: dict[str, Any]) -> None:
    job: Job = config["job"]
    context = ray.get_runtime_context()
    gpus = context.get_accelerator_ids().get("GPU", [])
    where = {"node": context.get_node_id(), "place": here(gpus)}
    try:
        with WorkerLimit(Path(config["notes"]) / job.job_id, config["limit_s"]) as limit:
            for rows in perform(job):
                with limit.suspended():
                    tune.report({"rows": rows, **where})
    except DeviceError as error:  # Tune ends the process of a job that raises
        text = f"{where['place']}: {error}"
        raise DeviceError(text, out_of_memory=error.out_of_memory) from error
    except LpsSweepError as error:
        tune.report({"error": error})


def _dirname(trial: Any) -> str:
    return str(trial.trial_id)
