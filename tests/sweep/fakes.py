"""An executor that trains nothing: deterministic metrics, and deaths on demand."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from lps_sweep.config import Config
from lps_sweep.files import sha256_bytes
from lps_sweep.sweep.executor import Accept, Blame, Death, Ended
from lps_sweep.sweep.jobs import Job, PackJob, Place, TrunkJob
from lps_sweep.sweep.orders import packs_forbidden, stopped_members
from lps_sweep.sweep.rows import MemberRow, PackBegun, PackLeft
from lps_sweep.sweep.store import Folder
from lps_sweep.train.events import (
    Checkpoint,
    CheckpointSaved,
    EpochDone,
    Event,
    Finished,
    MemberSpec,
    PackSpec,
    SavedFile,
)

CPU = ("cpu", 1, 1.0)


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


def pack_job(
    results: Path, *trial_ids: str, name: str = "job", device: tuple[str, int, float] = CPU
) -> PackJob:
    """A job whose trials have nothing to train."""
    config: Any = None
    members = tuple(MemberSpec(trial_id, config) for trial_id in trial_ids)
    kind, num_threads, share = device
    spec = PackSpec(
        members,
        seed=0,
        backbone=SavedFile(results / "x", ""),
        checkpoints=results,
        checkpoint_interval_s=20.0,
        device=kind,
        num_threads=num_threads,
        gpu_share=share,
    )
    return PackJob(Place(Folder(results), *device), name, spec, dict.fromkeys(trial_ids, 1))


Dies = Callable[[PackJob, int], Blame | None]
"""Whether, of a pack and an epoch, the process dies there, and what the pack has to do with it."""


@dataclass
class FakeExecutor:
    """Runs packs at once. `dies` decides, per pack and epoch, whether the process dies there."""

    dies: Dies = lambda _job, _epoch: None
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

    def __exit__(self, *_: object) -> None:
        pass

    def prepare(self, configs: Iterable[Config]) -> None:
        """Nothing is asked for."""

    def run(self, jobs: Sequence[Job], accept: Accept, ended: Ended) -> None:
        """Does each job in turn."""
        waiting = deque(jobs)
        while waiting:
            job = waiting.popleft()
            waiting.extendleft(reversed(ended(job, self._perform(job, accept))))

    def _perform(self, job: Job, accept: Accept) -> Death | None:
        if isinstance(job, TrunkJob):
            facts = f'{{"sha256": "{sha256_bytes(b"weights")}"}}'
            for ending, content in (("pt", b"weights"), ("json", facts.encode())):
                job.place.store.write(f"checkpoints/trunks/{job.trunk}.{ending}", content)
            return None
        assert isinstance(job, PackJob)
        if packs_forbidden(job.place.store):
            accept([PackLeft(job.attempts)])
            return None
        self.packs.append(tuple(job.attempts))
        accept([PackBegun(job.attempts, {"device": "fake"})])
        first = job.members[0].checkpoint.epoch if job.members[0].checkpoint else 0
        epochs, until = job.members[0].config.loop.epochs, job.spec.until
        self.started += [(trial, first) for trial in job.attempts]
        present = dict(job.attempts)
        for epoch in range(first + 1, (until or epochs) + 1):
            if blame := self.dies(job, epoch):
                return Death("killed", blame)
            accept(
                [
                    MemberRow(attempt, event)
                    for trial, attempt in present.items()
                    for event in self._events(job, trial, epoch, epochs)
                ]
            )
            for trial in stopped_members(job.place.store, present):
                del present[trial]
        if until:
            accept([PackLeft(present, until)])
        return None

    def _events(self, job: PackJob, trial: str, epoch: int, epochs: int) -> Iterable[Event]:
        metrics, status = self.metrics(trial, epoch), self.status_of(trial)
        if epoch == epochs and status == "out_of_memory":
            yield Finished(trial, status, epoch - 1, error="planted")
            return
        yield EpochDone(trial, epoch, metrics, 0.5)
        if epoch == epochs and status != "done":  # it has left the pack: no checkpoint
            yield Finished(trial, status, epoch, error="planted")
            return
        files = [self._file(job, f"{trial}-{epoch}"), self._file(job, f"run-{epoch}")]
        yield CheckpointSaved(trial, Checkpoint(epoch, *files))
        if epoch == epochs:
            yield Finished(trial, "done", epoch, metrics)

    def _file(self, job: PackJob, name: str) -> SavedFile:
        path = Path("checkpoints") / f"{name}.pt"
        job.place.store.write(str(path), name.encode())
        return SavedFile(path, sha256_bytes(name.encode()))
