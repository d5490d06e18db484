"""Faults of a sweep under Ray: its driver, its workers, Ray itself, and nodes of a cluster.

Ray's own test cluster makes the two nodes on this machine.
"""

from __future__ import annotations

import os
import random
import signal
import time

from tests.faults import disorder, truth
from tests.faults.cluster import two_nodes
from tests.faults.harness import KILLED, Case
from tests.faults.kinds import Kind, Setting
from tests.faults.processes import Driver, OnRay, command, descendants
from tests.faults.recorded import given_up

EPOCH_S = 0.4
LOST_EPOCH_S = 1.5
"""Where Ray itself is lost: workers notice after seconds, and may not be done by then."""
LIMIT_S = 3.0
ORDERLY = 5
"""Exit code where the ledger or Ray is gone."""


def driver_killed(
    case: Case, draw: random.Random, setting: Setting, number: int
) -> tuple[int, int]:
    """Three SIGKILLs of the driver of a fake trainer, two of them while it resumes."""
    del setting, number
    return _kill_drivers(draw, OnRay(case, epoch_s=EPOCH_S)), 0


def driver_killed_while_it_trains(
    case: Case, draw: random.Random, setting: Setting, number: int
) -> tuple[int, int]:
    """The same of the real trainer."""
    del setting, number
    case.resources(max_pack_size=2, checkpoint_interval_s=0)
    return _kill_drivers(draw, OnRay(case, "real")), 0


def _kill_drivers(draw: random.Random, how: OnRay) -> int:
    killed = 0
    for blow in range(3):
        driver = how.start()
        if blow == 0 and draw.random() < 0.5:
            time.sleep(draw.uniform(0, 4))  # while Ray starts, or before
        else:
            driver.wait_for(draw.randint(1, 6))
            time.sleep(draw.uniform(0, EPOCH_S))
        driver.send(signal.SIGKILL)
        killed += driver.end(expected=(0, KILLED)) == KILLED
    how.run()
    how.settle()
    return killed


def worker_killed(
    case: Case, draw: random.Random, setting: Setting, number: int
) -> tuple[int, int]:
    """Workers are killed, run into a segmentation fault, or end by themselves."""
    del setting, number
    case.resources(max_pack_size=2, checkpoint_interval_s=1, max_attempts=20)
    how = OnRay(case, epoch_s=EPOCH_S)
    driver = how.start()
    struck = 0
    for way in draw.sample(("from outside", "from outside", "SIGKILL", "SIGSEGV", "exit"), 5):
        if not driver.wait_for(1 + struck, "start") or not driver.wait_for(3 * struck + 1):
            break
        if way == "from outside":
            time.sleep(draw.uniform(0, EPOCH_S))
            if driver.kill_a_worker(draw):
                truth.write(case.truth, "struck", way=way)
                struck += 1
        else:
            disorder.plan(case.truth, way)
            while disorder.pending(case.truth) and not driver.is_over:
                time.sleep(0.05)
            struck += not disorder.pending(case.truth)
    driver.end()
    how.settle()
    return struck, 0


def worker_hangs(case: Case, draw: random.Random, setting: Setting, number: int) -> tuple[int, int]:
    """A worker sleeps, or waits in compiled code that holds the interpreter's lock."""
    del setting
    case.resources(max_pack_size=2, checkpoint_interval_s=1, epoch_time_limit_s=LIMIT_S)
    how = OnRay(case, epoch_s=EPOCH_S)
    driver = how.start()
    driver.wait_for(draw.randint(1, 8))
    disorder.plan(case.truth, disorder.HANGS[number % 2])
    driver.end()
    how.settle()
    return int(not disorder.pending(case.truth)), 0


def ray_lost(case: Case, draw: random.Random, setting: Setting, number: int) -> tuple[int, int]:
    """Ray's control service, or the raylet, is killed: exit code 5, and how to go on."""
    del setting
    how = OnRay(case, epoch_s=LOST_EPOCH_S)
    driver = how.start()
    driver.wait_for(draw.randint(1, 8))
    struck = kill_service(driver, ("gcs_server", "raylet")[number % 2])
    driver.end(expected=(ORDERLY,), says="Give the same command again to go on")
    how.run()
    how.settle()
    return struck, 0


def kill_service(driver: Driver, name: str) -> int:
    """Kills a process of Ray's own session; how many that were."""
    for pid in descendants(driver.process.pid):
        if command(pid).split(" ")[0].endswith(f"/{name}"):
            os.kill(pid, signal.SIGKILL)
            return 1
    return 0


NODE_EPOCH_S = 0.7
DEAD_AFTER_S = 12.0
"""Seconds after which a node that hangs has been declared dead, and its work taken up again."""


