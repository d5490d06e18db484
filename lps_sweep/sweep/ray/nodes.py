"""Before anything trains on a cluster: whether each node has what the driver has.

The driver asks every node that could get a pack. A node that joins later is looked at by the first
job that it gets, before that begins; what a node has passed is remembered on the node.
"""

from __future__ import annotations

import fcntl
import os
import platform
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import ray
from ray.exceptions import RayError
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from lps_sweep import train
from lps_sweep.config import Config
from lps_sweep.errors import BadInputError, LpsSweepError
from lps_sweep.files import open_private
from lps_sweep.plan import Resources
from lps_sweep.signals import check_interrupted
from lps_sweep.sweep.executor import room
from lps_sweep.sweep.facts import (
    Expected,
    compare,
    expect,
    look,
    raise_found,
    read_back,
    versions,
)
from lps_sweep.sweep.ray.capacity import alive_nodes
from lps_sweep.sweep.store import Store

PATIENCE_S = 120.0
"""Seconds in which a node must have answered; starting a worker takes most of them."""

_WAIT_S = 0.2
_PASSED = b"passed"


class Nodes:
    """The nodes of a cluster that could get a pack, each looked at once.

    Args:
        store: Where results go; all nodes must see it.
        resources: What a pack asks for.
        bundle: The CPUs and GPUs of a pack.
    """

    def __init__(
        self,
        store: Store,
        resources: Resources,
        bundle: Mapping[str, float],
    ) -> None:
        self._store = store
        self._resources = resources
        self._bundle = bundle
        self.expected: Expected | None = None

    def probe(self, configs: Iterable[Config]) -> None:
        """Looks at all nodes; each shall be able to train `configs`.

        A GPU is tried where all else is right, unless other jobs hold it for all that time.

        Raises:
            BadInputError: Something on a node is not as it is for the driver.
            StorageError: Nothing but the results folder is not.
        """
        read = {(one.data, one.pretrain.pretrained): one for one in configs}
        self.expected = expect(self._store, read.values())
        nodes = self._with_room()
        rest = [ray.put(self.expected)]  # read by a node only if its package is the driver's
        found = _ask(nodes, _look, self.expected.versions, rest)
        for node_id in nodes.keys() & self._with_room().keys():  # without those lost meanwhile
            found.setdefault(node_id, [BadInputError(f"no answer within {PATIENCE_S:g} s")])
            found[node_id] = found[node_id] or read_back(self.expected, node_id)
        if self._bundle["gpu"] and not any(found.values()):
            largest = max(read.values(), key=lambda one: one.loop.batch_size)
            gpus = {"num_gpus": self._bundle["gpu"]}
            found |= _ask(nodes, _try_gpu, largest, self._resources, **gpus)
        raise_found({nodes[node_id]: errors for node_id, errors in found.items()})

    def _with_room(self) -> dict[str, str]:
        """Name and address of each node that could get a pack, by its id."""
        bundle = self._bundle.values()
        return {
            node["NodeID"]: f"{node['NodeManagerHostname']} ({node['NodeManagerAddress']})"
            for node in alive_nodes()
            if room(*(node["Resources"].get(kind, 0.0) for kind in ("CPU", "GPU")), *bundle) > 0
        }


def check_here(expected: Expected) -> None:
    """Ends a job that has come to a node where it cannot be done right.

    Raises:
        The errors of `Nodes.probe`.
    """
    address = ray.util.get_node_ip_address()  # type: ignore[no-untyped-call]
    raise_found({f"{platform.node()} ({address})": _looked(expected)})


def _ask(
    nodes: Iterable[str], task: Callable[..., list[LpsSweepError]], *args: Any, num_gpus: float = 0
) -> dict[str, list[LpsSweepError]]:
    """What `task` finds on each of the `nodes`; without those that did not answer in time."""
    asked: Any = ray.remote(num_cpus=0, num_gpus=num_gpus, max_retries=0, max_calls=1)(task)
    refs = {}
    for node_id in nodes:
        there = NodeAffinitySchedulingStrategy(node_id, soft=False)
        refs[node_id] = asked.options(scheduling_strategy=there).remote(*args)
    waiting, until = [*refs.values()], time.monotonic() + PATIENCE_S
    while waiting and time.monotonic() < until:
        _, waiting = ray.wait(waiting, num_returns=len(waiting), timeout=_WAIT_S)
        check_interrupted()
    found = {}
    for node_id, ref in refs.items():
        if ref in waiting:
            ray.cancel(ref, force=True)
            continue
        try:
            found[node_id] = ray.get(ref)
        except RayError as error:
            told = str(error).strip().rpartition("\n")[2].strip()
            found[node_id] = [BadInputError(f"lps_sweep must run there: {told}")]
    return found


def _look(driver: Mapping[str, str], rest: Sequence[Any]) -> list[LpsSweepError]:
    return compare(driver, versions()) or _looked(ray.get(rest[0]))


def _looked(expected: Expected) -> list[LpsSweepError]:
    """What is wrong with this node; that nothing is wrong is remembered in its Ray session.

    Processes that ask at the same time wait for the first of them.
    """
    context = ray.get_runtime_context()
    node_id = str(context.get_node_id())
    session = Path(context.get_temp_dir(), context.get_session_name())
    memo = session / f"lps-sweep-{expected.mark}-{node_id}"
    with os.fdopen(open_private(memo, os.O_RDWR), "r+b") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        if file.read() == _PASSED:
            return []
        found = list(look(expected, node_id))
        if not found:
            file.write(_PASSED)
    return found


def _try_gpu(config: Config, resources: Resources) -> list[LpsSweepError]:
    """Whether the GPU that Ray has given can train one trial; what else ends it is no matter."""
    import torch

    from lps_sweep.sweep.probe import probe
    from lps_sweep.train.faults import is_broken, is_out_of_memory, process_ends

    if trouble := train.usable_gpus().trouble:
        return [BadInputError(trouble)]
    try:
        probe(config, 0, resources)
    except Exception as error:
        if is_out_of_memory(error) or is_broken(error, torch.device("cuda")):
            return [process_ends(error, "one trial must fit its GPU")]
    return []
