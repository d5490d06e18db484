from __future__ import annotations

import csv
import importlib.util
import json
import threading
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from lps_sweep.commands.giving import watched
from lps_sweep.errors import ExitCode
from lps_sweep.results import Json, Ledger, TrialRecord, driver_lock, load_view
from lps_sweep.results.statistics import welch_interval
from tests.commands.conftest import Cli
from tests.report.report_cases import make_ledger
from tests.report.report_cases import record as report_record
from tests.results.sweep_cases import start, sweep_record
from tests.results.test_differences import sweep
from tests.tracking.ledgers import ledger, train_on

OLD = {(C, 0.2, seed): 80.0 + C + seed for C in (1.0, 5.0) for seed in (0, 1, 2)}
NEW = {(C, 0.2, seed): 81.0 + C + 2 * seed for C in (1.0, 9.0) for seed in (0, 1, 2, 3)}


@pytest.fixture
def folders(tmp_path: Path) -> tuple[str, str]:
    a = sweep(tmp_path / "a", "s", OLD, axes=("C",), epochs=10)
    b = sweep(tmp_path / "b", "t", NEW, axes=("C",), epochs=20)
    return f"{a}/s", f"{b}/t/"


@pytest.mark.parametrize("width", [80, 150])
def test_two_sweeps_for_people(
    folders: tuple[str, str], width: int, cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    text = cli("compare", *folders, "--metric", "acc_all")
    facts, settings, words, table = [section.splitlines() for section in text.split("\n\n")]
    assert [line.partition(": ")[2] for line in facts[2:]] == ["C=5", "C=9"]
    assert [line.split() for line in settings[1:]] == [["A", "B"], ["epochs", "10", "20"]]
    assert "paired by seed" in words[0]
    assert table[0] == "acc_all"
    assert " ".join(table[1].split()) == "C mean A n mean B n B - A pairs from to"
    assert table[2].split() == ["1", "82.0", "3", "85.0", "4", "+2.0", "3", "-0.5", "+4.5"]
    assert max(map(len, (*facts[2:], *settings, *words, *table))) <= width


def test_sweeps_of_other_images_are_told_not_to_be_paired(tmp_path: Path, cli: Cli) -> None:
    a = sweep(tmp_path / "a", "s", OLD, axes=("C",), epochs=10, split_seed=0)
    b = sweep(tmp_path / "b", "t", NEW, axes=("C",), epochs=10, split_seed=1)
    text = " ".join(cli("compare", f"{a}/s", f"{b}/t", "--metric", "acc_all").split())
    assert "not paired, because split_seed" in text
    low, high = welch_interval([82.0, 84.0, 86.0, 88.0], [81.0, 82.0, 83.0]) or (0.0, 0.0)
    assert f"82.0 3 85.0 4 +3.0 0 {low:+.1f} {high:+.1f}" in text


def test_two_sweeps_for_programs(folders: tuple[str, str], cli: Cli) -> None:
    content = json.loads(cli("compare", *folders, "--json"))
    assert content["settings"] == {"epochs": [10, 20]}
    (shared,) = content["shared"]
    assert shared["metrics"]["acc_all"]["paired"]["differences"] == [1.0, 2.0, 3.0]
    assert set(shared["metrics"]) == {"acc_all", "acc_novel"}
    assert (content["only_first"], content["only_second"]) == ([{"C": 5.0}], [{"C": 9.0}])


@pytest.fixture
def odd(tmp_path: Path) -> Path:
    """A sweep over words, lists and nothing, with an error that looks like a formula."""
    levels: list[Json] = ["=cmd", [0, 1], None, 2.5]
    trials = [TrialRecord(f"t{n}", {"v": v}, 0, "key", {"v": v}) for n, v in enumerate(levels)]
    record = sweep_record("odd")
    record.axes.clear()
    record.axes["v"] = levels
    with Ledger.open(tmp_path / "odd", write=True) as ledger:
        ledger.record_plan(record, trials)
        attempt = start(ledger, "t0")
        ledger.add_epoch("t0", attempt, 1, {"acc_all": 1 / 3}, 0.1)
        ledger.finish("t0", attempt, "done", epoch=1, metrics={"acc_all": 1 / 3})
        ledger.finish("t1", start(ledger, "t1"), "failed", epoch=0, error="@ größer\nthan")
    return tmp_path / "odd"


def test_frames_leave_and_come_back_whole(odd: Path, cli: Cli) -> None:
    pytest.importorskip("pyarrow")
    to = cli.folder / "new" / "folder"
    names = [f"{n}.{kind}" for n in ("trials", "epochs", "attempts") for kind in ("csv", "parquet")]
    printed = cli("export", odd, "odd", "--to", to)
    assert printed.splitlines() == [str(to / name) for name in names]
    view = load_view(odd, "odd")
    for name, frame in (("trials", view.trials), ("epochs", view.epochs)):
        back = pd.read_parquet(to / f"{name}.parquet")
        assert [column for column in back if column != "config_id"] == list(frame)
        for column in frame.select_dtypes("number"):
            assert np.array_equal(back[column], frame[column], equal_nan=True)
    trials = pd.read_parquet(to / "trials.parquet")
    assert trials["v"].fillna("nothing").tolist() == ["=cmd", "[0, 1]", "nothing", "2.5"]
    assert trials["error"][1] == "@ größer\nthan"
    with (to / "trials.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["v"] for row in rows] == ["'=cmd", "[0, 1]", "", "2.5"]
    assert [row["error"][:3] for row in rows] == ["", "'@g", "", ""]
    assert float(rows[0]["acc_all"]) == 1 / 3
    assert rows[1]["acc_all"] == ""


def test_attempts_and_configurations_are_exported(tmp_path: Path, cli: Cli) -> None:
    fates = {(1, 0): "failed", (10, 1): "running"}
    made = make_ledger(tmp_path / "r", report_record({"C": [1, 10]}, [0, 1]), fates)
    cli("export", made, "c_tau", "--to", tmp_path)
    trials = pd.read_csv(tmp_path / "trials.csv")
    levels = trials.groupby("config_id")["C"].unique().map(list).tolist()
    assert sorted(levels) == [[1], [10]]
    assert trials.groupby("config_id")["seed"].count().tolist() == [2, 2]
    attempts = pd.read_csv(tmp_path / "attempts.csv")
    assert attempts["trial_id"].tolist() == trials["trial_id"].tolist()
    assert attempts["ended"].fillna("").tolist()[0] == "failed"
    assert attempts["ended_at"].isna().sum() == 1, "one is open"
    assert not (attempts["ended_at"] < attempts["begun_at"]).any()


def test_without_pyarrow_there_is_csv_alone(
    odd: Path, cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _name: None)
    assert "pyarrow is not installed" in cli("export", odd, "odd", "--to", cli.folder / "to")
    names = sorted(path.name for path in (cli.folder / "to").glob("[!.]*"))
    assert names == ["attempts.csv", "epochs.csv", "trials.csv"]


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
