"""How large packs may be, by what some of their steps cost."""

from __future__ import annotations

from collections.abc import Hashable, Mapping

from lps_sweep.config import flat
from lps_sweep.plan import LARGEST_PACK, PlannedTrial, reach
from lps_sweep.sweep.executor import Executor
from lps_sweep.sweep.jobs import CostJob, JobMember, PackJob, Place
from lps_sweep.sweep.packing import PackSize
from lps_sweep.sweep.rows import CostRow, Row
from lps_sweep.sweep.signals import check_interrupted

MEMORY_SHARE = 0.8
"""Of the free memory that members beside the first may take."""


def measured_costs(
    trials: Mapping[Hashable, PlannedTrial], place: Place, executor: Executor
) -> dict[Hashable, CostRow]:
    """Measures a trial of each shape; one that dies on it is left out."""
    jobs = {shape: CostJob(_unrecorded(trial, place)) for shape, trial in trials.items()}
    shapes = {job.job_id: shape for shape, job in jobs.items()}
    found: dict[Hashable, CostRow] = {}

    def accept(rows: list[Row]) -> None:
        check_interrupted()
        found.update({shapes[row.job_id]: row for row in rows if isinstance(row, CostRow)})

    executor.run(list(jobs.values()), accept)
    return found


def pack_sizes(
    shapes: Mapping[Hashable, object], costs: Mapping[Hashable, CostRow], executor: Executor
) -> dict[Hashable, PackSize]:
    """The size for each shape; what could not be measured has the one that is taken unmeasured."""
    gpus = executor.gpus_per_pack
    beside = max(1.0, 1 / gpus) if gpus else executor.num_workers
    return {
        shape: pack_size(costs[shape], beside) if shape in costs else PackSize() for shape in shapes
    }


def pack_size(costs: CostRow, packs_per_device: float) -> PackSize:
    """The size for these costs.

    Args:
        costs: What was measured.
        packs_per_device: Packs that share the device's memory; at least 1.
    """
    if costs.own_s <= 0:
        return PackSize()
    ratio = costs.shared_s / costs.own_s
    room = MEMORY_SHARE * costs.free_bytes / packs_per_device
    fitting = 1 + int(room // costs.member_bytes) if costs.member_bytes else LARGEST_PACK
    return PackSize(ratio, min(reach(ratio), fitting))


def sizes_in_words(costs: Mapping[Hashable, CostRow], sizes: Mapping[Hashable, PackSize]) -> str:
    """What was measured, for people."""
    parts = [
        f"at most {sizes[shape].largest} trials (a step shares {1000 * row.shared_s:.3g} ms, "
        f"each trial adds {1000 * row.own_s:.3g} ms)"
        for shape, row in costs.items()
    ]
    return f"packs: {'; '.join(parts) or 'their cost could not be measured'}"


def _unrecorded(trial: PlannedTrial, place: Place) -> PackJob:
    """A job of one trial from its beginning, of which the ledger knows nothing."""
    member = JobMember(trial.trial_id, 0, flat(trial.config), None)
    return PackJob(place, f"costs-{trial.trial_id}", trial.seed, trial.trunk, (member,), 0)
