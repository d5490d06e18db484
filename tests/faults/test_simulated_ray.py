"""A run on Ray beside its simulation, also with a worker killed; a trainer that sleeps."""

from __future__ import annotations

import dataclasses
import random
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from statistics import median

import pytest

from lps_sweep.sweep.simulation import Nodes, SimulatedJob, Simulation
from tests.faults import truth
from tests.faults.harness import Case
from tests.faults.processes import OnRay

pytest.importorskip("ray")
EPOCHS, NUM_PACKS = 12, 4


def ended(job: SimulatedJob, saved: int | None) -> Sequence[SimulatedJob]:
    return () if saved is None else (dataclasses.replace(job, first=saved),)


@pytest.mark.slow
@pytest.mark.fault
@pytest.mark.integration
@pytest.mark.parametrize("killed", [pytest.param(False, marks=pytest.mark.long), True])
def test_a_run_on_ray_takes_about_as_long_as_its_simulation(killed: bool, tmp_path: Path) -> None:
    """An epoch, and the time to the new attempt, take what they took; the schedule is simulated."""
    case = Case.at(tmp_path / "case", epochs=EPOCHS, seeds=2)
    case.resources(max_pack_size=2, checkpoint_interval_s=1)
    driver = OnRay(case, epoch_s=2.0).start()
    if killed:
        driver.wait_for(16)
        truth.write(case.truth, "struck")
        assert driver.kill_a_worker(random.Random(0)) == 1
    driver.end(expected=(0,))
    events = truth.read(case.truth)
    at = {kind: [e["at"] for e in events if e["kind"] == kind] for kind in ("start", "finished")}
    begun = min(at["start"])
    took_s = max(at["finished"]) - begun
    reports: dict[str, list[float]] = {}
    for event in events:
        if event["kind"] == "reported":
            reports.setdefault(event["trial"], []).append(event["at"])
    epoch_s = median(b - a for times in reports.values() for a, b in pairwise(times))
    workers = min(2, len(set(at["start"])))
    jobs = [SimulatedJob((f"{n}",), 0, EPOCHS, 0.0, epoch_s, 1.5) for n in range(NUM_PACKS)]
    lives, again_s = [], 0.0
    if killed:
        struck = next(e["at"] for e in events if e["kind"] == "struck")
        again_s = min(e["at"] for e in events if e["kind"] == "start" and e["epoch"]) - struck
        lives = [struck - begun]
    simulation = Simulation(Nodes(workers, 1, boot_s=again_s / 2, noticed_s=again_s / 2), lives)
    simulation.run(jobs, ended)
    assert simulation.losses == killed
    assert 0.8 < (simulation.now_s - again_s / 2) / took_s < 1.25
