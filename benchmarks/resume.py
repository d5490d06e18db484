"""B13: a pack that is killed amid an epoch and goes on, against one that is left alone.

The pack trains in a process of its own, with a checkpoint after every epoch, and is killed without
warning some steps into one. It goes on from the last checkpoint that it announced, all members
together and, once more, in a smaller pack. All must end as without the kill, to the bit. Timed is
what checkpoints cost.
"""

from __future__ import annotations

import dataclasses
import math
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import torch

from benchmarks.frame import (
    Benchmark,
    Case,
    Check,
    Measurement,
    Ratio,
    Setting,
    clock_name,
    in_turns,
)
from benchmarks.precision import digits_config
from benchmarks.states import difference
from lps_sweep.config import Config
from lps_sweep.methods.lps import LPSConfig
from lps_sweep.models import build_network
from lps_sweep.train import (
    Checkpoint,
    CheckpointSaved,
    Finished,
    Learner,
    MemberSpec,
    PackSpec,
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
    members = [MemberSpec(str(i), config) for i, config in enumerate(configs_of())]
    if going_on:
        members = [
            dataclasses.replace(member, checkpoint=going_on[member.trial_id])
            for member in members
            if member.trial_id in going_on
        ]
    return PackSpec(
        members=tuple(members),
        seed=0,
        backbone=backbone,
        checkpoints=folder / "checkpoints",
        checkpoint_interval_s=interval_s,
        device=device,
        num_threads=1,
    )


class Ends:
    """What a pack ended with.

    Attributes:
        checkpoints: The newest of each trial.
        results: Metrics and arrays of each trial that is done.
    """

    def __init__(self, events: Iterable[Sequence[Any]], device: str) -> None:
        self._device = torch.device(device)
        self.checkpoints: Checkpoints = {}
        self.results: dict[str, Any] = {}
        for group in events:
            for event in group:
                if isinstance(event, CheckpointSaved):
                    self.checkpoints[event.trial_id] = event.checkpoint
                elif isinstance(event, Finished):
                    arrays = {name: torch.from_numpy(a) for name, a in event.arrays.items()}
                    self.results[event.trial_id] = {**event.metrics, **arrays}

    def state_of(self, trial_id: str) -> dict[str, Any]:
        """All that a trial ended with: its last checkpoint, metrics and predictions."""
        saved = self.checkpoints[trial_id]
        member, run = (load_state(file, self._device) for file in (saved.member, saved.run))
        return {"member": member, "run": run, "result": self.results[trial_id]}


def work(folder: str, device: str) -> None:
    """The process that is killed: tells of each step of the first member, and of checkpoints."""
    step = Learner.step

    def told(learner: Learner, batch: Any, number: int) -> None:
        step(learner, batch, number)
        if learner.config == configs_of()[0]:
            print("step", flush=True)

    Learner.step = told  # type: ignore[assignment, method-assign]
    for events in train_pack(spec_of(Path(folder), device)):
        if any(isinstance(event, CheckpointSaved) for event in events):
            print("checkpoint", flush=True)


def killed(folder: Path, device: str) -> tuple[int, int]:
    """Trains in a process that is killed; the epochs that it had saved, the steps that it lost."""
    command = [sys.executable, "-m", "benchmarks.resume", str(folder), device]
    epochs = steps = 0
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        for line in process.stdout:
            epochs, steps = (epochs + 1, 0) if line.strip() == "checkpoint" else (epochs, steps + 1)
            if epochs == EPOCHS // 2 and steps == STEPS_INTO_EPOCH:
                process.kill()
                break
        process.stdout.read()
    return epochs, steps


def announced(folder: Path, epoch: int) -> Checkpoints:
    """The checkpoints of all members after `epoch` epochs."""
    found = {}
    for trial in range(COUNT):
        files = {}
        for part in ("member", "run"):
            (path,) = (folder / "checkpoints" / str(trial)).glob(f"epoch-{epoch:04d}-{part}-*.pt")
            files[part] = _saved(path)
        found[str(trial)] = Checkpoint(epoch, files["member"], files["run"])
    return found


def _saved(path: Path) -> Any:
    from lps_sweep.files import sha256_file
    from lps_sweep.train import SavedFile

    return SavedFile(path, sha256_file(path))


def checks_in(folder: Path, device: str) -> tuple[list[Check], int]:
    """Kills, goes on twice, stops a member, and compares; the steps lost by the kill as well."""
    alone = Ends(train_pack(spec_of(folder / "alone", device)), device)
    epochs, lost = killed(folder / "killed", device)
    saved = announced(folder / "killed", epochs)
    shutil.copytree(folder / "killed", folder / "smaller")
    fewer = announced(folder / "smaller", epochs)
    del fewer["1"]
    again = Ends(train_pack(spec_of(folder / "killed", device, going_on=saved)), device)
    apart = Ends(train_pack(spec_of(folder / "smaller", device, going_on=fewer)), device)
    stopped = dataclasses.replace(spec_of(folder / "stopped", device), rungs=(EPOCHS // 2,))
    detached = Ends(train_pack(stopped, lambda: {"1"}), device)
    spread = difference(alone.state_of("0"), alone.state_of("1"))
    return [
        Check("epochs saved before the kill", epochs, high=EPOCHS // 2, low=EPOCHS // 2),
        Check("steps lost by the kill", lost, high=STEPS_INTO_EPOCH, low=STEPS_INTO_EPOCH),
        Check("difference to a run left alone, all state", _worst(again, alone)),
        Check("the same, gone on in a smaller pack", _worst(apart, alone)),
        Check("the same, of those that stay where one is stopped", _worst(detached, alone)),
        Check("members that end there", len(detached.results), high=COUNT - 1, low=COUNT - 1),
        Check("difference of two members", spread, high=math.inf, low=1e-9),
    ], lost


def measure(setting: Setting) -> Measurement:
    """Compares; then times what checkpoints cost."""
    device = str(setting.device)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        checks, lost = checks_in(folder, device)
        times = in_turns(
            {
                "each": lambda pair: _train(folder / f"each{pair}", device, 0.0),
                "last": lambda pair: _train(folder / f"last{pair}", device, 3600.0),
            },
            setting.pairs,
            setting.device,
        )
    facts = {"trials, epochs, steps lost per trial": [COUNT, EPOCHS, lost]}
    what = "checkpoint after every epoch"
    ratio = Ratio("checkpoint at the end alone", what, times["last"], times["each"])
    return Measurement(checks, [ratio], facts, clock_name(setting.device))


def _worst(found: Ends, right: Ends) -> float:
    return max(difference(found.state_of(t), right.state_of(t)) for t in found.results)


def _train(folder: Path, device: str, interval_s: float) -> None:
    for _ in train_pack(spec_of(folder, device, interval_s)):
        pass


BENCHMARK = Benchmark(
    "resume",
    lambda _: [Case("kill", f"pack of {COUNT} on digits, killed in epoch 3 of {EPOCHS}", measure)],
)

if __name__ == "__main__":
    work(*sys.argv[1:3])
