"""Why a job on Ray died, and whether that is held against it."""

from __future__ import annotations

import dataclasses
import re
import time
from collections.abc import Mapping
from typing import Any

import ray
from ray.exceptions import RayActorError

from lps_sweep.errors import DeviceError
from lps_sweep.sweep.executor import Blame, Death, blame_of
from lps_sweep.sweep.jobs import Job, PackJob
from lps_sweep.sweep.ray.capacity import alive_nodes
from lps_sweep.sweep.retries import Losses
from lps_sweep.sweep.store import Store
from lps_sweep.sweep.time_limit import hung_at

VERDICT_S = 5.0
"""Seconds in which Ray's control service learns that a process died whose node is there."""

SILENT_S = 60.0
"""Seconds for which a node that was found to be cut off is not waited for again."""


class Deaths:
    """Judges the ends of jobs; remembers which trials were on nodes that were lost.

    Args:
        store: Where a worker that hangs writes that down.
        limit_s: The time limit that it then exceeded.
    """

    def __init__(self, store: Store, limit_s: float | None) -> None:
        self._store = store
        self._limit_s = limit_s
        self._losses = Losses()
        self._silent: dict[str, float] = {}

    def of(self, job: Job, error: BaseException) -> Death:
        """The death of `job`.

        Args:
            job: What died.
            error: What Tune's trial ended with.
        """
        cause = getattr(error, "cause", error)
        death = Death(told_by(error), blame_of(cause))
        if isinstance(cause, DeviceError):
            return dataclasses.replace(death, reason=str(cause))
        if not isinstance(cause, RayActorError):
            return death
        if cause.preempted:
            return Death("its node was taken away", Blame.NONE)
        note = hung_at(self._store, job.job_id, self._limit_s)
        if not note and cause.actor_id and self._is_lost(cause.actor_id):
            return Death("its node was lost", self._losses.blame(_reached(job)))
        note = note or hung_at(self._store, job.job_id, self._limit_s, self._store.patience_s)
        return dataclasses.replace(death, reason=note) if note else death

    def _is_lost(self, actor: str) -> bool:
        """Whether the node was lost, and not the process alone.

        A node that is there says at once that a process died. One that is cut off is known by its
        silence, which the control service takes up to a minute to notice: it is not waited for.
        """
        now = time.monotonic()
        known = actor_of(actor)
        node = known["Address"]["NodeID"] if known else ""
        if now - self._silent.get(node, -SILENT_S) < SILENT_S:
            return True
        while (reason := end_of(known)) == "" and time.monotonic() - now < VERDICT_S:
            time.sleep(0.2)
            known = actor_of(actor)
        if reason != "WORKER_DIED":
            self._silent[node] = now
            return True
        return bool(node) and node not in {one["NodeID"] for one in alive_nodes()}


def _reached(job: Job) -> dict[str, int]:
    """The epochs that the trials of `job` had behind them when it began."""
    if not isinstance(job, PackJob):
        return {job.job_id: 0}
    return {m.trial_id: m.checkpoint.epoch if m.checkpoint else 0 for m in job.members}


def actor_of(actor: str) -> dict[str, Any]:
    """What the control service knows of an actor, by its id; nothing of one that it does not."""
    known: dict[str, Any] = ray._private.state.actors(actor)
    return known


def end_of(actor: Mapping[str, Any]) -> str:
    """By which of Ray's reasons an actor is dead; empty where it is not taken for dead."""
    if actor.get("State") != "DEAD":
        return ""
    cause = actor["DeathCause"]
    if cause.HasField("oom_context") or cause.HasField("creation_task_failure_context"):
        return "WORKER_DIED"
    context = cause.actor_died_error_context
    return str(type(context).Reason.Name(context.reason))


def told_by(error: BaseException) -> str:
    """What an error of Tune says, its traceback headed as Python's are and without colours."""
    plain = re.sub(r"\x1b\[[0-9;]*m", "", str(error))
    return re.sub(r"(?m)^ray::.*$", "Traceback (most recent call last):", plain)
