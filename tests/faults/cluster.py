"""A Ray cluster of two nodes on this machine, and what befalls the second one.

Run as a program it is the cluster: commands come from standard input, a line each, and are
answered by a line. Ray's own test cluster makes and removes the nodes.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

from tests.faults.processes import ROOT, OnRay, descendants, is_worker

HEALTH = {
    "health_check_initial_delay_ms": 1000,
    "health_check_period_ms": 1000,
    "health_check_timeout_ms": 1000,
    "health_check_failure_threshold": 3,
}
"""A node that does not answer is declared dead after 3 s, not after a minute."""

DRAIN_S = 2.0
"""Seconds from the notice that a node is taken away to its end."""


class TwoNodes:
    """The cluster, seen from outside."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        self.address = self._answer()

    def tell(self, command: str) -> str:
        """Has `command` done; its answer."""
        assert self._process.stdin is not None
        self._process.stdin.write(f"{command}\n")
        self._process.stdin.flush()
        return self._answer()

    def _answer(self) -> str:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            if line.startswith("> "):
                return line[2:].strip()
        raise AssertionError("the cluster is gone")


@contextlib.contextmanager
def two_nodes(how: OnRay, health: str = "quick") -> Iterator[tuple[TwoNodes, OnRay]]:
    """A cluster for a case, and how the case is driven on it.

    Args:
        how: How the case is driven.
        health: ``quick`` for the health check `HEALTH`, ``slow`` for Ray's own.
    """
    token = secrets.token_hex(32)
    asked = OnRay(how.case, how.trainer, how.epoch_s, token=token)
    environment = {**asked.environment(), "RAY_USAGE_STATS_ENABLED": "0"}
    with (
        how.case.truth.with_suffix(".cluster").open("wb") as errors,
        subprocess.Popen(
            [sys.executable, "-m", "tests.faults.cluster", health],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            cwd=ROOT,
            env=environment,
        ) as process,
    ):
        cluster = TwoNodes(process)
        yield cluster, OnRay(how.case, how.trainer, how.epoch_s, cluster.address, token)
        process.communicate("")


class Nodes:
    """The cluster, seen from inside: each method is a command."""

    def __init__(self, health: str) -> None:
        from ray.cluster_utils import Cluster

        head = {"num_cpus": 1, "_system_config": HEALTH if health == "quick" else {}}
        self._cluster = Cluster(initialize_head=True, head_node_args=head)
        self._second = self._cluster.add_node(num_cpus=1)
        self._cluster.wait_for_nodes()
        self._stopped: list[int] = []

    def address(self) -> str:
        """Where drivers join."""
        return str(self._cluster.address)

    def workers(self) -> str:
        """How many processes train on the second node."""
        return str(sum(map(is_worker, self._tree())))

    def lose(self) -> str:
        """The second node vanishes; how many processes trained on it."""
        count = self.workers()
        self._cluster.remove_node(self._second, allow_graceful=False)
        return count

    def add(self) -> str:
        """A new second node."""
        self._second = self._cluster.add_node(num_cpus=1)
        return "added"

    def stop(self) -> str:
        """The second node hangs with all its processes; how many of them trained."""
        count = self.workers()
        self._stopped = self._tree()
        for pid in self._stopped:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGSTOP)
        return count

    def drain(self) -> str:
        """The second node is to be taken away in two seconds, and is; how many trained on it."""
        from ray import _raylet
        from ray.core.generated import autoscaler_pb2

        raylet: Any = _raylet
        messages: Any = autoscaler_pb2
        count = self.workers()
        deadline_ms = int(1000 * (time.time() + DRAIN_S))
        reason = messages.DrainNodeReason.Value("DRAIN_NODE_REASON_PREEMPTION")
        client = raylet.GcsClient(address=self.address())
        accepted, _ = client.drain_node(self._second.node_id, reason, "spot", deadline_ms)
        time.sleep(DRAIN_S)
        self._cluster.remove_node(self._second, allow_graceful=True)
        return count if accepted else "0"

    def wake(self) -> str:
        """It goes on; how many of its processes are there."""
        there = 0
        for pid in self._stopped:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)
                there += 1
        return str(there)

    def headless(self) -> str:
        """The control service of the cluster is killed."""
        head: Any = self._cluster.head_node
        head.kill_gcs_server()
        return "killed"

    def close(self) -> None:
        """Ends the cluster."""
        self._cluster.shutdown()  # type: ignore[no-untyped-call]

    def _tree(self) -> list[int]:
        """The raylet of the second node and all below it, the raylet first."""
        processes: Any = self._second.all_processes["raylet"]
        pid = processes[0].process.pid
        return [pid, *descendants(pid)]


def main() -> None:
    """Does what it is told until standard input ends."""
    nodes = Nodes(sys.argv[1])
    print(f"> {nodes.address()}", flush=True)
    for line in sys.stdin:
        print(f"> {getattr(nodes, line.strip())()}", flush=True)
    with contextlib.suppress(Exception):
        nodes.close()


if __name__ == "__main__":
    main()
