"""How long a sweep takes on this machine, and how much it leaves."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean

from lps_sweep.errors import BadInputError
from lps_sweep.plan import Resources
from lps_sweep.sweep.costs import kind_of_config
from lps_sweep.sweep.executor import room, usable_cpus
from lps_sweep.sweep.simulated import SimulatedDriver, Workers
from lps_sweep.sweep.simulation import Nodes, Simulation

GPUS = Path("/proc/driver/nvidia/gpus")
"""Has a folder for each GPU, where the driver is loaded."""


@dataclass(frozen=True)
class Estimate:
    """What is left to do costs.

    Attributes:
        hours: Of wall-clock time; None where a kind of trial is unknown.
        gpu_hours: Hours of GPUs that train, 0 without any; None likewise.
        size: Bytes of disk; None where nothing is known.
        pretrain_hours: Part of `hours` that goes to pre-training; None where it is not in it.
    """

    hours: float | None
    gpu_hours: float | None
    size: int | None
    pretrain_hours: float | None = None


def gpus_here() -> int:
    """GPUs of this machine that this process may use, found without torch."""
    try:
        number = len(list(GPUS.iterdir()))
    except OSError:
        return 0
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    if visible is None:
        return number
    named = [name for name in visible.split(",") if name.strip() not in ("", "-1")]
    return min(number, len(named))


def check_room(resources: Resources, places: Mapping[str, str], *, alone: bool) -> None:
    """Refuses resources of a pack that this machine can never give.

    Args:
        resources: What a pack is to have.
        places: Where each of them was read from.
        alone: Packs train in this process, one at a time on one GPU at the most.

    Raises:
        BadInputError: Says what was asked for and what there is.
    """
    cpus = usable_cpus()
    if resources.cpus_per_pack > cpus:
        raise BadInputError(
            f"cpus_per_pack must be at most {cpus}, the CPU cores that can be used on this "
            f"machine, not {resources.cpus_per_pack}",
            places.get("cpus_per_pack", ""),
        )
    if resources.gpus_per_pack:
        from lps_sweep.train import gpus_for_pack  # whether torch can use them, torch alone knows

        where = places.get("gpus_per_pack", "")
        gpus_for_pack(resources.gpus_per_pack, alone=alone, where=where)


def workers_here(resources: Resources) -> Workers:
    """How many packs this machine trains at a time."""
    found = gpus_here()
    wanted = 1.0 if resources.gpus_per_pack is None else resources.gpus_per_pack
    gpus = wanted if found else 0.0
    return Workers(max(1, room(usable_cpus(), found, resources.cpus_per_pack, gpus)), gpus)


def estimate(driver: SimulatedDriver) -> Estimate:
    """What the work of `driver` costs on one machine, by a simulation.

    A pre-training is left out where its time is not known.
    """
    work, workers = driver.work, driver.workers
    trials = work.trials
    if not trials:
        return Estimate(0.0, 0.0, 0)
    kinds = dict.fromkeys(kind_of_config(trial.config) for trial in trials)
    sizes = [work.costs[kind].size for kind in kinds if kind in work.costs]
    known = [size for size in sizes if size is not None]
    size = round(fmean(known) * len(trials)) if known else None
    if not work.is_known:
        return Estimate(None, None, size)
    simulation = Simulation(Nodes(1, workers.number))
    pretrain_s, _ = driver.run(simulation)
    return Estimate(
        hours=simulation.now_s / 3600,
        gpu_hours=simulation.busy_s / 3600 * workers.gpus,
        size=size,
        pretrain_hours=None if work.pretraining() is None else pretrain_s / 3600,
    )


def hours_text(hours: float) -> str:
    """Hours in words: seconds, minutes or hours."""
    if hours * 60 < 2:
        return f"{hours * 3600:.0f} seconds"
    return f"{hours * 60:.0f} minutes" if hours < 2 else f"{hours:.1f} hours"
