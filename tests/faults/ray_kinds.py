"""Faults of a sweep under Ray on this machine: its driver, its workers, and Ray itself."""

from __future__ import annotations

import os
import random
import signal
import time

from tests.faults import disorder, truth
from tests.faults.harness import KILLED, Case
from tests.faults.processes import Driver, OnRay, command, descendants
from tests.faults.setting import Kind, Setting

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


RAY_KINDS = {
    "SIGKILL of the driver, Ray": Kind(driver_killed, 1, 1),
    "SIGKILL of the driver, Ray, real trainer": Kind(
        driver_killed_while_it_trains, 4, 1, real=True
    ),
    "worker killed": Kind(worker_killed, 5, 1),
    "worker hangs": Kind(worker_hangs, 2, 1),
    "Ray lost": Kind(ray_lost, 2, 1),
}
