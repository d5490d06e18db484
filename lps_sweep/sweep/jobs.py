"""The work that an executor places: pre-training of a trunk, or training of a pack.

A job is plain data, so that it can travel to another machine; `perform` does it there.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from lps_sweep import train
from lps_sweep.config import Config
from lps_sweep.errors import LpsSweepError
from lps_sweep.results.artefacts import save_artefact
from lps_sweep.sweep.orders import packs_forbidden, stopped_members
from lps_sweep.sweep.rows import CostRow, MemberRow, PackBegun, PackLeft, Row
from lps_sweep.sweep.store import Store
from lps_sweep.sweep.trunks import make_trunk
from lps_sweep.train.events import (
    Checkpoint,
    CheckpointSaved,
    Event,
    Finished,
    MemberSpec,
    PackSpec,
    SavedFile,
)


@dataclass(frozen=True)
class Place:
    """What a job gets: its device, its threads, and the store.

    `gpu_share` is the part of a GPU's memory that is the job's.
    """

    store: Store
    device: str
    num_threads: int
    gpu_share: float = 1.0


@dataclass(frozen=True)
class TrunkJob:
    """Make the trunk of `config`, by pre-training or of released weights.

    `trunk` is the hash of its recipe.
    """

    place: Place
    trunk: str
    config: Config
    checkpoint_interval_s: float = 20.0

    @property
    def job_id(self) -> str:
        """Name of the job in logs."""
        return f"trunk-{self.trunk}"


@dataclass(frozen=True)
class PackJob:
    """Train a pack; `attempts` has the number of its attempt for each member."""

    place: Place
    job_id: str
    spec: PackSpec
    attempts: Mapping[str, int]

    @property
    def members(self) -> tuple[MemberSpec, ...]:
        """The trials of the pack."""
        return self.spec.members


@dataclass(frozen=True)
class CostJob:
    """Measure what a step of `spec`, of one member, costs; nothing is recorded of its trial."""

    place: Place
    job_id: str
    spec: PackSpec


Job = TrunkJob | PackJob | CostJob


def perform(job: Job) -> Iterator[list[Row]]:
    """Does `job`, if it still may begin; yields what it has to report.

    Raises:
        DeviceError: This process cannot use its device any more.
    """
    try:
        yield from _performed(job)
    except LpsSweepError:
        raise
    except Exception as error:
        import torch

        if broken := train.device_error(error, torch.device(job.place.device)):
            raise broken from error
        raise


def _performed(job: Job) -> Iterator[list[Row]]:
    place = job.place
    if packs_forbidden(place.store):
        if isinstance(job, PackJob):
            yield [PackLeft(job.attempts)]
        return
    if place.device.startswith("cuda"):
        train.gpus_for_pack(1.0)  # Ray counts those that torch cannot use
    if isinstance(job, PackJob):
        yield from _train(job)
    elif isinstance(job, CostJob):
        with place.store.working() as folder:
            spec = _fetched(place.store, job.spec, folder)
            yield [CostRow(job.job_id, train.pack_costs(spec))] if spec else []
    else:
        device = place.device, place.num_threads, place.gpu_share
        interval_s = job.checkpoint_interval_s
        yield from make_trunk(place.store, job.trunk, job.config, device, interval_s)


def _train(job: PackJob) -> Iterator[list[Row]]:
    place = job.place
    yield [PackBegun(job.attempts, train.device_facts(place.device, job.spec.num_threads))]
    with place.store.working() as folder:
        spec = _fetched(place.store, job.spec, folder)
        if spec is None:
            yield [PackLeft(job.attempts, why="a file that it was to go on from is damaged")]
            return
        notes: dict[str, str] = {}
        stopped = partial(stopped_members, place.store, job.attempts)
        for events in train.train_pack(spec, stopped, notes.update):
            rows: list[Row] = [_row(job, event, folder) for event in events]
            yield [PackBegun(job.attempts, dict(notes)), *rows] if notes else rows
            notes.clear()
    if job.spec.until is not None:
        yield [PackLeft(job.attempts, job.spec.until)]


def _fetched(store: Store, spec: PackSpec, folder: Path) -> PackSpec | None:
    """`spec` with its files on this machine's disk, which works in `folder`; None if one is lost.

    In a job files have their names in the store.
    """
    files = {spec.backbone: store.get(spec.backbone)}
    for saved in (f for m in spec.members if (c := m.checkpoint) for f in (c.member, c.run)):
        files[saved] = store.get(saved)
    there = {saved: file for saved, file in files.items() if file}
    if len(there) < len(files):
        return None
    members = [
        replace(m, checkpoint=Checkpoint(c.epoch, there[c.member], there[c.run]))
        if (c := m.checkpoint)
        else m
        for m in spec.members
    ]
    checkpoints = folder / spec.checkpoints
    backbone = there[spec.backbone]
    return replace(spec, members=tuple(members), backbone=backbone, checkpoints=checkpoints)


def _row(job: PackJob, event: Event, folder: Path) -> MemberRow:
    """A training event with its attempt number; its files are in the store first."""
    attempt, store = job.attempts[event.trial_id], job.place.store
    if isinstance(event, CheckpointSaved):
        saved = event.checkpoint
        files = store.put(saved.member, folder), store.put(saved.run, folder)
        return MemberRow(attempt, replace(event, checkpoint=Checkpoint(saved.epoch, *files)))
    if not isinstance(event, Finished) or not event.arrays:
        return MemberRow(attempt, event)
    artefact = save_artefact(folder, event.trial_id, attempt, event.arrays)
    store.put(SavedFile(folder / artefact.path, artefact.sha256), folder)
    return MemberRow(attempt, replace(event, arrays={}), artefact)
