"""What training of a pack is given, and what it reports. Loads no torch."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from lps_sweep.config import Config


@dataclass(frozen=True)
class SavedFile:
    """A file below the checkpoint folder and its SHA-256 (hex)."""

    path: Path
    sha256: str


@dataclass(frozen=True)
class Checkpoint:
    """Where a trial can go on: the state after `epoch` epochs."""

    epoch: int
    member: SavedFile
    run: SavedFile


KEPT_IN_TRAINING = 2
"""Checkpoints of a trial in training: should the newest be damaged, the one before serves."""

_FILE = re.compile(r"epoch-(\d+)-(?:member|run)-[0-9a-f]{8}\.pt")


def superfluous(names: Iterable[str], epoch: int, keep: int) -> list[str]:
    """Those of a trial's files that are not needed: none of the newest `keep` epochs up to `epoch`.

    Later epochs are left alone: they can only be of another attempt.
    """
    found = [(name, _FILE.fullmatch(name)) for name in names]
    epochs = {name: of for name, match in found if match and (of := int(match[1])) <= epoch}
    kept = sorted({*epochs.values()}, reverse=True)[:keep]
    return [name for name, of in epochs.items() if of not in kept]


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
        checkpoints: Folder for checkpoints; each trial has a folder of its own in it.
        checkpoint_interval_s: Least time between two checkpoints; the last epoch always has one.
        device: Name of the torch device.
        num_threads: CPU threads.
        gpu_share: Of a GPU's memory that is this pack's.
        needed: Metrics that each epoch must have; a member without one has diverged.
        rungs: Epochs, from 1, after which members may be ended from outside, and are saved.
        until: The epoch after which the pack ends though its members do not; None for the last.
    """

    members: tuple[MemberSpec, ...]
    seed: int
    backbone: SavedFile
    checkpoints: Path
    checkpoint_interval_s: float
    device: str
    num_threads: int
    needed: tuple[str, ...] = ()
    rungs: tuple[int, ...] = ()
    until: int | None = None
    gpu_share: float = 1.0


@dataclass(frozen=True)
class PackCosts:
    """What a step of a pack costs.

    Attributes:
        shared_s: Seconds for the batch, its views and the frozen trunk: once for all members.
        own_s: Seconds for what one member does.
        member_bytes: Memory that a member takes for good.
        free_bytes: Memory that is left beside one member: of a GPU, in the part that is the
            pack's own, at the peak of a step or an evaluation.
    """

    shared_s: float
    own_s: float
    member_bytes: int
    free_bytes: int


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
    """A member's end after `epoch` whole epochs.

    `status` is ``done``, ``failed`` or ``diverged``; or ``out_of_memory``, to try again.

    `arrays` of a done member: targets, predictions and indices of the unlabeled images, pi_hat
    per epoch, and the features of a fixed subset with their indices.
    """

    trial_id: str
    status: str
    epoch: int
    metrics: Mapping[str, float] = field(default_factory=dict)
    arrays: Mapping[str, NDArray[Any]] = field(default_factory=dict)
    error: str = ""


Event = EpochDone | CheckpointSaved | Finished
