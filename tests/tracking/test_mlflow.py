from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import pytest

from lps_sweep.errors import BadInputError
from lps_sweep.tracking import open_tracker
from tests.tracking.ledgers import EPOCHS, history, ledger, send, train_on

pytestmark = pytest.mark.filterwarnings("ignore")  # MLflow's own, about its dependencies

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    mlflow = pytest.importorskip("mlflow")


@pytest.fixture
def place(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'mlflow.db'}"


def send_to(place: str, results: Path) -> int:
    return send(open_tracker("mlflow", place), results)


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
    assert send_to(place, results) == 2 * EPOCHS + 3 * 3
    found = runs(place)
    assert {t: run.info.status for t, run in found.items()} == {
        "t00000": "FINISHED",
        "t00001": "FINISHED",
        "t00002": "FAILED",
        "t00003": "FAILED",
        "t00004": "RUNNING",
    }
    [first, *_] = history(results).begun
    assert found["t00000"].data.params["C"] == "1"
    assert found["t00000"].data.metrics["final/oracle.acc_all"] == first.final["oracle.acc_all"]


@pytest.mark.slow
def test_sending_again_adds_what_is_new(tmp_path: Path, place: str) -> None:
    results = ledger(tmp_path / "results")
    send_to(place, results)
    assert send_to(place, results) == 0
    train_on(results)
    assert send_to(place, results) == 2
    run = runs(place)["t00004"]
    assert run.info.status == "FINISHED"
    assert steps(place, run.info.run_id, "oracle.acc_novel") == [1, 2, 3, 4, 5]
    assert run.data.metrics["final/oracle.acc_novel"] == 95.0


@pytest.mark.slow
def test_only_what_was_sent_for_this_sweep_is_gone_on_with(tmp_path: Path, place: str) -> None:
    results, other = ledger(tmp_path / "results"), ledger(tmp_path / "other")
    open_tracker("mlflow", place).claim(history(results))
    send_to(place, results)
    open_tracker("mlflow", place).claim(history(results))
    with pytest.raises(BadInputError, match="there is an experiment 'c' of"):
        open_tracker("mlflow", place).claim(history(other))
    older = f"sqlite:///{tmp_path / 'older.db'}"
    send_to(older, results)
    open_tracker("mlflow", older).claim(history(results))
    foreign = f"sqlite:///{tmp_path / 'foreign.db'}"
    client = mlflow.MlflowClient(tracking_uri=foreign)
    client.create_run(client.create_experiment("c"))
    with pytest.raises(BadInputError, match="with runs of others"):
        open_tracker("mlflow", foreign).claim(history(results))


def test_a_file_that_is_not_mlflow_s_is_left(tmp_path: Path) -> None:
    results = ledger(tmp_path / "results")
    (tmp_path / "file.db").write_text("mine")
    for path in (tmp_path / "file.db", results / "ledger.sqlite", results / "c" / "mlflow.db"):
        before = path.read_bytes() if path.exists() else None
        with pytest.raises(BadInputError):
            open_tracker("mlflow", f"sqlite:///{path}")
        assert (path.read_bytes() if path.exists() else None) == before
    for folder in (str(results / "artefacts"), f"file://{results / 'checkpoints'}"):
        with pytest.raises(BadInputError):
            open_tracker("mlflow", folder)
