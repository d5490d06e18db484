"""Stands in for `lps_sweep.train`: its events, and files, without torch; and the truth.

Metrics are a function of trial and epoch alone. A checkpoint is made every
``1 + int(checkpoint_interval_s)`` epochs, so that what may be trained again is known exactly.
"""

from __future__ import annotations

import hashlib
import math
import os
import re
import sys
import time
import types
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from lps_sweep import train
from lps_sweep.failpoints import failpoint
from lps_sweep.files import atomic_write, read_file, sha256_bytes
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
from tests.faults import disorder, truth

TRUTH = "LPS_TRUTH"
"""Environment variable: the file of the truth."""
EPOCH_S = "LPS_EPOCH_S"
"""Environment variable: seconds that an epoch takes."""

REPLACED = (
    *("Pretraining", "check_step", "device_error", "device_facts", "gpus_for_pack", "load_state"),
    *("set_up_device", "state_bytes", "train_pack", "usable_gpus"),
)


def metrics_of(trial_id: str, epoch: int) -> dict[str, float]:
    """What is reported, a function of trial and epoch alone."""
    digest = hashlib.sha256(f"{trial_id} {epoch}".encode()).digest()
    names = ("acc_seen", "acc_novel", "acc_all", "acc_novel_strict", "nmi_novel")
    return {name: digest[i] / 2.55 for i, name in enumerate(names)}


class Pretraining:
    """An epoch of nothing."""

    epoch, loss, device = 1, 2.0, "cpu"

    def __init__(self, config: Any, images: Any, device: str) -> None:
        del config, images, device
        self.network = types.SimpleNamespace(state_dict=lambda: {"weights": 1})
        self.images = types.SimpleNamespace(place="nowhere")

    def __iter__(self) -> Iterator[tuple[int, float]]:
        yield self.epoch, self.loss


def check_step(*_: object) -> None:
    """Every step is right."""


def load_state(*_: object) -> dict[str, Any]:
    """Nothing is kept of an epoch of nothing."""
    return {}


def set_up_device(device: str, *_: object) -> str:
    return device


def usable_gpus() -> types.SimpleNamespace:
    return types.SimpleNamespace(number=0, driver="", trouble="")


def gpus_for_pack(*_: object, **__: object) -> float:
    return 0.0


def device_error(*_: object) -> None:
    """No device breaks."""


def device_facts(device: str, num_threads: int) -> dict[str, Any]:
    return {"device": device, "num_threads": num_threads}


def state_bytes(state: Mapping[str, Any]) -> bytes:
    return repr(sorted(state.items())).encode()


def train_pack(
    spec: PackSpec, stopped: Callable[[], Collection[str]] = tuple, *_: object
) -> Iterator[list[Event]]:
    """Trains nothing."""
    yield from witnessed(_train, spec, stopped)


def witnessed(
    train: Callable[..., Iterator[list[Event]]], spec: PackSpec, *others: Any
) -> Iterator[list[Event]]:
    """What `train` yields; each event is written to the truth before it is yielded, and after.

    Each member's beginning is, too. Where a plan of disorder lies, the process follows it.
    """
    file = Path(os.environ[TRUTH])
    for member in spec.members:
        first = member.checkpoint.epoch if member.checkpoint else 0
        truth.write(file, "start", trial=member.trial_id, epoch=first)
    for events in train(spec, *others):
        disorder.follow(file, [getattr(m.config.method, "C", 0.0) for m in spec.members])
        for event in events:
            _tell(file, event, ("reported", "finishing"))
        yield events
        for event in events:
            _tell(file, event, ("acknowledged", "finished"))


def _train(spec: PackSpec, stopped: Callable[[], Collection[str]]) -> Iterator[list[Event]]:
    pause = float(os.environ.get(EPOCH_S, "0"))
    first = spec.members[0].checkpoint.epoch if spec.members[0].checkpoint else 0
    for member in spec.members:
        _go_on(member)
    last = spec.members[0].config.loop.epochs
    interval = 1 + int(spec.checkpoint_interval_s)
    for epoch in range(first + 1, (spec.until or last) + 1) if first < last else (last,):
        time.sleep(pause)
        saves = epoch % interval == 0 or epoch in spec.rungs
        events = _events(spec, epoch, trained=first < last, saves=saves)
        yield events
        _clean_up(spec, events)
        over = stopped() if spec.rungs else ()
        spec = replace(spec, members=tuple(m for m in spec.members if m.trial_id not in over))
        if not spec.members:
            return


