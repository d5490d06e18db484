from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from lps_sweep.errors import BadInputError
from lps_sweep.results import Counts, Ledger, PlanChange
from tests.results.sweep_cases import (
    METRICS,
    epochs_of,
    planned,
    start,
    sweep_record,
    trial_record,
    trials,
)


def test_what_is_planned_reads_back_equal(tmp_path: Path) -> None:
    sweep, some = sweep_record(), trials("b", "a", "c")
    with Ledger.open(tmp_path, write=True) as ledger:
        assert ledger.record_plan(sweep, some) == PlanChange(added=3, shared=0, orphaned=0)
    with Ledger.open(tmp_path) as ledger:
        assert ledger.record("c_tau") == sweep
        assert ledger.sweeps() == ["c_tau"]
        assert [ledger.trial(t.trial_id, "c_tau") for t in some] == some
        assert ledger.outstanding("c_tau") == ["b", "a", "c"]
        assert ledger.trial("a") == replace(some[1], swept={})


def test_a_changed_plan_adds_and_orphans_but_deletes_nothing(tmp_path: Path) -> None:
    with planned(tmp_path, "a", "b") as ledger:
        attempt = start(ledger, "a")
        ledger.add_epoch("a", attempt, 1, METRICS, 0.5)
        ledger.finish("a", attempt, "done", epoch=1, metrics=METRICS)

        assert ledger.record_plan(sweep_record(), trials("c", "b")) == PlanChange(1, 0, 1)
        assert ledger.outstanding("c_tau") == ["c", "b"]
        assert ledger.outcomes("c_tau") == {}
        assert epochs_of(ledger) == []
        assert ledger.counts("c_tau", driver_alive=True) == Counts(2, 0, 0, 0, 0, 0, 2)

        assert ledger.record_plan(sweep_record(), trials("a", "b", "c")) == PlanChange(1, 1, 0)
        assert ledger.outcomes("c_tau") == {"a": "done"}
        assert epochs_of(ledger) == [("a", 1)]
        assert ledger.outstanding("c_tau") == ["b", "c"]


def test_a_trial_of_two_sweeps_is_one_trial_with_one_outcome(tmp_path: Path) -> None:
    with planned(tmp_path, "a", "shared") as ledger:
        change = ledger.record_plan(
            sweep_record("other"), [replace(trial_record("shared"), swept={"tau": 0.4})]
        )
        assert change == PlanChange(added=1, shared=1, orphaned=0)
        attempt = start(ledger, "shared")
        assert ledger.finish("shared", attempt, "done", epoch=1, metrics=METRICS)
        assert not ledger.finish("shared", attempt, "failed", epoch=1)
        assert ledger.counts("c_tau", driver_alive=False) == Counts(2, 1, 0, 0, 0, 0, 1)
        assert ledger.counts("other", driver_alive=False) == Counts(1, 1, 0, 0, 0, 0, 0)
        assert ledger.outcomes("c_tau") == ledger.outcomes("other") == {"shared": "done"}
        assert ledger.trial("shared", "other").swept == {"tau": 0.4}
        assert ledger.trial("shared", "c_tau").swept == {"C": 10.0}


def test_a_trial_planned_twice_is_refused_and_nothing_is_written(tmp_path: Path) -> None:
    with planned(tmp_path, "a") as ledger:
        with pytest.raises(ValueError, match="more than once"):
            ledger.record_plan(sweep_record("twice"), trials("b", "b"))
        assert ledger.sweeps() == ["c_tau"]


def test_a_finished_trial_keeps_the_configuration_that_it_ran_with(tmp_path: Path) -> None:
    with planned(tmp_path, "finished", "outstanding") as ledger:
        ledger.finish("finished", start(ledger, "finished"), "failed", epoch=0, error="boom")
        moved = [
            replace(trial_record(t), config={"data_root": "/new"}, pack_key="new")
            for t in ("finished", "outstanding")
        ]
        ledger.record_plan(sweep_record(), moved)
        assert ledger.trial("finished").config == {"C": 10.0, "epochs": 5}
        assert ledger.trial("finished").pack_key == "pack-key"
        assert ledger.trial("outstanding").config == {"data_root": "/new"}
        assert ledger.trial("outstanding").pack_key == "new"


def test_unknown_names_are_bad_input_with_the_nearest(tmp_path: Path) -> None:
    with planned(tmp_path, "a") as ledger:
        with pytest.raises(BadInputError, match=r"'ctau'.*did you mean 'c_tau'\?") as caught:
            ledger.record("ctau")
        assert str(tmp_path) in str(caught.value)
        with pytest.raises(BadInputError, match="no trial 'zzz'"):
            ledger.trial("zzz")


def test_a_number_that_is_not_finite_has_no_place_in_a_plan(tmp_path: Path) -> None:
    with Ledger.open(tmp_path, write=True) as ledger:
        with pytest.raises(ValueError, match="JSON compliant"):
            ledger.record_plan(sweep_record(), [trial_record("a", C=float("nan"))])
        assert ledger.sweeps() == []
