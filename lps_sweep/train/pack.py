"""Training of a pack, epoch by epoch, as a stream of events."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from lps_sweep.config import Config
from lps_sweep.data import load, make_split
from lps_sweep.train.checkpoint import Checkpoint, SavedFile, load_state, save_state
from lps_sweep.train.device import set_up_device
from lps_sweep.train.run import Evaluation, Member, Run


@dataclass(frozen=True)
class MemberSpec:
    """A trial to train: from the start, or from its checkpoint."""

    trial_id: str
    config: Config
    checkpoint: Checkpoint | None = None


@dataclass(frozen=True)
class PackSpec:
    """What `train_pack` needs.

    Attributes:
        members: Trials with the same shared sections, all at the same epoch.
        seed: The seed that they share.
        backbone: File of the pre-trained weights.
        checkpoints: Folder for checkpoints.
        checkpoint_interval_s: Least time between two checkpoints; the last epoch always has one.
        device: Name of the torch device.
        num_threads: CPU threads.
    """

    members: tuple[MemberSpec, ...]
    seed: int
    backbone: SavedFile
    checkpoints: Path
    checkpoint_interval_s: float
    device: str
    num_threads: int


@dataclass(frozen=True)
class EpochDone:
    """A member finished an epoch; `seconds` is its share of the pack's wall-clock time."""

    trial_id: str
    epoch: int
    metrics: Mapping[str, float]
    seconds: float


@dataclass(frozen=True)
class CheckpointSaved:
    """A member can go on from here."""

    trial_id: str
    checkpoint: Checkpoint


@dataclass(frozen=True)
class Finished:
    """A member's end: ``done``, ``failed`` or ``diverged``; or ``out_of_memory``, to try again.

    `arrays` of a done member: targets, predictions and indices of the unlabeled images, pi_hat
    per epoch, and the features of a fixed subset with their indices.
    """

    trial_id: str
    status: str
    epoch: int
    metrics: Mapping[str, float]
    arrays: Mapping[str, NDArray[Any]]
    error: str = ""


Event = EpochDone | CheckpointSaved | Finished


def train_pack(spec: PackSpec) -> Iterator[list[Event]]:
    """Trains the members of `spec` to their end; yields the events of each epoch.

    Members fail and diverge alone; whatever else goes wrong is raised.

    Raises:
        BadInputError: The data are missing.
        StorageError: A checkpoint cannot be read or written.
    """
    device = set_up_device(spec.device, spec.num_threads)
    run = _start(spec, device)
    first = spec.members[0].checkpoint.epoch if spec.members[0].checkpoint else 0
    total = spec.members[0].config.loop.epochs
    saved_at = time.monotonic()
    for epoch in range(first, total):
        started = time.monotonic()
        present = run.active
        training = run.train_epoch(epoch)
        diverged = [member for member in run.active if member.learner.diverged]
        run.members = [member for member in run.members if member not in diverged]
        evaluations = run.evaluate()
        seconds = (time.monotonic() - started) / len(present)
        events: list[Event] = [_ended(m, epoch, "diverged") for m in diverged]
        for member in run.active:
            evaluation = evaluations[member.trial_id]
            metrics = {**evaluation.metrics, **training[member.trial_id]}
            events.append(EpochDone(member.trial_id, epoch + 1, metrics, seconds))
        last = epoch + 1 == total
        if last or time.monotonic() - saved_at >= spec.checkpoint_interval_s:
            events += _save(run, spec, epoch + 1)
            saved_at = time.monotonic()
        if last:
            events += [_done(run, m, evaluations[m.trial_id], total) for m in run.active]
        events += [_ended(m, epoch, "failed") for m in run.members if m.error]
        run.members = run.active
        yield events
        if not run.members:
            return


def _start(spec: PackSpec, device: torch.device) -> Run:
    config = spec.members[0].config
    images = load(config.data)
    split = make_split(images.labels, images.num_classes, config.split)
    backbone = load_state(spec.backbone, torch.device("cpu"))
    run = Run(config, seed=spec.seed, images=images, split=split, backbone=backbone, device=device)
    for member in spec.members:
        learner = run.add(member.trial_id, member.config)
        if member.checkpoint:
            learner.load_state(load_state(member.checkpoint.member, device))
    if spec.members[0].checkpoint:
        run.load_state(load_state(spec.members[0].checkpoint.run, device))
    return run


def _save(run: Run, spec: PackSpec, epoch: int) -> list[Event]:
    shared = save_state(run.state(), spec.checkpoints / "runs")
    events: list[Event] = []
    for member in run.active:
        folder = spec.checkpoints / member.trial_id
        saved = save_state(member.learner.state(), folder, f"epoch-{epoch:04d}")
        events.append(CheckpointSaved(member.trial_id, Checkpoint(epoch, saved, shared)))
    return events


def _done(run: Run, member: Member, evaluation: Evaluation, epochs: int) -> Finished:
    unlabeled = run.split.unlabeled
    indices, features = run.features(member)
    arrays: dict[str, NDArray[Any]] = {
        "unlabeled_indices": unlabeled,
        "targets": run.split.targets[unlabeled],
        "predictions": evaluation.predictions,
        "pi_hat": member.learner.pi_hat_epochs(),
        "feature_indices": indices,
        "features": features.astype(np.float32),
    }
    return Finished(member.trial_id, "done", epochs, evaluation.metrics, arrays)


def _ended(member: Member, epoch: int, status: str) -> Finished:
    status = "out_of_memory" if member.out_of_memory else status
    error = member.error or f"the loss was not finite in epoch {epoch + 1}"
    return Finished(member.trial_id, status, epoch, {}, {}, error)
