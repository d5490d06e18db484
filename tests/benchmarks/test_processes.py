"""The benchmarks that start processes, and all of them by the command."""

from __future__ import annotations

import dataclasses
import json
import time
from pathlib import Path
from typing import Any

import pytest

from benchmarks import resume, sharing, sweep, workers
from benchmarks.frame import Measurement, SkipError
from benchmarks.workload import SMALL, configs_of
from lps_sweep.train import Run
from tests.benchmarks.test_equality_checks import QUICK, failed
from tests.own_process import python


@pytest.mark.slow
def test_b9(monkeypatch: pytest.MonkeyPatch) -> None:
    measurement = sharing.measure(SMALL, 2, False, QUICK)
    assert measurement.valid
    assert [ratio.ours for ratio in measurement.ratios] == ["at once", "pack", "pack, again"]
    train = Run.train_epoch  # of the pack alone: the workers have a module of their own
    monkeypatch.setattr(Run, "train_epoch", lambda run, n: train(run, n + 1))
    assert failed(sharing.measure(SMALL, 2, False, QUICK)) == [
        "largest difference of process and member, all state"
    ]


@pytest.mark.slow
def test_b9_a_worker_that_ends_is_an_error() -> None:
    size = dataclasses.replace(SMALL, network="none")
    with (
        workers.Worker(sharing.work, size, configs_of(SMALL, 1)[0], "cpu") as worker,
        pytest.raises(RuntimeError, match="a worker ended: 1"),
    ):
        worker.answer()


def silent(*_: object) -> None:
    time.sleep(30)


def test_who_gives_no_answer_is_not_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(resume, "work", silent)
    with pytest.raises(TimeoutError, match=r"no answer within 0\.1 s"):
        resume.killed(tmp_path, "cpu", 0.1)


def test_an_mps_that_does_not_come_back_is_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    control = tmp_path / sharing.CONTROL
    control.write_text("#!/bin/sh\nexec sleep 30\n")
    control.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    monkeypatch.setattr(sharing, "CONTROL_S", 0.1)
    with pytest.raises(SkipError, match="does not start"), sharing._mps():
        raise AssertionError("it has not started")


def test_b11_sees_a_metric_that_differs_and_a_trial_that_is_missing() -> None:
    metrics: dict[str, dict[str, Any]] = {"a": {"acc_all": 1.0}, "b": {"acc_all": 2.0}}
    right = sweep.Sweep(metrics, 1.0, 0.1, 0.8)
    other = dataclasses.replace(right, metrics={**metrics, "b": {"acc_all": 2.0 + 1e-12}})
    fewer = dataclasses.replace(right, metrics={"a": metrics["a"]})
    equal = dataclasses.replace(right, metrics={"a": metrics["a"], "b": metrics["a"]})

    def failing(inline: sweep.Sweep, *sweeps: sweep.Sweep) -> list[str]:
        return failed(Measurement(sweep.checks_of(inline, sweeps, 2)))

    assert failing(right, right, right) == []
    assert failing(right, right, other) == [
        "difference of any final metric: packs, alone, without Ray"
    ]
    assert failing(right, fewer, right)[0] == "trials done"
    assert failing(equal, equal) == ["difference of two trials"]


def failed_in(folder: Path) -> list[str]:
    checks, lost = resume.checks_in(folder, "cpu")
    assert lost == resume.STEPS_INTO_EPOCH
    return failed(Measurement(checks))


@pytest.mark.slow
def test_b13(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert failed_in(tmp_path / "right") == []
    monkeypatch.setattr(Run, "load_state", lambda *_: None)
    assert failed_in(tmp_path / "wrong") == [
        "difference to a run left alone, all state",
        "the same, gone on in a smaller pack",
    ]


@pytest.mark.slow
def test_b13_sees_that_who_leaves_disturbs_the_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    train = Run.train_epoch

    def disturbed(run: Run, epoch: int) -> dict[str, dict[str, float]]:
        return train(run, epoch if len(run.members) == resume.COUNT else epoch - 1)

    monkeypatch.setattr(Run, "train_epoch", disturbed)
    assert failed_in(tmp_path) == [
        "the same, gone on in a smaller pack",
        "the same, of those that stay where one is stopped",
    ]


@pytest.mark.slow
@pytest.mark.long
@pytest.mark.integration
def test_all_of_them_by_the_command(tmp_path: Path) -> None:
    path = tmp_path / "results.json"
    done = python("-m", "benchmarks", "--cpu", "--quick", "--json", path)
    assert done.returncode == 0, done.stdout + done.stderr
    records = [json.loads(line) for line in path.read_text().splitlines()]
    assert {record["benchmark"] for record in records} == {f"b{n}" for n in range(1, 16)} - {"b8"}
    measured = [record for record in records if not record["skipped"]]
    assert {record["benchmark"] for record in measured} >= {
        *("b1", "b3", "b4", "b5", "b6", "b7", "b10", "b11", "b13", "b15")
    }
    for record in measured:
        assert record["valid"], record
        assert record["ratios"], record
        assert all(ratio["ratio"] > 0 for ratio in record["ratios"])
        assert record["baseline_triples_per_s_and_core"] > 0
    skipped = [record for record in records if record["skipped"]]
    assert {record["skipped"] for record in skipped} == {"needs a CUDA device"}
    assert done.stdout.count(" pairs)") == sum(len(record["ratios"]) for record in measured)
