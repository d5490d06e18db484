from __future__ import annotations

import json
from pathlib import Path
from statistics import fmean
from typing import Any

import optuna
import pytest

from lps_sweep.results import Json
from lps_sweep.tracking import read_history
from lps_sweep.tracking.study import export_study, state_of
from tests.report.report_cases import final_metrics, make_ledger, record
from tests.tracking.ledgers import history, ledger

SEARCH: dict[str, Json] = {
    "objectives": ["oracle.acc_seen", "oracle.acc_novel"],
    "sampler": "tpe",
    "domains": [
        {"name": "C", "kind": "float", "low": 0.5, "high": 30.0, "log": True, "when": {}},
        {"name": "K", "kind": "int", "low": 1, "high": 9, "log": False, "when": {"s": ["a"]}},
        {"name": "s", "kind": "choice", "choices": ["a", "b"], "when": {}},
    ],
}


def load(path: Path, name: str) -> optuna.Study:
    return optuna.load_study(study_name=name, storage=f"sqlite:///{path}")


def test_configurations_of_a_grid_are_the_trials(tmp_path: Path) -> None:
    path = tmp_path / "out" / "study.db"
    assert export_study(history(ledger(tmp_path)), path) == ["c"]
    study = load(path, "c")
    assert study.metric_names == ["oracle.acc_all"]
    assert [t.params for t in study.trials] == [{"C": 1.0}, {"C": 5.0}, {"C": 10.0}]
    assert [t.state.name for t in study.trials] == ["COMPLETE", "FAIL", "WAITING"]
    seeds = [final_metrics([1], seed)["acc_all"] for seed in (0, 1)]
    first = study.trials[0]
    assert first.value == pytest.approx(fmean(seeds))
    assert first.intermediate_values[4] == pytest.approx(fmean(seeds))
    assert list(first.intermediate_values) == [1, 2, 3, 4]
    assert first.user_attrs["seed=1 oracle.acc_all"] == pytest.approx(seeds[1])
    assert first.user_attrs["trials"] == "t00000, t00001"


@pytest.mark.parametrize(
    ("statuses", "state"),
    [
        (["done", "running"], "RUNNING"),
        (["done", "not_run"], "RUNNING"),
        (["done", "stopped"], "PRUNED"),
        (["failed", "stopped"], "FAIL"),
        (["diverged", "not_run"], "FAIL"),
    ],
)
def test_the_state_of_a_configuration(statuses: list[str], state: str) -> None:
    assert state_of(statuses).name == state


def test_a_search_keeps_its_domains_and_objectives(tmp_path: Path) -> None:
    axes: dict[str, list[Json]] = {"C": [1.0, 20.0], "K": [3], "s": ["a", "b"]}
    sweep = record(axes, [0, 1], name="search", search=SEARCH)
    points = [(1.0, 3, "a"), (20.0, None, "b")]
    make_ledger(tmp_path, sweep, points=points, epochs=2)
    path = tmp_path / "study.db"
    export_study(read_history(tmp_path, "search"), path)
    study = load(path, "search")
    first, second = study.trials
    assert first.params == {"C": 1.0, "K": 3, "s": "a"}
    assert second.params == {"C": 20.0, "s": "b"}
    assert first.distributions["C"] == optuna.distributions.FloatDistribution(0.5, 30, log=True)
    metrics = [final_metrics(points[1], seed) for seed in (0, 1)]
    assert second.values == pytest.approx(
        [fmean(m["acc_seen"] for m in metrics), fmean(m["acc_novel"] for m in metrics)]
    )


def test_a_search_beside_listed_values_gives_a_study_for_each(tmp_path: Path) -> None:
    axes: dict[str, list[Json]] = {"tau": [0.2, 0.4], "C": [1.0, 20.0], "K": [3], "s": ["a", "b"]}
    sweep = record(axes, [0], name="both", search=SEARCH)
    points = [(0.2, 1.0, None, "b"), (0.4, 1.0, None, "b"), (0.2, 20.0, None, "b")]
    make_ledger(tmp_path, sweep, points=points, epochs=2)
    path = tmp_path / "study.db"
    names = export_study(read_history(tmp_path, "both"), path)
    assert names == ["both tau=0.2", "both tau=0.4"]
    assert [t.params["C"] for t in load(path, names[0]).trials] == [1.0, 20.0]


def test_a_new_export_replaces_the_old_one(tmp_path: Path) -> None:
    path = tmp_path / "study.db"
    for _ in range(2):
        export_study(history(ledger(tmp_path) if not path.exists() else tmp_path), path)
    assert len(load(path, "c").trials) == 3
    assert [p.name for p in tmp_path.iterdir() if p.name.startswith("study")] == ["study.db"]


def test_optuna_dashboard_opens_it(tmp_path: Path) -> None:
    dashboard = pytest.importorskip("optuna_dashboard._app")
    path = tmp_path / "study.db"
    export_study(history(ledger(tmp_path)), path)
    app = dashboard.create_app(optuna.storages.RDBStorage(f"sqlite:///{path}"))
    [summary] = _get(app, "/api/studies")["study_summaries"]
    assert summary["study_name"] == "c"
    details = _get(app, f"/api/studies/{summary['study_id']}")
    assert [t["state"] for t in details["trials"]] == ["Complete", "Fail", "Waiting"]


def _get(app: Any, path: str) -> Any:
    """The JSON answer of a WSGI application."""
    from wsgiref.util import setup_testing_defaults

    environ: dict[str, Any] = {"PATH_INFO": path, "REQUEST_METHOD": "GET"}
    setup_testing_defaults(environ)
    statuses: list[str] = []
    body = b"".join(app(environ, lambda status, *_: statuses.append(status)))
    assert statuses == ["200 OK"]
    return json.loads(body)
