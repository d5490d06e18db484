from __future__ import annotations

import importlib.util
import threading
from pathlib import Path

import pytest

from lps_sweep.commands.giving import watched
from lps_sweep.errors import ExitCode
from lps_sweep.results import driver_lock
from tests.commands.conftest import Cli
from tests.tracking.ledgers import ledger, train_on


@pytest.mark.slow
def test_each_tool_is_reached(tmp_path: Path, cli: Cli) -> None:
    results, study, board = ledger(tmp_path / "r"), tmp_path / "study.db", tmp_path / "board"
    assert "study 'c'" in cli("export", results, "c", "--format", "optuna", "--to", study)
    assert study.stat().st_mode & 0o777 == 0o600
    told = cli("export", results, "c", "--format", "tensorboard", "--to", board)
    assert told == "c: 17 epochs sent of 5 trials\n"


def test_a_tool_that_is_not_installed(
    tmp_path: Path, cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    results = ledger(tmp_path / "r")
    for format_, package in (("wandb", "wandb"), ("tensorboard", "tensorboardX")):
        asked = ("export", results, "c", "--format", format_, "--to", "x")
        assert f"pip install {package}" in cli(*asked, status=ExitCode.BAD_INPUT)


def test_watching_ends_after_the_driver_with_the_last_news(tmp_path: Path) -> None:
    results = ledger(tmp_path / "r")
    seen: list[str] = []
    looked = threading.Event()

    def act(sweep: str) -> None:
        seen.append(sweep)
        looked.set()

    watcher = threading.Thread(target=watched, args=(results, ["c"], 0.02, act))
    with driver_lock(results):
        watcher.start()
        assert looked.wait(10)
        train_on(results)
    watcher.join(10)
    assert not watcher.is_alive()
    assert len(seen) in {2, 3}  # at first; what was recorded; perhaps the driver's end apart
