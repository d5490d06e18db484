"""Which outstanding trials train together, and from which checkpoint each goes on."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from lps_sweep.config import Config
from lps_sweep.errors import StorageError
from lps_sweep.files import inside
from lps_sweep.plan import LARGEST_PACK, SHARED_COST, Outstanding, PlannedTrial, make_packs
from lps_sweep.results import CheckpointRecord, Ledger, sha256_file


@dataclass(frozen=True)
class PackSize:
    """What packing goes by: r of `plan.make_packs`, and the largest pack worth making."""

    shared_cost: float = SHARED_COST
    largest: int = LARGEST_PACK


class Packing:
    """Forms packs.

    Args:
        trials: All trials of the sweep, by id.
        results: The results folder.
        ledger: Knows the checkpoints.
        limits: The largest pack that a trial may still be in, where there is such a limit.
        max_pack_size: The largest pack of all.

    Attributes:
        sizes: What was measured, by the shape of configurations.
    """

    def __init__(
        self,
        trials: Mapping[str, PlannedTrial],
        results: Path,
        ledger: Ledger,
        limits: Mapping[str, int],
        max_pack_size: int | None,
    ) -> None:
        self._trials = trials
        self._results = results
        self._ledger = ledger
        self._limits = limits
        self._largest = max_pack_size
        self.sizes: dict[Hashable, PackSize] = {}

    def packs(self, trial_ids: Sequence[str], num_workers: int) -> list[tuple[str, ...]]:
        """Packs of trials that share key and epoch, no larger than what befell them allows."""
        kinds: dict[tuple[int | None, PackSize], list[str]] = {}
        for trial_id in trial_ids:
            size = self.sizes.get(shape_of(self._trials[trial_id].config), PackSize())
            kinds.setdefault((self._limits.get(trial_id), size), []).append(trial_id)
        packs: list[tuple[str, ...]] = []
        for limit, size in sorted(kinds, key=lambda kind: -(kind[0] or 10**9)):
            packs += make_packs(
                [Outstanding(t, self._group(t)) for t in kinds[limit, size]],
                num_workers=1 if limit else num_workers,
                max_pack_size=min(n for n in (self._largest or size.largest, limit) if n),
                shared_cost=size.shared_cost,
            )
        return packs

    def unmeasured(self, trial_ids: Sequence[str]) -> dict[Hashable, str]:
        """A trial of each shape whose cost is not known, where two or more could share a pack."""
        alike: dict[Hashable, list[str]] = {}
        for trial_id in trial_ids:
            alike.setdefault(self._group(trial_id), []).append(trial_id)
        firsts = [members[0] for members in alike.values() if len(members) > 1]
        shapes = {shape_of(self._trials[t].config): t for t in reversed(firsts)}
        return {shape: t for shape, t in shapes.items() if shape not in self.sizes}

    def _group(self, trial_id: str) -> tuple[str, int, str]:
        checkpoint = self.checkpoint(trial_id)
        key = self._trials[trial_id].pack_key
        return (key, checkpoint.epoch, checkpoint.run.sha256) if checkpoint else (key, 0, "")

    def checkpoint(self, trial_id: str) -> CheckpointRecord | None:
        """The newest checkpoint whose files are there and intact."""
        for record in self._ledger.checkpoints(trial_id):
            if self._intact(record):
                return record
        return None

    def _intact(self, record: CheckpointRecord) -> bool:
        try:
            return all(
                sha256_file(inside(self._results, file.path)) == file.sha256
                for file in (record.member, record.run)
            )
        except StorageError:
            return False


def shape_of(config: Config) -> Hashable:
    """What the cost of a step depends on; trials with the same shape need one measurement."""
    data = replace(config.data, data_root="")
    return data, config.trunk, replace(config.loop, epochs=1), config.method.name
