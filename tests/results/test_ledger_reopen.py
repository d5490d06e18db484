from __future__ import annotations

from pathlib import Path

import pytest

from lps_sweep.results import AttemptRecord, Ledger, Status
from tests.results.sweep_cases import METRICS, checkpoint, planned, run_states, start


@pytest.mark.parametrize("status", ["failed", "diverged", "stopped"])
def test_a_lost_trial_is_outstanding_again_and_its_end_is_history(
    tmp_path: Path, status: Status
) -> None:
    with planned(tmp_path, "a", "b") as ledger:
        attempt = start(ledger, "a")
        assert ledger.add_epoch("a", attempt, 1, METRICS, 2.0)
        assert ledger.add_checkpoint(checkpoint("a", attempt, 1))
        assert ledger.finish("a", attempt, status, epoch=1, error="a: b\nc")
        before = ledger.digest("c_tau")
        ledger.reopen(["a"])
        assert ledger.outstanding("c_tau") == ["a", "b"]
        assert ledger.outcomes("c_tau") == {}
        assert ledger.digest("c_tau") != before
        old = AttemptRecord("a", 1, "pack", f"{status}, tried again: a: b\nc")
        assert ledger.attempts("a") == [old]
        assert ledger.checkpoints("a") == [checkpoint("a", attempt, 1)], "it goes on from there"
        assert not ledger.add_epoch("a", attempt, 2, METRICS, 1.0), "the old attempt stays closed"
        assert not ledger.finish("a", attempt, "done", epoch=5, metrics=METRICS)
        assert start(ledger, "a") == 2
        assert ledger.finish("a", 2, "done", epoch=5, metrics=METRICS)
        assert ledger.attempts("a") == [old, AttemptRecord("a", 2, "pack", "done")]
        assert ledger.outcomes("c_tau") == {"a": "done"}
        (row, _) = ledger.trial_rows("c_tau", driver_alive=False)
        assert (row.status, row.error, row.attempts) == ("done", "", 2)


@pytest.mark.parametrize("state", ["done", "open", "killed", "not_run"])
def test_whatever_is_not_lost_stays_and_nothing_is_reopened(tmp_path: Path, state: str) -> None:
    with planned(tmp_path, "failed", state) as ledger:
        run_states(ledger, ["failed", state])
        before = ledger.digest("c_tau"), ledger.attempts("failed"), ledger.attempts(state)
        with pytest.raises(ValueError, match=f"trial {state} is"):
            ledger.reopen(["failed", state])
        assert (ledger.digest("c_tau"), *map(ledger.attempts, ("failed", state))) == before
        with pytest.raises(ValueError, match="trial unknown is without outcome"):
            ledger.reopen(["unknown"])


def test_a_trial_is_reopened_as_often_as_it_is_lost(tmp_path: Path) -> None:
    with planned(tmp_path, "a") as ledger:
        for number in (1, 2, 3):
            assert start(ledger, "a") == number
            assert ledger.finish("a", number, "failed", epoch=0, error=f"error {number}")
            ledger.reopen(["a"])
        ends = [record.ended for record in ledger.attempts("a")]
        assert ends == [f"failed, tried again: error {number}" for number in (1, 2, 3)]


def test_known_trials_are_those_of_all_sweeps_with_their_outcome(tmp_path: Path) -> None:
    with planned(tmp_path, "a", "b") as ledger:
        run_states(ledger, ["not_run"])
        ledger.finish("a", start(ledger, "a"), "failed", epoch=0)
    with planned(tmp_path, "c", sweep="other") as ledger:
        assert ledger.known() == {"a": "failed", "b": "", "c": ""}
    with Ledger.open(tmp_path) as ledger, pytest.raises(ValueError, match="opened for reading"):
        ledger.reopen(["a"])
