"""Which outstanding trials train together, and from which checkpoint each goes on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from lps_sweep.errors import StorageError
from lps_sweep.files import inside
from lps_sweep.plan import Outstanding, PlannedTrial, make_packs
from lps_sweep.results import CheckpointRecord, Ledger, sha256_file


class Packing:
    """Forms packs.

    Args:
        trials: All trials of the sweep, by id.
        results: The results folder.
        ledger: Knows the checkpoints.
        limits: The largest pack that a trial may still be in, where there is such a limit.
        max_pack_size: The largest pack of all.
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

    def packs(self, trial_ids: Sequence[str], num_workers: int) -> list[tuple[str, ...]]:
        """Packs of trials that share key and epoch, no larger than what befell them allows."""
        limits = {t: self._limits.get(t) for t in trial_ids}
        packs: list[tuple[str, ...]] = []
        for limit in sorted(set(limits.values()), key=lambda n: -(n or 10**9)):
            chosen = [t for t in trial_ids if limits[t] == limit]
            groups = [Outstanding(t, self._group(t)) for t in chosen]
            sizes = [size for size in (self._largest, limit) if size]
            packs += make_packs(
                groups,
                num_workers=1 if limit else num_workers,
                max_pack_size=min(sizes) if sizes else None,
            )
        return packs

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
