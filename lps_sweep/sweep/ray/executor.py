"""The executor on Ray Tune: one Tune trial per job; Tune tries nothing again by itself."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Self

import ray
from ray import tune

from lps_sweep.config import Config
from lps_sweep.errors import BadInputError, DeviceError, LpsSweepError, StorageError
from lps_sweep.plan import Resources
from lps_sweep.sweep.executor import Accept, Blame, Death, Ended, here, usable_cpus
from lps_sweep.sweep.jobs import Job, perform
from lps_sweep.sweep.ray.capacity import NodeType, alive_nodes, capacity, startable
from lps_sweep.sweep.ray.deaths import Deaths
from lps_sweep.sweep.ray.nodes import Nodes, check_here
from lps_sweep.sweep.ray.session import output_to, ray_session
from lps_sweep.sweep.ray.watch import Waiting, Watch
from lps_sweep.sweep.store import store_of
from lps_sweep.sweep.time_limit import NOTES, WorkerLimit


class RayExecutor:
    """Places jobs with Ray Tune, on this machine or on a cluster.

    Args:
        resources: What a job gets.
        results: The driver's folder; every node of a cluster sees its store.
        log: File that takes what Ray prints.
        address: ``local``, or the address of a running cluster.
    """

    def __init__(self, resources: Resources, results: Path, log: Path, address: str) -> None:
        self._resources = resources
        self._store = store_of(results)
        self._log = log
        self._address = address
        self._stack = contextlib.ExitStack()
        self._num_runs = 0
        self._deaths = Deaths(self._store, resources.epoch_time_limit_s)
        self._types: list[NodeType] = []
        self._nodes: Nodes | None = None
        self.num_workers = 0
        self.device = "cpu"
        self.gpus_per_pack = 0.0
        self.where = ""

    def __enter__(self) -> Self:
        with contextlib.ExitStack() as stack:
            terminal = stack.enter_context(output_to(self._log))
            stack.enter_context(ray_session(self._address, usable_cpus(), terminal))
            self._measure()
            if self._address != "local":
                self._nodes = Nodes(self._store, self._resources, self._bundle)
            stack.callback(self._store.remove_folder, "ray")
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def prepare(self, configs: Iterable[Config]) -> None:
        """Looks at the nodes of a cluster."""
        if self._nodes:
            self._nodes.probe(configs)

    def run(self, jobs: Sequence[Job], accept: Accept, ended: Ended) -> None:
        """Runs `jobs` in one call of Tune's `fit`, or in another where Tune gave up."""
        self._store.remove_folder(NOTES)
        waiting = [*jobs]
        while waiting:
            watch = Watch(waiting, accept, ended, self._deaths, self._count)
            self._fit(watch)
            waiting = watch.left()

    def _fit(self, watch: Watch) -> None:
        self._num_runs += 1
        files, path = self._store.files("ray")
        try:
            tune.Tuner(
                tune.with_resources(_trainable, self._bundle),
                param_space={
                    "limit_s": self._resources.epoch_time_limit_s,
                    "expected": self._nodes and self._nodes.expected,
                },
                tune_config=tune.TuneConfig(
                    search_alg=Waiting(watch),
                    num_samples=-1,
                    reuse_actors=True,
                    trial_dirname_creator=_dirname,
                ),
                run_config=tune.RunConfig(
                    name=f"{os.getpid()}-{self._num_runs}",
                    storage_path=path,
                    storage_filesystem=files,
                    callbacks=[watch],
                    failure_config=tune.FailureConfig(max_failures=0),
                    verbose=0,
                ),
            ).fit()
        except Exception as error:
            if watch.refusal:
                raise watch.refusal from None
            _give_up(watch, error)

    def _count(self) -> int:
        """Packs that there is or will be room for."""
        found = capacity(self._resources, alive_nodes(), self._types)
        self.num_workers = max(self.num_workers, found.most)
        return self.num_workers

    def _measure(self) -> None:
        self._types = startable()
        found = capacity(self._resources, alive_nodes(), self._types)
        self._bundle = {"cpu": found.cpus, "gpu": found.gpus}
        self.gpus_per_pack = found.gpus
        self.device = "cuda" if found.gpus else "cpu"
        self.num_workers = found.most
        if not found.most:
            raise BadInputError(
                f"a pack needs {found.cpus:g} CPUs and {found.gpus:g} GPUs of one node, and there "
                f"are {found.facts}; where a cluster starts nodes of which Ray does not know, "
                "packs_at_a_time says how many packs it then trains",
                "resources",
            )
        self.where = f"{found.most} packs at a time on Ray {ray.__version__} ({found.facts})"


def _give_up(watch: Watch, error: Exception) -> None:
    """Ends what was open when `fit` gave up, as it does when Ray's memory monitor kills a worker.

    Raises:
        StorageError: Nothing could be started at all.
    """
    reason = f"Ray Tune gave up: {type(error).__name__}: {error}"
    if not watch.started:
        raise StorageError(reason) from error
    running = [job for name, job in watch.open.items() if name in watch.started]
    blame = Blame.POSSIBLE if len(running) > 1 else Blame.CERTAIN
    for job in [*watch.open.values()]:
        watch.over(job, Death(reason, blame if job in running else Blame.NONE))


def _trainable(config: dict[str, Any]) -> None:
    job: Job = config["job"]
    gpus = ray.get_runtime_context().get_accelerator_ids().get("GPU", [])
    place = here(gpus)
    try:
        if config["expected"]:
            check_here(config["expected"])
        with WorkerLimit(job.place.store, job.job_id, config["limit_s"]) as limit:
            for rows in perform(job):
                with limit.suspended():
                    tune.report({"rows": rows, "place": place})
    except DeviceError as error:  # Tune ends the process of a job that raises
        text = f"{place}: {error}"
        raise DeviceError(text, out_of_memory=error.out_of_memory) from error
    except LpsSweepError as error:
        tune.report({"error": error})


def _dirname(trial: Any) -> str:
    return str(trial.trial_id)
