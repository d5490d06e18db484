"""B13: a pack that is killed amid an epoch and goes on, against one that is left alone.

The pack trains in a process of its own, with a checkpoint after every epoch, and is killed without
warning some steps into one. It goes on from the last checkpoint that it announced, all members
together and, once more, in a smaller pack. All must end as without the kill, to the bit. Timed is
what checkpoints cost.
"""

from __future__ import annotations

import dataclasses
import shutil
import tempfile
from collections.abc import Iterable, Sequence
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import torch

from benchmarks.frame import ANSWER_S, Case, Check, Measurement, Setting, in_turns
from benchmarks.precision import digits_config
from benchmarks.states import difference
from benchmarks.workers import Worker
from lps_sweep.config import Config
from lps_sweep.files import sha256_file
from lps_sweep.methods.lps import LPSConfig
from lps_sweep.models import build_network
from lps_sweep.train import (
    Checkpoint,
    CheckpointSaved,
    Event,
    Finished,
    Learner,
    MemberSpec,
    PackSpec,
    SavedFile,
    load_state,
    save_state,
    train_pack,
)

COUNT, EPOCHS = 3, 4
STEPS_INTO_EPOCH = 2
"""Steps after the second checkpoint at which the process is killed."""

Checkpoints = dict[str, Checkpoint]


def configs_of() -> list[Config]:
    """Three trials on the digits."""
    base = digits_config("float32", "small_cnn", EPOCHS, pretrain_epochs=0)
    return [dataclasses.replace(base, method=LPSConfig(C=1.0 + 4 * i)) for i in range(COUNT)]


def spec_of(
    folder: Path, device: str, interval_s: float = 0.0, going_on: Checkpoints | None = None
) -> PackSpec:
    """The pack in `folder`: from the start, or those that go on from their checkpoints."""
    torch.manual_seed(0)
    backbone = save_state(build_network("small_cnn", 1).state_dict(), folder, "backbone")
    known = going_on or {}
    members = [MemberSpec(str(i), c, known.get(str(i))) for i, c in enumerate(configs_of())]
    return PackSpec(
        members=tuple(m for m in members if not going_on or m.checkpoint),
        seed=0,
        backbone=backbone,
        checkpoints=folder / "checkpoints",
        checkpoint_interval_s=interval_s,
        device=device,
        num_threads=1,
    )


def ends_of(events: Iterable[Sequence[Event]], device: str) -> dict[str, Any]:
    """All that each trial ended with: its last checkpoint, metrics and predictions."""
    saved: Checkpoints = {}
    found = {}
    for event in (event for group in events for event in group):
        if isinstance(event, CheckpointSaved):
            saved[event.trial_id] = event.checkpoint
        elif isinstance(event, Finished):
            files = saved[event.trial_id].member, saved[event.trial_id].run
            arrays = {name: torch.from_numpy(array) for name, array in event.arrays.items()}
            states = [load_state(file, torch.device(device)) for file in files]
            found[event.trial_id] = {"states": states, "result": [event.metrics, arrays]}
    return found


def work(pipe: Connection, folder: Path, device: str) -> None:
    """The process that is killed: tells of each step of the first member, and of checkpoints."""
    step = Learner.step

    def noted(learner: Learner, batch: Any, number: int) -> None:
        step(learner, batch, number)
        if learner.config == configs_of()[0]:
            pipe.send("step")

    Learner.step = noted  # type: ignore[assignment, method-assign]
    for events in train_pack(spec_of(folder, device)):
        if any(isinstance(event, CheckpointSaved) for event in events):
            pipe.send("checkpoint")


def killed(folder: Path, device: str, limit_s: float = ANSWER_S) -> tuple[int, int]:
    """Trains in a process that is killed; the epochs that it had saved, the steps that it lost."""
    epochs = steps = 0
    with Worker(work, folder, device) as process:
        while (epochs, steps) != (EPOCHS // 2, STEPS_INTO_EPOCH):
            saved = process.answer(limit_s) == "checkpoint"
            epochs, steps = (epochs + 1, 0) if saved else (epochs, steps + 1)
    return epochs, steps


def announced(folder: Path, epoch: int) -> Checkpoints:
    """The checkpoints of all members after `epoch` epochs."""
    found = {}
    for trial in map(str, range(COUNT)):
        files = []
        for part in ("member", "run"):
            (path,) = (folder / "checkpoints" / trial).glob(f"epoch-{epoch:04d}-{part}-*.pt")
            files.append(SavedFile(path, sha256_file(path)))
        found[trial] = Checkpoint(epoch, *files)
    return found


def checks_in(folder: Path, device: str) -> tuple[list[Check], int]:
    """Kills, goes on twice, stops a member, and compares; the steps lost by the kill as well."""
    alone = ends_of(train_pack(spec_of(folder / "alone", device)), device)
    epochs, lost = killed(folder / "killed", device)
    saved = announced(folder / "killed", epochs)
    shutil.copytree(folder / "killed", folder / "smaller")
    fewer = announced(folder / "smaller", epochs)
    del fewer["1"]
    again = train_pack(spec_of(folder / "killed", device, going_on=saved))
    apart = train_pack(spec_of(folder / "smaller", device, going_on=fewer))
    stopped = dataclasses.replace(spec_of(folder / "stopped", device), rungs=(EPOCHS // 2,))
    detached = ends_of(train_pack(stopped, lambda: {"1"}), device)

    def worst(found: dict[str, Any]) -> float:
        return max(difference(end, alone[trial]) for trial, end in found.items())

    return [
        Check.number("epochs saved before the kill", epochs, EPOCHS // 2),
        Check.number("steps lost by the kill", lost, STEPS_INTO_EPOCH),
        Check("difference to a run left alone, all state", worst(ends_of(again, device))),
        Check("the same, gone on in a smaller pack", worst(ends_of(apart, device))),
        Check("the same, of those that stay where one is stopped", worst(detached)),
        Check.number("members that end there", len(detached), COUNT - 1),
        Check.above("difference of two members", difference(alone["0"], alone["1"]), 1e-9),
    ], lost


def measure(setting: Setting) -> Measurement:
    """Compares; then times what checkpoints cost."""
    device = str(setting.device)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        checks, lost = checks_in(folder, device)

        def trained(place: str, interval_s: float) -> None:
            list(train_pack(spec_of(folder / place, device, interval_s)))

        times = in_turns(
            {
                "checkpoint at the end alone": lambda pair: trained(f"last{pair}", 3600.0),
                "checkpoint after every epoch": lambda pair: trained(f"each{pair}", 0.0),
            },
            setting,
        )
    facts = {"trials, epochs, steps lost per trial": [COUNT, EPOCHS, lost]}
    return times.measurement(checks, facts)


def cases(_: Setting) -> list[Case]:
    """One."""
    return [Case("kill", f"pack of {COUNT} on digits, killed in epoch 3 of {EPOCHS}", measure)]
