"""The work that an executor places: pre-training of a trunk, or training of a pack.

A job is plain data, so that it can travel to another machine; `perform` does it there.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lps_sweep.config import config_from_flat, trunk_recipe
from lps_sweep.errors import BadInputError, StorageError
from lps_sweep.failpoints import failpoint
from lps_sweep.files import atomic_write, inside, sha256_file
from lps_sweep.results import CheckpointRecord, FileRef
from lps_sweep.results.artefacts import save_artefact
from lps_sweep.sweep.budget import packs_forbidden
from lps_sweep.sweep.rows import EpochRow, OutcomeRow, PackBegun, PackNotBegun, Row, TrunkRow


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
    """Train the members of a pack."""

    place: Place
    job_id: str
    seed: int
    trunk: str
    members: tuple[JobMember, ...]
    checkpoint_interval_s: float


Job = TrunkJob | PackJob


def perform(job: Job) -> Iterator[list[Row]]:
    """Does `job`, if it still may begin; yields what it has to report."""
    if packs_forbidden(job.place.results):
        if isinstance(job, PackJob):
            yield [PackNotBegun({m.trial_id: m.attempt for m in job.members})]
    elif isinstance(job, PackJob):
        yield from _train(job)
    elif job.config.get("pretrained"):
        _take_released(job)
    else:
        yield from _pretrain(job)


def trunk_file(results: Path, trunk: str) -> FileRef | None:
    """The pre-trained weights with this recipe, or nothing if they are yet to be made."""
    facts = _trunk_facts(results, trunk)
    weights = facts.with_suffix(".pt")
    try:
        sha256 = str(json.loads(facts.read_text(encoding="utf-8"))["sha256"])
        intact = sha256_file(weights) == sha256
    except (OSError, ValueError, KeyError, StorageError):
        return None
    return FileRef(str(weights.relative_to(results)), sha256) if intact else None


def _trunk_facts(results: Path, trunk: str) -> Path:
    return results / "checkpoints" / "trunks" / f"{trunk}.json"


def _pretrain(job: TrunkJob) -> Iterator[list[Row]]:
    from lps_sweep.data import load
    from lps_sweep.train import Pretraining, set_up_device

    config = config_from_flat(job.config)
    device = set_up_device(job.place.device, job.place.num_threads)
    training = Pretraining(config, load(config.data), device)
    loss = 0.0
    for epoch, loss in training:
        yield [TrunkRow(job.trunk, epoch, config.pretrain.pretrain_epochs, loss)]
    facts = {"final_loss": loss, "images": training.images.place}
    _save_trunk(job, training.network.state_dict(), facts)


def _take_released(job: TrunkJob) -> None:
    """Makes the trunk of released weights.

    Raises:
        BadInputError: They do not fit the network, or are not those that were planned with.
    """
    from lps_sweep.train import read_released

    config = config_from_flat(job.config)
    state, sha256 = read_released(config)
    if trunk_recipe(config, data="", weights=sha256) != job.trunk:
        file = config.pretrain.pretrained
        raise BadInputError(f"{file} has changed since the sweep was planned", where="pretrained")
    _save_trunk(job, state, {"released_sha256": sha256})


def _save_trunk(job: TrunkJob, state: Mapping[str, Any], facts: Mapping[str, Any]) -> None:
    """Saves the weights and, after them, the facts that vouch for them."""
    from lps_sweep.train import save_state

    path = _trunk_facts(job.place.results, job.trunk)
    saved = save_state(state, path.parent, job.trunk)
    failpoint("trunk.facts")
    text = json.dumps({"sha256": saved.sha256, **facts, "config": dict(job.config)}, indent=1)
    atomic_write(path, text.encode())


def _train(job: PackJob) -> Iterator[list[Row]]:
    from lps_sweep import train

    attempts = {member.trial_id: member.attempt for member in job.members}
    results = job.place.results
    backbone = trunk_file(results, job.trunk)
    if backbone is None:
        raise StorageError(f"the pre-trained trunk {job.trunk} is missing or damaged")
    spec = train.PackSpec(
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
    )
    yield [PackBegun(attempts, train.device_facts(job.place.device, job.place.num_threads))]
    for events in train.train_pack(spec):
        yield [_row(event, attempts[event.trial_id], results) for event in events]


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
