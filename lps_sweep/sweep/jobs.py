"""The work that an executor places: pre-training of a trunk, or training of a pack.

A job is plain data, so that it can travel to another machine; `perform` does it there.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lps_sweep.config import config_from_flat
from lps_sweep.errors import StorageError
from lps_sweep.files import inside
from lps_sweep.results import CheckpointRecord, FileRef
from lps_sweep.results.artefacts import save_artefact
from lps_sweep.sweep.budget import packs_forbidden
from lps_sweep.sweep.rows import (
    CostRow,
    EpochRow,
    OutcomeRow,
    PackBegun,
    PackNotBegun,
    PackWaits,
    Row,
)
from lps_sweep.sweep.stopping_orders import stopped_members
from lps_sweep.sweep.trunks import make_trunk, trunk_file


@dataclass(frozen=True)
class Place:
    """What a job gets: its device, its threads, and the results folder as an absolute path."""

    results: Path
    device: str
    num_threads: int


@dataclass(frozen=True)
class TrunkJob:
    """Make a trunk, by pre-training or of released weights.

    `trunk` is the hash of its recipe, `config` the flat values.
    """

    place: Place
    trunk: str
    config: Mapping[str, Any]
    checkpoint_interval_s: float = 20.0

    @property
    def job_id(self) -> str:
        """Name of the job in logs."""
        return f"trunk-{self.trunk}"


@dataclass(frozen=True)
class JobMember:
    """A trial of a pack: its attempt number, flat values, and where it goes on."""

    trial_id: str
    attempt: int
    config: Mapping[str, Any]
    checkpoint: CheckpointRecord | None


@dataclass(frozen=True)
class PackJob:
    """Train the members of a pack.

    `needed`, `rungs` and `until` are as in `train.PackSpec`.
    """

    place: Place
    job_id: str
    seed: int
    trunk: str
    members: tuple[JobMember, ...]
    checkpoint_interval_s: float
    needed: tuple[str, ...] = ()
    rungs: tuple[int, ...] = ()
    until: int | None = None


@dataclass(frozen=True)
class CostJob:
    """Measure what a step of `pack`, of one member, costs; nothing is recorded of its trial."""

    pack: PackJob

    @property
    def place(self) -> Place:
        """Where the pack would run."""
        return self.pack.place

    @property
    def job_id(self) -> str:
        """Name of the job in logs."""
        return self.pack.job_id


Job = TrunkJob | PackJob | CostJob


def perform(job: Job) -> Iterator[list[Row]]:
    """Does `job`, if it still may begin; yields what it has to report."""
    if packs_forbidden(job.place.results):
        if isinstance(job, PackJob):
            yield [PackNotBegun({m.trial_id: m.attempt for m in job.members})]
    elif isinstance(job, PackJob):
        yield from _train(job)
    elif isinstance(job, CostJob):
        yield [_measured(job)]
    else:
        place = job.place
        device = place.device, place.num_threads
        yield from make_trunk(
            place.results, job.trunk, job.config, device, job.checkpoint_interval_s
        )


def _measured(job: CostJob) -> CostRow:
    from lps_sweep import train

    costs = train.pack_costs(_spec(job.pack))
    return CostRow(job.job_id, costs.shared_s, costs.own_s, costs.member_bytes, costs.free_bytes)


def _train(job: PackJob) -> Iterator[list[Row]]:
    from lps_sweep import train

    attempts = {member.trial_id: member.attempt for member in job.members}
    results = job.place.results
    spec = _spec(job)
    yield [PackBegun(attempts, train.device_facts(job.place.device, job.place.num_threads))]
    for events in train.train_pack(spec, lambda: stopped_members(results, attempts)):
        yield [_row(event, attempts[event.trial_id], results) for event in events]
    if job.until is not None:
        yield [PackWaits(attempts, job.until)]


def _spec(job: PackJob) -> Any:
    """What the trainer needs of a job."""
    from lps_sweep import train

    results = job.place.results
    backbone = trunk_file(results, job.trunk)
    if backbone is None:
        raise StorageError(f"the pre-trained trunk {job.trunk} is missing or damaged")
    return train.PackSpec(
        members=tuple(
            train.MemberSpec(m.trial_id, config_from_flat(m.config), _checkpoint(m, results))
            for m in job.members
        ),
        seed=job.seed,
        backbone=_saved(backbone, results),
        checkpoints=results / "checkpoints",
        checkpoint_interval_s=job.checkpoint_interval_s,
        device=job.place.device,
        num_threads=job.place.num_threads,
        needed=job.needed,
        rungs=job.rungs,
        until=job.until,
    )


def _checkpoint(member: JobMember, results: Path) -> Any:
    from lps_sweep.train import Checkpoint

    record = member.checkpoint
    if record is None:
        return None
    return Checkpoint(record.epoch, _saved(record.member, results), _saved(record.run, results))


def _saved(file: FileRef, results: Path) -> Any:
    from lps_sweep.train import SavedFile

    return SavedFile(inside(results, file.path), file.sha256)


def _row(event: Any, attempt: int, results: Path) -> Row:
    """A training event with its attempt number; a finished trial's artefact is saved first."""
    from lps_sweep import train

    trial_id = event.trial_id
    if isinstance(event, train.EpochDone):
        return EpochRow(trial_id, attempt, event.epoch, event.metrics, event.seconds)
    if isinstance(event, train.CheckpointSaved):
        saved = event.checkpoint
        member, run = (
            FileRef(str(file.path.relative_to(results)), file.sha256)
            for file in (saved.member, saved.run)
        )
        return CheckpointRecord(trial_id, attempt, saved.epoch, member, run)
    artefact = save_artefact(results, trial_id, attempt, event.arrays) if event.arrays else None
    return OutcomeRow(
        trial_id, attempt, event.status, event.epoch, event.metrics, artefact, event.error
    )
