"""What is no number ends its trial at once, wherever it comes from."""

from __future__ import annotations

from pathlib import Path

import pytest

from lps_sweep.errors import ExitCode
from lps_sweep.results import Ledger
from lps_sweep.results.trial_view import trial_view
from tests.sweep.cases import run
from tests.sweep.fakes import FakeExecutor, metrics_of
from tests.sweep.stopping_cases import (
    by_c,
    eight,
    ends,
    ids_by_c,
    rows_of,
    without_rule,
)

pytestmark = pytest.mark.usefixtures("no_waiting_for_the_disk")


BAD = {
    "nan": float("nan"),
    "inf": float("inf"),
    "-inf": float("-inf"),
    "huge": 10**400,
    "text": "0.5",
    "none": None,
    "missing": ...,
}


@pytest.mark.parametrize("bad", list(BAD))
@pytest.mark.parametrize("rule", ["halving", "asha", "median"])
def test_what_is_no_number_diverges_at_once_and_is_compared_with_nothing(
    tmp_path: Path, rule: str, bad: str
) -> None:
    rest = "min_trials: 3" if rule == "median" else "reduction: 2"
    space = eight(tmp_path, rule, rest)
    values = ids_by_c(space, tmp_path)
    (victim,) = [trial for trial, c in values.items() if c == 8]

    def metrics(trial: str, epoch: int) -> dict[str, float]:
        found = by_c(values)(trial, epoch)
        if trial == victim and epoch == 3:
            found["acc_holdout"] = BAD[bad]  # type: ignore[assignment]
            if bad == "missing":
                del found["acc_holdout"]
        return found

    outcome = run(space, tmp_path / "r", FakeExecutor(metrics=metrics, num_workers=1))
    row = next(row for row in rows_of(tmp_path / "r") if row.trial_id == victim)
    assert row.status == "diverged"
    assert "acc_holdout is" in row.error
    assert "after epoch 3" in row.error
    assert row.metrics == {}
    assert outcome.exit_code == ExitCode.TRIALS_FAILED
    with Ledger.open(tmp_path / "r") as ledger:
        assert len(trial_view(ledger, victim, False).epochs) == 3, "later rows are refused"
        ledger.verify()
    assert ends(tmp_path / "r")[7.0] == "done"


@pytest.mark.parametrize("bad", ["nan", "inf", "huge", "text", "none"])
def test_without_a_rule_too(tmp_path: Path, bad: str) -> None:
    space = without_rule(tmp_path)

    def metrics(trial: str, epoch: int) -> dict[str, float]:
        found = metrics_of(trial, epoch)
        return {**found, "loss_total": BAD[bad] if epoch == 4 else 1.0}  # type: ignore[dict-item]

    outcome = run(space, tmp_path / "r", FakeExecutor(metrics=metrics))
    assert outcome.counts.diverged == 8
    assert "loss_total is" in rows_of(tmp_path / "r", "all")[0].error