def _go_on(member: MemberSpec) -> None:
    """Reads the checkpoint as the real trainer does: a wrong file is an error."""
    for saved in (member.checkpoint.member, member.checkpoint.run) if member.checkpoint else ():
        content = read_file(saved.path)
        assert sha256_bytes(content) == saved.sha256, f"{saved.path} is damaged"


def _events(spec: PackSpec, epoch: int, *, trained: bool, saves: bool) -> list[Event]:
    last = spec.members[0].config.loop.epochs
    events: list[Event] = []
    for member in spec.members:
        trial, metrics = member.trial_id, metrics_of(member.trial_id, epoch)
        if trained:
            events.append(EpochDone(trial, epoch, metrics, 0.5))
        if trained and (saves or epoch == last):
            events.append(CheckpointSaved(trial, _save(spec.checkpoints / trial, trial, epoch)))
        if epoch == last:
            arrays = {"predictions": np.arange(epoch), "targets": np.arange(epoch)}
            events.append(Finished(trial, "done", epoch, metrics, arrays))
    return events


def _save(folder: Path, trial: str, epoch: int) -> Checkpoint:
    failpoint("checkpoint.save")
    files = {}
    for part, content in (("run", f"run {epoch}"), ("member", f"{trial} {epoch}")):
        sha256 = sha256_bytes(content.encode())
        path = folder / f"epoch-{epoch:04d}-{part}-{sha256[:8]}.pt"
        atomic_write(path, content.encode())
        files[part] = SavedFile(path, sha256)
        failpoint("checkpoint.part" if part == "run" else "checkpoint.saved")
    return Checkpoint(epoch, files["member"], files["run"])


def _tell(file: Path, event: Event, kinds: tuple[str, str]) -> None:
    """Writes down an event, of this trainer or the real one."""
    facts: dict[str, Any] = {"trial": event.trial_id}
    if isinstance(event, EpochDone | Finished):
        facts["metrics"] = {
            name: value if math.isfinite(value) else None for name, value in event.metrics.items()
        }
    if isinstance(event, EpochDone):
        truth.write(file, kinds[0], **facts, epoch=event.epoch)
    elif isinstance(event, Finished):
        truth.write(file, kinds[1], **facts, status=event.status)


def _clean_up(spec: PackSpec, events: list[Event]) -> None:
    """Keeps two checkpoints of a trial in training, one of a finished trial."""
    for event in events:
        if isinstance(event, EpochDone):
            continue
        epoch = event.checkpoint.epoch if isinstance(event, CheckpointSaved) else event.epoch
        keep = 1 if isinstance(event, Finished) else 2
        found: dict[int, list[Path]] = {}
        for path in (spec.checkpoints / event.trial_id).glob("epoch-*.pt"):
            match = re.match(r"epoch-(\d+)-", path.name)
            if match and int(match[1]) <= epoch:
                found.setdefault(int(match[1]), []).append(path)
        for old in sorted(found, reverse=True)[keep:]:
            for path in found[old]:
                path.unlink()


def replace_trainer() -> None:
    """Puts what is here in the place of what `lps_sweep.train` hands out, in this process."""
    for name in REPLACED:
        setattr(train, name, globals()[name])
    quality = types.ModuleType("lps_sweep.train.quality")
    for name, value in (("trained_quality", 90.0), ("untrained_quality", 50.0)):
        found = {"oracle_linear_probe": value, "oracle_kmeans_acc": value}
        setattr(quality, name, lambda *_, found=found: found)
    sys.modules[quality.__name__] = quality


def install(file: Path, epoch_s: float = 0.0) -> None:
    """As `replace_trainer`, with the file of the truth and the seconds that an epoch takes."""
    os.environ[TRUTH], os.environ[EPOCH_S] = str(file), str(epoch_s)
    replace_trainer()


def train_in_truth(*given: Any) -> Iterator[list[Event]]:
    """What the real trainer yields, with the truth written down."""
    from lps_sweep.train.pack import train_pack

    return witnessed(train_pack, *given)
