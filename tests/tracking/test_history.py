from __future__ import annotations

from pathlib import Path

import pytest

from lps_sweep.results.labels import is_oracle
from lps_sweep.tracking import read_history
from tests.report.report_cases import final_metrics, make_ledger, record
from tests.tracking.ledgers import EPOCHS, history, ledger


def test_trials_that_began_in_plan_order(tmp_path: Path) -> None:
    histories = history(ledger(tmp_path)).begun
    assert [(t.name, t.status, max(t.epochs)) for t in histories] == [
        ("C=1 seed=0", "done", EPOCHS),
        ("C=1 seed=1", "done", EPOCHS),
        ("C=5 seed=0", "failed", 3),
        ("C=5 seed=1", "diverged", 3),
        ("C=10 seed=0", "not_run", 3),
    ]
    assert histories[0].config["C"] == 1
    assert histories[0].config["seed"] == 0
    assert not histories[2].final


def test_metrics_are_called_as_in_search_spaces(tmp_path: Path) -> None:
    first = history(ledger(tmp_path)).begun[0]
    assert first.final["oracle.acc_novel"] == pytest.approx(final_metrics([1], 0)["acc_novel"])
    assert first.epochs[EPOCHS]["oracle.nmi_novel"] == first.final["oracle.nmi_novel"]
    assert "kl_prior_to_estimate" in first.epochs[1]


def test_a_metric_hidden_by_a_parameter_keeps_its_name(tmp_path: Path) -> None:
    sweep = record({"lr": [0.1]}, [0], name="lr")
    make_ledger(tmp_path, sweep, finals=lambda *_: {"acc_seen": 50.0, "lr": 0.001})
    [trial] = read_history(tmp_path, "lr").begun
    assert trial.final == {"oracle.acc_seen": 50.0, "lr": 0.001}
    assert trial.config["lr"] == 0.1


@pytest.mark.parametrize(
    ("name", "hidden"),
    [
        ("acc_novel_strict", True),
        ("nmi_novel", True),
        ("novel_to_seen_share", True),
        ("acc_holdout", False),
        ("confident_share_novel", False),
        ("loss_total", False),
    ],
)
def test_what_needs_hidden_labels(name: str, hidden: bool) -> None:
    assert is_oracle(name) is hidden
