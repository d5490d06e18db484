from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from lps_sweep.errors import BadInputError
from lps_sweep.results import Attempt, FileRef, Json, Ledger
from lps_sweep.results.records import EpochRow
from lps_sweep.results.trial_view import Membership, trial_view
from tests.results.sweep_cases import (
    METRICS,
    PROVENANCE,
    checkpoint,
    planned,
    start,
    sweep_record,
    trials,
)


def test_all_of_a_trial_that_was_tried_twice(tmp_path: Path) -> None:
    with planned(tmp_path, "abc1", "abd2") as ledger:
        start(ledger, "abc1")
        for epoch in (1, 2):
            ledger.add_epoch("abc1", 1, epoch, {"acc_all": 10.0 + epoch}, 1.5)
        ledger.finish("abc1", 1, "failed", epoch=2, error="planted")
        ledger.reopen(["abc1"])
        start(ledger, "abc1")
        ledger.add_epoch("abc1", 2, 2, {"acc_all": 22.0}, 2.0)
        ledger.add_checkpoint(checkpoint("abc1", 2, 2))
        artefact = FileRef("artefacts/abc1-2.npz", "cc")
        ledger.finish("abc1", 2, "done", epoch=2, metrics=METRICS, artefact=artefact)
        view = trial_view(ledger, "abc", driver_alive=False)
    assert (view.trial_id, view.seed, view.state, view.error) == ("abc1", 0, "done", "")
    assert view.config == {"C": 10.0, "epochs": 5}
    assert view.sweeps == [Membership("c_tau", {"C": 10.0}, True)]
    again = "failed, tried again: planted"
    facts: dict[str, Json] = {**PROVENANCE}
    times = [(one.begun_at, one.ended_at) for one in view.attempts]
    assert all(begin and end and begin <= end for begin, end in times)
    assert [replace(one, begun_at=None, ended_at=None) for one in view.attempts] == [
        Attempt("abc1", 1, "pack", again, True, first=1, last=2, seconds=3.0, provenance=facts),
        Attempt("abc1", 2, "pack", "done", True, first=2, last=2, seconds=2.0, provenance=facts),
    ]
    assert view.epochs == [
        EpochRow("abc1", 1, 1, 1.5, {"acc_all": 11.0}),
        EpochRow("abc1", 2, 2, 2.0, {"acc_all": 22.0}),
    ]
    assert view.metrics == METRICS
    assert (view.artefact, view.checkpoint) == (artefact, FileRef("checkpoints/m2", "aa"))


def test_a_trial_without_outcome_shows_its_last_epoch(tmp_path: Path) -> None:
    with planned(tmp_path, "a", "b") as ledger:
        start(ledger, "a")
        ledger.add_epoch("a", 1, 1, {"acc_all": 11.0}, 1.0)
        assert trial_view(ledger, "a", driver_alive=True).state == "running"
        view = trial_view(ledger, "a", driver_alive=False)
        assert (view.state, view.metrics) == ("not_run", {"acc_all": 11.0})
        ledger.start_attempts(["b"], "pack", {})
        waiting = trial_view(ledger, "b", driver_alive=True)
        assert (waiting.state, waiting.attempts[0].begun) == ("not_run", False)
        assert (waiting.epochs, waiting.metrics, waiting.checkpoint) == ([], {}, None)


def test_sweeps_of_the_past_are_told_apart(tmp_path: Path) -> None:
    with planned(tmp_path, "a", "b") as ledger:
        ledger.record_plan(sweep_record("other"), trials("a"))
        ledger.record_plan(sweep_record(), trials("b"))
        found = trial_view(ledger, "a", driver_alive=False).sweeps
    assert [(one.sweep, one.planned) for one in found] == [("c_tau", False), ("other", True)]


def test_the_beginning_of_an_id_must_be_one_trials_alone(tmp_path: Path) -> None:
    with planned(tmp_path, "ab", "abc", "a_", "b") as ledger:
        assert trial_view(ledger, "ab", driver_alive=False).trial_id == "ab", "the whole of one id"
        assert trial_view(ledger, "a_", driver_alive=False).trial_id == "a_"
        for wrong in ("", "c", "_b", "AB"):
            with pytest.raises(BadInputError, match="no trial's id begins"):
                trial_view(ledger, wrong, driver_alive=False)
    several = "several trials' ids begin with 'a': a_, ab, abc"
    with Ledger.open(tmp_path) as ledger, pytest.raises(BadInputError, match=several):
        trial_view(ledger, "a", driver_alive=False)
