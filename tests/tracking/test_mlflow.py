from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import pytest

from lps_sweep.tracking import open_tracker, trial_histories
from tests.tracking.ledgers import EPOCHS, ledger, train_on, view

pytestmark = pytest.mark.filterwarnings("ignore")  # MLflow's own, about its dependencies

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    mlflow = pytest.importorskip("mlflow")


@pytest.fixture
def place(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'mlflow.db'}"


def send(results: Path, place: str) -> int:
    tracker = open_tracker("mlflow", place)
    return sum(tracker.update(trial) for trial in trial_histories(view(results)))


def runs(place: str) -> dict[str, Any]:
    client = mlflow.MlflowClient(tracking_uri=place)
    experiment = client.get_experiment_by_name("c").experiment_id
    found = client.search_runs([experiment])
    assert len({run.data.tags["lps_sweep.trial_id"] for run in found}) == len(found)
    return {run.data.tags["lps_sweep.trial_id"]: run for run in found}


def steps(place: str, run: str, metric: str) -> list[int]:
    client = mlflow.MlflowClient(tracking_uri=place)
    return sorted(m.step for m in client.get_metric_history(run, metric))


@pytest.mark.slow
def test_a_run_per_trial(tmp_path: Path, place: str) -> None:
    results = ledger(tmp_path / "results")
    assert send(results, place) == 2 * EPOCHS + 3 * 3
    found = runs(place)
    assert {t: run.info.status for t, run in found.items()} == {
        "t00000": "FINISHED",
        "t00001": "FINISHED",
        "t00002": "FAILED",
        "t00003": "FAILED",
        "t00004": "RUNNING",
    }
    [first, *_] = trial_histories(view(results))
    assert found["t00000"].data.params["C"] == "1"
    assert found["t00000"].data.metrics["final/oracle.acc_all"] == first.final["oracle.acc_all"]


@pytest.mark.slow
def test_sending_again_adds_what_is_new(tmp_path: Path, place: str) -> None:
    results = ledger(tmp_path / "results")
    send(results, place)
    assert send(results, place) == 0
    train_on(results)
    assert send(results, place) == 2
    run = runs(place)["t00004"]
    assert run.info.status == "FINISHED"
    assert steps(place, run.info.run_id, "oracle.acc_novel") == [1, 2, 3, 4, 5]
    assert run.data.metrics["final/oracle.acc_novel"] == 95.0