def node_lost(case: Case, draw: random.Random, setting: Setting, number: int) -> tuple[int, int]:
    """The second node vanishes, is replaced, and vanishes again."""
    del setting, number
    case.resources(max_pack_size=1, checkpoint_interval_s=1)
    struck = 0
    with two_nodes(OnRay(case, epoch_s=NODE_EPOCH_S)) as (cluster, how):
        driver = how.start()
        for _ in range(2):
            driver.wait_for(3)
            while cluster.tell("workers") == "0" and not driver.is_over:
                time.sleep(0.1)
            time.sleep(draw.uniform(0, 3 * NODE_EPOCH_S))
            if cluster.tell("lose") != "0":
                truth.write(case.truth, "struck", way="node lost")
                struck += 1
            cluster.tell("add")
        driver.end()
    return struck, 0


def last_node_lost(
    case: Case, draw: random.Random, setting: Setting, number: int
) -> tuple[int, int]:
    """A node vanishes under Ray's own health check, on which the last packs have their only try."""
    del setting, number
    case.resources(max_pack_size=1, checkpoint_interval_s=1, max_attempts=1)
    with two_nodes(OnRay(case, epoch_s=NODE_EPOCH_S), "slow") as (cluster, how):
        driver = how.start()
        driver.wait_for(3)
        while cluster.tell("workers") == "0" and not driver.is_over:
            time.sleep(0.1)
        time.sleep(draw.uniform(0, NODE_EPOCH_S))
        struck = int(cluster.tell("lose") != "0")
        driver.end()
    return struck, 0


def node_drained(case: Case, draw: random.Random, setting: Setting, number: int) -> tuple[int, int]:
    """The second node is preempted with a notice, replaced, and preempted again."""
    del setting, number
    case.resources(max_pack_size=1, checkpoint_interval_s=1, max_attempts=1)
    struck = 0
    with two_nodes(OnRay(case, epoch_s=NODE_EPOCH_S)) as (cluster, how):
        driver = how.start()
        for _ in range(2):
            driver.wait_for(3)
            while cluster.tell("workers") == "0" and not driver.is_over:
                time.sleep(0.1)
            time.sleep(draw.uniform(0, NODE_EPOCH_S))
            struck += cluster.tell("drain") != "0"
            cluster.tell("add")
        driver.end()
    return struck, 0


def node_hangs(case: Case, draw: random.Random, setting: Setting, number: int) -> tuple[int, int]:
    """The second node hangs, is given up, and wakes while others do its work."""
    del setting, number
    case.resources(max_pack_size=1, checkpoint_interval_s=1)
    with two_nodes(OnRay(case, epoch_s=2 * NODE_EPOCH_S)) as (cluster, how):
        driver = how.start()
        driver.wait_for(2)
        while cluster.tell("workers") == "0" and not driver.is_over:
            time.sleep(0.1)
        time.sleep(draw.uniform(0, NODE_EPOCH_S))
        struck = int(cluster.tell("stop") != "0")
        truth.write(case.truth, "struck", way="node hangs")
        time.sleep(DEAD_AFTER_S)
        truth.write(case.truth, "given up", attempts=given_up(case.results))
        cluster.tell("wake")
        driver.end()
    return struck, 0


def control_service_lost(
    case: Case, draw: random.Random, setting: Setting, number: int
) -> tuple[int, int]:
    """The control service of the cluster dies for good; the sweep goes on with another cluster."""
    del setting, number
    with two_nodes(OnRay(case, epoch_s=NODE_EPOCH_S)) as (cluster, how):
        driver = how.start()
        driver.wait_for(draw.randint(2, 8))
        cluster.tell("headless")
        driver.end(expected=(5,), says="Give the same command again to go on")
    with two_nodes(OnRay(case, epoch_s=NODE_EPOCH_S)) as (_, how):
        how.run()
    return 1, 0


RAY_KINDS = {
    "SIGKILL of the driver, Ray": Kind(driver_killed, 1, 1),
    "SIGKILL of the driver, Ray, real trainer": Kind(
        driver_killed_while_it_trains, 4, 1, real=True
    ),
    "worker killed": Kind(worker_killed, 5, 1),
    "worker hangs": Kind(worker_hangs, 2, 1),
    "Ray lost": Kind(ray_lost, 2, 1),
    "node lost": Kind(node_lost, 9, 1),
    "last node lost": Kind(last_node_lost, 2, 1),
    "node drained": Kind(node_drained, 2, 1),
    "node hangs and wakes": Kind(node_hangs, 2, 1),
    "control service of a cluster lost": Kind(control_service_lost, 1, 1),
}
