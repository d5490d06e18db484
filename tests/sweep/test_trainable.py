"""What our trainable does in a trial, with Tune's session played by the test."""

from __future__ import annotations

import io
import json
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from ray import tune
from rich.console import Console

from lps_sweep.errors import BadInputError, StorageError
from lps_sweep.results import Ledger
from lps_sweep.results.artefacts import artefact_path
from lps_sweep.sweep.executor import InlineExecutor
from lps_sweep.sweep.progress import Progress
from lps_sweep.sweep.ray import trainable as ours
from lps_sweep.sweep.run import run_sweep
from lps_sweep.sweep.temporary import temporary_folder
from lps_sweep.sweep.tuned.trials import COLUMN, Member, Told
from lps_sweep.tune import trainable
from tests.sweep.cases import space_of

SETTINGS = {"epochs": 2, "pretrain_epochs": 1}
SPACE = """
name: inline
preset: digits
set: {epochs: 2, pretrain_epochs: 1}
grid: {C: [5]}
seeds: [0, 1]
"""


class Session:
    """What Tune does for a trial.

    Attributes:
        folder: Of the trial; checkpoints are copied into it.
        rows: What was reported.
        start: Folder of the checkpoint that the trial goes on from.
        most: Rows after which the trial is ended.
    """

    def __init__(self, folder: Path, start: Path | None = None, most: int = 99) -> None:
        self.folder, self.start, self.most = folder, start, most
        self.rows: list[dict[str, Any]] = []
        self.Checkpoint = tune.Checkpoint

    def get_context(self) -> Any:
        resources = SimpleNamespace(required_resources={"CPU": 1.0})
        return SimpleNamespace(get_trial_resources=lambda: resources)

    def get_checkpoint(self) -> Any:
        return tune.Checkpoint.from_directory(str(self.start)) if self.start else None

    def report(self, metrics: dict[str, Any], checkpoint: Any) -> None:
        self.rows.append(metrics)
        shutil.copytree(checkpoint.path, self.checkpoint)
        if len(self.rows) == self.most:
            raise SystemExit

    @property
    def checkpoint(self) -> Path:
        """The last one."""
        return self.folder / f"checkpoint-{len(self.rows)}"

    def members(self, row: int) -> list[Member]:
        return [*Told.read(self.rows[row][COLUMN]).members]


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A results folder with two seeds of C = 5, as `run --inline` leaves it."""
    folder = tmp_path_factory.mktemp("inline")
    space, console = space_of(folder, SPACE), Console(file=io.StringIO())
    run_sweep(
        space,
        folder,
        make_executor=lambda: InlineExecutor(space.resources),
        make_progress=lambda trials, outcomes: Progress(console, trials, outcomes),
    )
    return folder


@pytest.fixture
def play(results: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Session]:
    def played(params: dict[str, Any], given: dict[str, Any] | None = None, **how: Any) -> Session:
        session = Session(tmp_path / f"trial-{len([*tmp_path.iterdir()])}", **how)
        session.folder.mkdir()
        monkeypatch.setattr(ours, "tune", session)
        settings = {**SETTINGS, "trunks": results, **(given or {})}
        try:
            trainable(preset="digits", **settings)(params)
        except SystemExit:
            assert len(session.rows) == session.most
        return session

    return played


def recorded(results: Path) -> dict[str, tuple[list[Any], Any, str]]:
    """Of each trial: metrics of its epochs, final ones, and the hash of its artefact."""
    with Ledger.open(results) as ledger:
        return {
            row.trial_id: (
                [epoch.metrics for epoch in ledger.epochs_of(row.trial_id)],
                row.metrics,
                row.artefact.sha256 if row.artefact else "",
            )
            for row in ledger.trial_rows("inline", False)
        }


def test_a_trial_is_to_the_bit_what_run_trains(play: Any, results: Path) -> None:
    session = play({"C": 5, "seed": 1})
    epochs = [session.members(row)[0] for row in (0, 1)]
    last = epochs[-1]
    told = [dict(sorted(member.metrics.items())) for member in epochs]
    expected = recorded(results)[last.trial_id]
    assert (told, dict(sorted(last.final.items())), last.artefact) == expected
    assert (session.checkpoint / artefact_path(last.trial_id, 1)).is_file()
    kept = [path.name[:10] for path in session.checkpoint.rglob("*.pt")]
    assert kept == ["epoch-0002"] * 2, "of one epoch, two parts"
    assert [row["oracle.acc_all"] for row in session.rows] == [e.metrics["acc_all"] for e in epochs]


def test_it_goes_on_from_a_checkpoint_with_the_same_bits(play: Any, results: Path) -> None:
    first = play({"C": 5}, {"seeds": [0, 1]}, most=1)
    second = play({"C": 5}, {"seeds": [0, 1]}, start=first.checkpoint)
    assert len(second.rows) == 1
    for member in second.members(0):
        epochs, final, artefact = recorded(results)[member.trial_id]
        assert dict(sorted(member.metrics.items())) == epochs[1]
        assert (dict(sorted(member.final.items())), member.artefact) == (final, artefact)
    mean = sum(member.metrics["acc_all"] for member in second.members(0)) / 2
    assert second.rows[0]["oracle.acc_all"] == mean
    assert play({"C": 5}, {"seeds": [0, 1]}, start=second.checkpoint).rows == []


def test_the_checkpoint_of_other_values_or_a_broken_one_is_refused(play: Any) -> None:
    first = play({"C": 5}, most=1)
    with pytest.raises(BadInputError, match="param_space"):
        play({"C": 6}, start=first.checkpoint)
    (first.checkpoint / ours.STATE).write_text(json.dumps({"a": 1}))
    with pytest.raises(StorageError, match=ours.STATE):
        play({"C": 5}, start=first.checkpoint)


def test_a_trial_that_diverges_ends_with_its_seed_named(play: Any) -> None:
    with pytest.raises(ours.LostTrialError, match="seed 3 diverged"):
        play({"lr": 1e12, "seed": 3})


def test_a_wrong_value_is_named_before_anything_is_made(play: Any, tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match="param_space: unknown key 'c'"):
        play({"c": 5}, {"trunks": tmp_path / "trunks"})
    assert not (tmp_path / "trunks").exists()
    with pytest.raises(BadInputError, match="epochs must be"):
        trainable(preset="digits", epochs=0)


def test_a_trunk_is_made_once_while_others_wait(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[str] = []
    waiting = threading.Barrier(3)

    def make(_: Any, trunk: str, *__: Any, **___: Any) -> Iterator[list[Any]]:
        time.sleep(0.2)
        made.append(trunk)
        yield []

    monkeypatch.setattr(ours, "make_trunk", make)
    monkeypatch.setattr(ours, "trunk_file", lambda *_: object() if made else None)
    trial: Any = SimpleNamespace(trunk="t", config=None)
    place: Any = SimpleNamespace(device="cpu", num_threads=1, gpu_share=1.0)

    def ask() -> None:
        waiting.wait()
        ours.shared_trunk(tmp_path, trial, place)

    threads = [threading.Thread(target=ask) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert made == ["t"]


def test_what_a_killed_trial_left_is_removed_by_the_next(tmp_path: Path) -> None:
    left = tmp_path / f"{ours.PREFIX}left"
    left.mkdir()
    with (
        temporary_folder(tmp_path, ours.PREFIX) as first,
        temporary_folder(tmp_path, ours.PREFIX) as second,
    ):
        assert {path for path in tmp_path.iterdir() if path.is_dir()} == {first, second}
    assert [path for path in tmp_path.iterdir() if path.is_dir()] == []
