"""Files of checkpoints: whole, verified, never executed, and no more of them than needed."""

from __future__ import annotations

import os
import pickle
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from lps_sweep.errors import StorageError
from lps_sweep.files import sha256_bytes
from lps_sweep.train import SavedFile, load_state, save_state, verifies
from lps_sweep.train.checkpoint import prune, save_checkpoint
from tests.train.train_cases import CPU, differences

STATE = {"weight": torch.arange(600.0).reshape(20, 30), "epochs": 3, "names": ["a", "b"]}


def flip(content: bytes) -> bytes:
    middle = len(content) // 2
    return content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :]


def test_a_state_comes_back(tmp_path: Path) -> None:
    saved = save_state(STATE, tmp_path / "new" / "folder", "state")
    assert saved.path == tmp_path / "new" / "folder" / "state.pt"
    assert verifies(saved)
    assert differences(load_state(saved, CPU), STATE) == []
    assert stat.S_IMODE(saved.path.stat().st_mode) == 0o600
    assert [file.name for file in saved.path.parent.iterdir()] == ["state.pt"]


def test_equal_states_give_equal_files(tmp_path: Path) -> None:
    copy = {**STATE, "weight": STATE["weight"].clone()}  # type: ignore[attr-defined]
    first, second = save_state(STATE, tmp_path, "a"), save_state(copy, tmp_path, "b")
    assert first.sha256 == second.sha256


@pytest.mark.parametrize("damage", [flip, lambda c: c[:-1], lambda _: b"", None])
def test_a_damaged_or_missing_file_is_named(
    tmp_path: Path, damage: Callable[[bytes], bytes] | None
) -> None:
    saved = save_state(STATE, tmp_path, "state")
    if damage:
        saved.path.write_bytes(damage(saved.path.read_bytes()))
    else:
        saved.path.unlink()
    assert not verifies(saved)
    with pytest.raises(StorageError, match=r"state\.pt"):
        load_state(saved, CPU)


class Canary:
    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, ("canary",)


@pytest.mark.parametrize(
    "save",
    [
        lambda path: torch.save({"weight": Canary()}, path),
        lambda path: torch.save(torch.zeros(3), path),
        lambda path: path.write_bytes(pickle.dumps(Canary())),
        lambda path: path.write_bytes(b"no state at all"),
    ],
)
def test_a_file_that_is_no_state_is_refused_and_not_executed(
    save: Callable[[Path], object], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "hostile.pt"
    save(path)
    saved = SavedFile(path, sha256_bytes(path.read_bytes()))
    with pytest.raises(StorageError, match=r"hostile\.pt is no saved state"):
        load_state(saved, CPU)
    assert not (tmp_path / "canary").exists()


def test_the_two_parts_of_a_checkpoint(tmp_path: Path) -> None:
    saved = save_checkpoint(tmp_path / "trial", 12, {"own": 1}, {"shared": 2})
    assert saved.epoch == 12
    assert load_state(saved.member, CPU) == {"own": 1}
    assert load_state(saved.run, CPU) == {"shared": 2}
    names = sorted(file.name for file in (tmp_path / "trial").iterdir())
    assert names == [
        f"epoch-0012-member-{saved.member.sha256[:8]}.pt",
        f"epoch-0012-run-{saved.run.sha256[:8]}.pt",
    ]
    other = save_checkpoint(tmp_path / "trial", 12, {"own": 3}, {"shared": 2})
    assert other.run == saved.run
    assert verifies(saved.member), "another attempt's file does not replace it"


@pytest.mark.parametrize(
    ("epoch", "keep", "left"),
    [
        (5, 2, {4, 5, 9}),
        (5, 1, {5, 9}),
        (12, 2, {5, 9}),
        (0, 2, {1, 2, 4, 5, 9}),
    ],
)
def test_pruning_keeps_the_newest_up_to_an_epoch_and_all_later_ones(
    tmp_path: Path, epoch: int, keep: int, left: set[int]
) -> None:
    saved = {e: save_checkpoint(tmp_path, e, {"own": e}, {"shared": e}) for e in (1, 2, 4, 5, 9)}
    (tmp_path / "notes.txt").write_text("kept")
    prune(tmp_path, epoch, keep)
    assert {e for e, c in saved.items() if verifies(c.member) and verifies(c.run)} == left
    assert len(list(tmp_path.iterdir())) == 2 * len(left) + 1


def test_pruning_where_nothing_was_saved(tmp_path: Path) -> None:
    prune(tmp_path / "never", 3, 1)
    assert not (tmp_path / "never").exists()


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(StorageError, match="file"):
        save_checkpoint(tmp_path / "file", 1, {}, {})
