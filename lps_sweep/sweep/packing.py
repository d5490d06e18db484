"""Which outstanding trials train together, how many, and from which checkpoint each goes on."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from lps_sweep.config import Config
from lps_sweep.plan import (
    LARGEST_PACK,
    SHARED_COST,
    Outstanding,
    PlannedTrial,
    Resources,
    make_packs,
    reach,
)
from lps_sweep.results import Ledger
from lps_sweep.sweep.store import Store
from lps_sweep.train.events import Checkpoint, PackCosts, SavedFile

MEMORY_SHARE = 0.8
"""Of the free memory that members beside the first may take."""


@dataclass(frozen=True)
class PackSize:
    """What packing goes by: r of `plan.make_packs`, and the largest pack worth making."""

    shared_cost: float = SHARED_COST
    largest: int = LARGEST_PACK


@dataclass
class Packing:
    """Forms packs.

    Attributes:
        trials: All trials of the sweep, by id.
        checkpoint: Where a trial goes on; None for the start.
        limits: The largest pack that a trial may still be in, where there is such a limit.
        max_pack_size: The largest pack of all.
        sizes: What was measured, by the shape of configurations.
    """

    trials: Mapping[str, PlannedTrial]
    checkpoint: Callable[[str], Checkpoint | None]
    limits: Mapping[str, int]
    max_pack_size: int | None
    sizes: dict[Hashable, PackSize] = field(default_factory=dict)

    def packs(self, trial_ids: Sequence[str], num_workers: int) -> list[tuple[str, ...]]:
        """Packs of trials that share key and epoch, no larger than what befell them allows."""
        kinds: dict[tuple[int | None, PackSize], list[str]] = {}
        for trial_id in trial_ids:
            shape = shape_of(self.trials[trial_id].config) if self.sizes else None
            size = self.sizes.get(shape, PackSize())
            kinds.setdefault((self.limits.get(trial_id), size), []).append(trial_id)
        packs: list[tuple[str, ...]] = []
        for limit, size in sorted(kinds, key=lambda kind: -(kind[0] or 10**9)):
            packs += make_packs(
                [Outstanding(t, self._group(t)) for t in kinds[limit, size]],
                num_workers=1 if limit else num_workers,
                max_pack_size=min(n for n in (self.max_pack_size or size.largest, limit) if n),
                shared_cost=size.shared_cost,
            )
        return packs

    def again(
        self, trial_ids: Sequence[str], num_workers: int, num_open: int
    ) -> list[tuple[str, ...]]:
        """Packs of what is left of one that died, for the workers that have nothing else to do.

        While `num_open` other packs train or wait for all workers, what is left stays together.
        """
        return self.packs(trial_ids, max(1, num_workers - num_open))

    def unmeasured(self, trial_ids: Sequence[str]) -> dict[Hashable, str]:
        """A trial of each shape whose cost is not known, where two or more could share a pack."""
        alike: dict[Hashable, list[str]] = {}
        for trial_id in trial_ids:
            alike.setdefault(self._group(trial_id), []).append(trial_id)
        firsts = [members[0] for members in alike.values() if len(members) > 1]
        shapes = {shape_of(self.trials[t].config): t for t in reversed(firsts)}
        return {shape: t for shape, t in shapes.items() if shape not in self.sizes}

    def _group(self, trial_id: str) -> tuple[str, int, str]:
        checkpoint = self.checkpoint(trial_id)
        key = self.trials[trial_id].pack_key
        return (key, checkpoint.epoch, checkpoint.run.sha256) if checkpoint else (key, 0, "")


def newest_checkpoint(store: Store, ledger: Ledger, trial_id: str) -> Checkpoint | None:
    """The newest checkpoint of a trial whose files are there and intact."""
    for record in ledger.checkpoints(trial_id):
        files = [SavedFile(Path(f.path), f.sha256) for f in (record.member, record.run)]
        if all(map(store.intact, files)):
            return Checkpoint(record.epoch, *files)
    return None


def is_measured(resources: Resources, *, on_gpu: bool) -> bool:
    """Whether some steps are measured first, to size packs by."""
    return on_gpu if resources.measure_packs is None else resources.measure_packs


def shape_of(config: Config) -> Hashable:
    """What the cost of a step depends on; trials with the same shape need one measurement."""
    data = replace(config.data, data_root="")
    return data, config.trunk, replace(config.loop, epochs=1), config.method.name


def pack_size(costs: PackCosts | None, num_workers: int, gpus_per_pack: float) -> PackSize:
    """The size for these costs; the usual one where they could not be measured.

    The memory that was measured on a GPU is a pack's own part of it; on a CPU all workers share it.
    """
    if costs is None or costs.own_s <= 0:
        return PackSize()
    ratio = costs.shared_s / costs.own_s
    room = MEMORY_SHARE * costs.free_bytes / (1 if gpus_per_pack else num_workers)
    fitting = 1 + int(room // costs.member_bytes) if costs.member_bytes else LARGEST_PACK
    return PackSize(ratio, min(reach(ratio), fitting))


def sizes_in_words(costs: Mapping[str, PackCosts], sizes: Mapping[str, PackSize]) -> str:
    """What was measured, by job, for people."""
    parts = [
        f"at most {sizes[job].largest} trials (a step shares {1000 * one.shared_s:.3g} ms, "
        f"each trial adds {1000 * one.own_s:.3g} ms)"
        for job, one in costs.items()
    ]
    return f"packs: {'; '.join(parts) or 'their cost could not be measured'}"
