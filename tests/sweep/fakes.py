"""An executor that trains nothing: deterministic metrics, and deaths on demand."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

from lps_sweep.files import atomic_write, sha256_bytes
from lps_sweep.results import CheckpointRecord, FileRef
from lps_sweep.sweep.budget import packs_forbidden
from lps_sweep.sweep.executor import Accept, Blame, Death
from lps_sweep.sweep.jobs import Job, JobMember, PackJob, TrunkJob
from lps_sweep.sweep.rows import (
    EpochRow,
    OutcomeRow,
    PackBegun,
    PackNotBegun,
    PackWaits,
    Row,
)
from lps_sweep.sweep.stopping_orders import stopped_members


def metrics_of(trial_id: str, epoch: int) -> dict[str, float]:
    """What the fake trainer reports: a function of trial and epoch alone."""
    value = int(trial_id[:6], 16) % 1000 / 10
    return {
        "acc_seen": value,
        "acc_novel": value / 2,
        "acc_all": value / 4 + epoch,
        "acc_novel_strict": value / 2,
        "nmi_novel": value / 3,
        "acc_holdout": value,
    }


@dataclass
class FakeExecutor:
    """Runs packs at once. `dies` decides, per pack and epoch, whether the process dies there."""

    dies: Callable[[PackJob, int], Blame | None] = lambda _job, _epoch: None
    status_of: Callable[[str], str] = lambda _trial_id: "done"
    metrics: Callable[[str, int], dict[str, float]] = metrics_of
    num_workers: int = 2
    device: str = "cpu"
    gpus_per_pack: float = 0.0
    where: str = "nowhere"
    packs: list[tuple[str, ...]] = field(default_factory=list)
    started: list[tuple[str, int]] = field(default_factory=list)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        pass

    def run(self, jobs: Sequence[Job], accept: Accept) -> list[Death]:
        """Does each job in turn."""
        found = (self._perform(job, accept) for job in jobs)
        return [death for death in found if death]

    def _perform(self, job: Job, accept: Accept) -> Death | None:
        if isinstance(job, TrunkJob):
            folder = job.place.results / "checkpoints" / "trunks"
            atomic_write(folder / f"{job.trunk}.pt", b"weights")
            facts = f'{{"sha256": "{sha256_bytes(b"weights")}"}}'
            atomic_write(folder / f"{job.trunk}.json", facts.encode())
            return None
        assert isinstance(job, PackJob)
        if packs_forbidden(job.place.results):
            accept([PackNotBegun({m.trial_id: m.attempt for m in job.members})])
            return None
        self.packs.append(tuple(m.trial_id for m in job.members))
        accept([PackBegun({m.trial_id: m.attempt for m in job.members}, {"device": "fake"})])
        first = job.members[0].checkpoint.epoch if job.members[0].checkpoint else 0
        epochs = int(job.members[0].config["epochs"])
        self.started += [(m.trial_id, first) for m in job.members]
        present = list(job.members)
        for epoch in range(first + 1, (job.until or epochs) + 1):
            blame = self.dies(job, epoch)
            if blame:
                return Death(job, "killed", blame)
            accept([row for m in present for row in self._rows(job, m, epoch, epochs)])
            over = stopped_members(job.place.results, {m.trial_id: m.attempt for m in present})
            present = [m for m in present if m.trial_id not in over]
        if job.until:
            accept([PackWaits({m.trial_id: m.attempt for m in present}, job.until)])
        return None

    def _rows(self, job: PackJob, member: JobMember, epoch: int, epochs: int) -> Iterable[Row]:
        trial_id, attempt = member.trial_id, member.attempt
        metrics = self.metrics(trial_id, epoch)
        if epoch == epochs and self.status_of(trial_id) == "out_of_memory":
            yield OutcomeRow(trial_id, attempt, "out_of_memory", epoch - 1, {}, error="planted")
            return
        yield EpochRow(trial_id, attempt, epoch, metrics, 0.5)
        status = self.status_of(trial_id)
        if epoch == epochs and status != "done":  # it has left the pack: no checkpoint
            yield OutcomeRow(trial_id, attempt, status, epoch, {}, error="planted")
            return
        files = [self._file(job, f"{trial_id}-{epoch}"), self._file(job, f"run-{epoch}")]
        yield CheckpointRecord(trial_id, attempt, epoch, *files)
        if epoch == epochs:
            yield OutcomeRow(trial_id, attempt, "done", epoch, metrics)

    def _file(self, job: PackJob, name: str) -> FileRef:
        path = job.place.results / "checkpoints" / f"{name}.pt"
        atomic_write(path, name.encode())
        return FileRef(str(path.relative_to(job.place.results)), sha256_bytes(name.encode()))
