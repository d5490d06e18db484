"""Every method trains on every kind of data, and killed wherever it can be, ends with its numbers.

A driver is killed at each failpoint that it comes to, and there once in each epoch: so each method
goes on from each of its phases.
"""

from __future__ import annotations

import math
import os
import signal
import sqlite3
import sys
from pathlib import Path
from typing import Any

import pytest
import torch._dynamo

from lps_sweep import cli, failpoints
from lps_sweep.data.prepare import prepare
from lps_sweep.methods import METHODS, config_class, objective_class
from lps_sweep.sweep import executor
from lps_sweep.train import Run, pack, quality
from tests.data.cifar_cases import write_cifar100
from tests.data.imagenet_cases import write_class_folders
from tests.faults.harness import KILLED, NoTorch, in_child
from tests.faults.recorded import read_ledger

pytestmark = [pytest.mark.fault, pytest.mark.slow, pytest.mark.long]

EPOCHS = 4
"""DTC: one of the seen classes, one of warm-up, two joint; OpenNCD: one of warm-up, two that find
groups, one with the last; RankStats: one of the seen classes, three joint."""

SPACE = """\
name: each
preset: {preset}
method: {method}
set: {{network: small_cnn, pretrain_epochs: 0, batch_size: 64, {settings}}}
seeds: [0]
resources: {{checkpoint_interval_s: 0}}
"""
DIGITS = {"epochs": EPOCHS, "labeled_share": 0.5, "labeled_ratio": 0.1}
SMALL = {"n_init": 2, "projector_width": 32}
"""What a method that has it sets, for the sake of time."""

QUALITY = {"oracle_linear_probe": 90.0, "oracle_kmeans_acc": 50.0}
"""What is said of each trunk: to measure it takes longer than the training."""

LOADED = pack, torch._dynamo
"""What each child would otherwise load for itself."""
TRAIN_EPOCH = Run.train_epoch


def write_digits(folder: Path, _: pytest.MonkeyPatch) -> dict[str, Any]:
    """They come with scikit-learn; 2 steps an epoch."""
    del folder
    return DIGITS


def write_cifar(folder: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    write_cifar100(folder, monkeypatch, count=200)
    return {"epochs": 2, "labeled_ratio": 0.9, "data_root": folder}


def write_imagenet(folder: Path, _: pytest.MonkeyPatch) -> dict[str, Any]:
    prepare(write_class_folders(folder), 32, num_workers=1)
    return {"epochs": 2, "labeled_ratio": 0.9, "data_root": folder, "image_size": 32}


DATA = {"digits": write_digits, "cifar100": write_cifar, "imagenet100": write_imagenet}


def write_space(folder: Path, method: str, preset: str, settings: dict[str, Any]) -> Path:
    objective_class(method)  # loaded before any child needs it
    known = vars(config_class(method)())
    settings = {**settings, **{name: value for name, value in SMALL.items() if name in known}}
    text = ", ".join(f"{name}: {value}" for name, value in settings.items())
    file = folder / "each.yaml"
    file.write_text(SPACE.format(preset=preset, method=method, settings=text))
    return file


class Places:
    """In the place of a plan: notes where failpoints are passed, and dies at a new place.

    A place is a failpoint, the epoch in training, and whether its checkpoint is there.
    """

    def __init__(self, notes: Path, *, kill: bool) -> None:
        self._notes, self._kill, self._stage = notes, kill, "start"

    def begin(self, run: Run, epoch: int) -> dict[str, dict[str, float]]:
        """In the place of `Run.train_epoch`."""
        self._stage = f"epoch {epoch + 1}"
        return TRAIN_EPOCH(run, epoch)

    def passed(self, name: str) -> None:
        place = f"{self._stage} {name}"
        if name == "checkpoint.saved":
            self._stage += " saved"
        if place not in noted(self._notes):
            with self._notes.open("a") as file:
                file.write(f"{place}\n")
            if self._kill:
                os.kill(os.getpid(), signal.SIGKILL)


def run(space: Path, results: Path, places: Places | None = None) -> int:
    """The command, without a report, in a process of its own; its exit status."""

    def drive() -> int:
        sys.modules["lps_sweep.report"] = None  # type: ignore[assignment]
        executor.InlineExecutor = NoTorch  # type: ignore[misc]
        for name in ("trained_quality", "untrained_quality"):
            setattr(quality, name, lambda *_: QUALITY)
        if places:
            failpoints._plan = places  # type: ignore[assignment]
            Run.train_epoch = lambda run, epoch: places.begin(run, epoch)  # type: ignore[assignment, method-assign]
        return cli.main(["run", str(space), "--inline", "--results", str(results)])

    return in_child(drive, results.with_suffix(".out"))[1]


def noted(notes: Path) -> set[str]:
    return set(notes.read_text().splitlines()) if notes.exists() else set()


def ended(results: Path) -> dict[str, Any]:
    """All epoch rows and ends, without attempts, and the hashes of artefacts and weights."""
    recorded = read_ledger(results)
    assert recorded.damaged == recorded.left_over == []
    with sqlite3.connect(results / "ledger.sqlite") as connection:
        files = connection.execute(
            "SELECT trial_id, status, artefact_sha256, member_sha256, run_sha256"
            " FROM outcomes JOIN checkpoints USING (trial_id, epoch)"
        ).fetchall()
    connection.close()
    rows = sorted({(trial, epoch, str(metrics)) for trial, epoch, _, metrics in recorded.epochs})
    assert [(trial, "done") for trial, _ in recorded.planned] == [found[:2] for found in files]
    assert all(files[0])
    metrics = [row[3] for row in recorded.epochs] + [end[2] for end in recorded.outcomes]
    numbers = [value for each in metrics for value in each.values()]
    assert all(value is not None and math.isfinite(value) for value in numbers)
    return {"rows": rows, "table": recorded.table(), "files": files}


@pytest.mark.parametrize("preset", DATA)
@pytest.mark.parametrize("method", METHODS)
def test_trained_again_it_ends_with_the_same_numbers(
    method: str, preset: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = DATA[preset](folder / "data", monkeypatch)
    space = write_space(folder, method, preset, settings)
    for name in ("first", "second"):
        assert run(space, folder / name) == 0, (folder / f"{name}.out").read_text()
    found = ended(folder / "first")
    assert found == ended(folder / "second")
    assert len(found["rows"]) == (settings["epochs"] if objective_class(method).views else 1)


@pytest.mark.parametrize("method", METHODS)
def test_killed_at_each_failpoint_of_each_epoch_it_ends_with_the_same_numbers(
    method: str, folder: Path
) -> None:
    space = write_space(folder, method, "digits", DIGITS)
    straight, killed = folder / "straight", folder / "killed"
    passed, died = folder / "passed", folder / "died"
    assert run(space, straight, Places(passed, kill=False)) == 0
    while (code := run(space, killed, Places(died, kill=True))) == KILLED:
        assert len(noted(died)) < 200
    assert code == 0, killed.with_suffix(".out").read_text()
    assert ended(killed) == ended(straight)
    last = EPOCHS if objective_class(method).views else 1
    of_each = {"checkpoint.part", "file.rename", "saved ledger.committed"}
    wanted = {f"epoch {epoch} {name}" for epoch in range(1, last + 1) for name in of_each}
    wanted |= {f"epoch {last} saved {name}" for name in ("file.rename", "outcome.inserted")}
    # Who dies after an outcome was committed leaves its sidecar to the start of the next driver.
    late = f"epoch {last} saved sidecar.write"
    assert noted(passed) >= wanted | {late}
    assert noted(died) >= noted(passed) - {late} | {"start sidecar.write"}
