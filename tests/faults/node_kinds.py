"""Faults of the nodes of a cluster, of which Ray's own test cluster makes two on this machine."""

from __future__ import annotations

import random
import time

from tests.faults import truth
from tests.faults.cluster import two_nodes
from tests.faults.harness import Case
from tests.faults.processes import OnRay
from tests.faults.recorded import given_up
from tests.faults.setting import Kind, Setting

EPOCH_S = 0.7
DEAD_AFTER_S = 12.0
"""Seconds after which a node that hangs has been declared dead, and its work taken up again."""


def node_lost(case: Case, draw: random.Random, setting: Setting, number: int) -> tuple[int, int]:
    """The second node vanishes, is replaced, and vanishes again."""
    del setting, number
    case.resources(max_pack_size=1, checkpoint_interval_s=1)
    struck = 0
    with two_nodes(OnRay(case, epoch_s=EPOCH_S)) as (cluster, how):
        driver = how.start()
        for _ in range(2):
            driver.wait_for(3)
            while cluster.tell("workers") == "0" and not driver.is_over:
                time.sleep(0.1)
            time.sleep(draw.uniform(0, 3 * EPOCH_S))
            if cluster.tell("lose") != "0":
                truth.write(case.truth, "struck", way="node lost")
                struck += 1
            cluster.tell("add")
        driver.end()
    return struck, 0


def node_hangs(case: Case, draw: random.Random, setting: Setting, number: int) -> tuple[int, int]:
    """The second node hangs, is given up, and wakes while others do its work."""
    del setting, number
    case.resources(max_pack_size=1, checkpoint_interval_s=1)
    with two_nodes(OnRay(case, epoch_s=2 * EPOCH_S)) as (cluster, how):
        driver = how.start()
        driver.wait_for(2)
        while cluster.tell("workers") == "0" and not driver.is_over:
            time.sleep(0.1)
        time.sleep(draw.uniform(0, EPOCH_S))
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
    with two_nodes(OnRay(case, epoch_s=EPOCH_S)) as (cluster, how):
        driver = how.start()
        driver.wait_for(draw.randint(2, 8))
        cluster.tell("headless")
        driver.end(expected=(5,), says="Give the same command again to go on")
    with two_nodes(OnRay(case, epoch_s=EPOCH_S)) as (_, how):
        how.run()
    return 1, 0


NODE_KINDS = {
    "node lost": Kind(node_lost, 9, 1),
    "node hangs and wakes": Kind(node_hangs, 2, 1),
    "control service of a cluster lost": Kind(control_service_lost, 1, 1),
}
