from __future__ import annotations

import itertools
import sqlite3
from pathlib import Path

import pytest

from lps_sweep.results import Counts, FileRef, Ledger, Status
from lps_sweep.results.records import STATUSES
from tests.results.sweep_cases import (
    METRICS,
    PROVENANCE,
    checkpoint,
    epochs_of,
    planned,
    run_states,
    start,
    sweep_record,
    trials,
)

NAN, INF = float("nan"), float("inf")


def test_attempts_are_numbered_and_an_open_one_is_ended_as_lost(tmp_path: Path) -> None:
    with planned(tmp_path, "a", "b") as ledger:
        assert ledger.start_attempts(["a", "b"], "p1", PROVENANCE) == {"a": 1, "b": 1}
        ledger.end_attempt("b", 1, "killed")
        assert ledger.start_attempts(["b"], "p2", PROVENANCE) == {"b": 2}
        assert ledger.start_attempts(["a", "b"], "p3", PROVENANCE) == {"a": 2, "b": 3}
        found = [(a.attempt, a.pack_id, a.ended, a.begun) for a in ledger.attempts("a")]
        assert found == [(1, "p1", "lost", False), (2, "p3", "", False)]
        assert [a.ended for a in ledger.attempts("b")] == ["killed", "lost", ""]


@pytest.mark.parametrize("fenced_by", ["a newer attempt", "its end", "an outcome"])
def test_rows_of_an_attempt_that_is_not_open_are_refused(tmp_path: Path, fenced_by: str) -> None:
    with planned(tmp_path, "a") as ledger:
        old = start(ledger, "a")
        assert ledger.add_epoch("a", old, 1, METRICS, 0.5)
        if fenced_by == "a newer attempt":
            start(ledger, "a")
        elif fenced_by == "its end":
            ledger.end_attempt("a", old, "killed")
        else:
            ledger.finish("a", old, "stopped", epoch=1)
        before = ledger.digest("c_tau"), ledger.attempts("a"), ledger.outcomes("c_tau")
        assert not ledger.add_epoch("a", old, 2, METRICS, 0.5)
        assert not ledger.add_checkpoint(checkpoint("a", old, 2))
        assert not ledger.finish("a", old, "done", epoch=2, metrics=METRICS)
        assert not ledger.begin_attempt("a", old, {"device": "late"})
        ledger.end_attempt("a", old, "woken")
        assert (ledger.digest("c_tau"), ledger.attempts("a"), ledger.outcomes("c_tau")) == before
        assert ledger.checkpoints("a") == []


def test_an_epoch_is_recorded_once_per_attempt_and_the_newest_counts(tmp_path: Path) -> None:
    with planned(tmp_path, "a") as ledger:
        start(ledger, "a")
        for epoch in (1, 2, 3):
            assert ledger.add_epoch("a", 1, epoch, {"acc_all": 10.0 + epoch}, 1.0)
        assert not ledger.add_epoch("a", 1, 3, {"acc_all": 99.0}, 1.0)
        start(ledger, "a")
        assert ledger.add_epoch("a", 2, 2, {"acc_all": 22.0}, 3.0)
        rows = ledger.epoch_rows("c_tau")
        assert [(r.epoch, r.metrics["acc_all"]) for r in rows] == [(1, 11.0), (2, 22.0), (3, 13.0)]
        assert ledger.repeats("c_tau").pairs == 1
        (trial,) = ledger.trial_rows("c_tau", driver_alive=True)
        times = [(p.config, p.size, p.number, p.seconds, p.beside) for p in ledger.pack_times()]
        assert times == [(trial.config, 1, 3, 3.0, None), (trial.config, 1, 1, 3.0, None)]
        assert (trial.attempts, trial.seconds, trial.status) == (2, 6.0, "running")


@pytest.mark.parametrize("status", STATUSES)
def test_a_finished_trial_gets_no_second_outcome_and_no_new_attempt(
    tmp_path: Path, status: Status
) -> None:
    with planned(tmp_path, "a", "b") as ledger:
        attempt = start(ledger, "a")
        ref = FileRef("artefacts/a-1.npz", "cc")
        assert ledger.finish("a", attempt, status, epoch=5, metrics=METRICS, artefact=ref)
        for other in STATUSES:
            assert not ledger.finish("a", attempt, other, epoch=6, metrics=METRICS)
        with pytest.raises(ValueError, match=f"trial a {status}"):
            ledger.start_attempts(["b", "a"], "pack", PROVENANCE)
        assert ledger.attempts("b") == []
        assert [(a.attempt, a.ended) for a in ledger.attempts("a")] == [(1, status)]
        assert ledger.outcomes("c_tau") == {"a": status}
        assert ledger.outstanding("c_tau") == ["b"]
        assert ledger.artefact("a") == ref


def test_the_database_itself_refuses_what_would_count_twice(tmp_path: Path) -> None:
    with planned(tmp_path, "a", "b") as ledger:
        ledger.finish("a", start(ledger, "a"), "failed", epoch=0)
        start(ledger, "b")
    with sqlite3.connect(tmp_path / "ledger.sqlite") as raw:
        with pytest.raises(sqlite3.IntegrityError):
            raw.execute("INSERT INTO outcomes VALUES ('a', 1, 'done', 1, '{}', NULL, NULL, '')")
        with pytest.raises(sqlite3.IntegrityError):
            raw.execute(
                "INSERT INTO attempts (trial_id, attempt, pack_id, provenance)"
                " VALUES ('b', 2, 'p', '{}')"
            )
    raw.close()


def test_trials_that_cannot_be_started_are_errors(tmp_path: Path) -> None:
    with planned(tmp_path, "a") as ledger:
        with pytest.raises(ValueError, match="never planned"):
            ledger.start_attempts(["a", "unknown"], "pack", PROVENANCE)
        with pytest.raises(ValueError, match="twice"):
            ledger.start_attempts(["a", "a"], "pack", PROVENANCE)
        assert ledger.attempts("a") == []


def test_numbers_that_are_not_finite_become_no_value(tmp_path: Path) -> None:
    metrics = {"acc_all": 50.0, "loss_total": NAN, "pc": INF, "uc": -INF}
    with planned(tmp_path, "a") as ledger:
        attempt = start(ledger, "a")
        assert ledger.add_epoch("a", attempt, 1, metrics, NAN)
        assert ledger.finish("a", attempt, "diverged", epoch=1, metrics=metrics)
        (row,) = ledger.epoch_rows("c_tau")
        assert row.metrics == {"acc_all": 50.0, "loss_total": None, "pc": None, "uc": None}
        assert row.seconds is None
    content = (tmp_path / "ledger.sqlite").read_bytes()
    assert b"NaN" not in content
    assert b"Infinity" not in content


@pytest.mark.parametrize("metrics", [{}, {"acc_all": NAN}, {"acc_all": 1.0, "acc_novel": INF}])
def test_a_done_trial_needs_finite_final_metrics(tmp_path: Path, metrics: dict[str, float]) -> None:
    with planned(tmp_path, "a") as ledger:
        attempt = start(ledger, "a")
        with pytest.raises(ValueError, match="finite final metrics"):
            ledger.finish("a", attempt, "done", epoch=5, metrics=metrics)
        assert ledger.outcomes("c_tau") == {}
        assert ledger.finish("a", attempt, "done", epoch=5, metrics=METRICS)


def test_checkpoints_come_newest_epoch_first(tmp_path: Path) -> None:
    with planned(tmp_path, "a") as ledger:
        start(ledger, "a")
        for epoch in (1, 3, 2):
            assert ledger.add_checkpoint(checkpoint("a", 1, epoch))
        assert not ledger.add_checkpoint(checkpoint("a", 1, 3))
        start(ledger, "a")
        assert ledger.add_checkpoint(checkpoint("a", 2, 3))
        found = [(c.epoch, c.attempt) for c in ledger.checkpoints("a")]
        assert found == [(3, 2), (3, 1), (2, 1), (1, 1)]
        assert ledger.checkpoints("a")[0] == checkpoint("a", 2, 3)


def test_counts_add_up_in_every_mixture_of_states(tmp_path: Path) -> None:
    states = ("done", "stopped", "failed", "diverged", "open", "killed", "not_run")
    with planned(tmp_path, *states) as ledger:
        run_states(ledger, states)
        mixtures = [m for n in range(8) for m in itertools.combinations(states, n)]
        assert len(mixtures) == 128
        for mixture in mixtures:
            ledger.record_plan(sweep_record(), trials(*mixture))
            for alive in (True, False):
                c = ledger.counts("c_tau", alive)
                parts = (c.done, c.stopped, c.failed, c.diverged, c.running, c.not_run)
                assert c.planned == len(mixture) == sum(parts)
                assert c.running == (alive and "open" in mixture)
                assert (c.done, c.stopped) == ("done" in mixture, "stopped" in mixture)
                assert (c.failed, c.diverged) == ("failed" in mixture, "diverged" in mixture)
                assert c.not_run == len(ledger.outstanding("c_tau")) - c.running
            assert len(ledger.outcomes("c_tau")) + len(ledger.outstanding("c_tau")) == c.planned


def write_and_fail(ledger: Ledger, epoch: int) -> None:
    with ledger.transaction():
        assert ledger.add_epoch("a", 1, epoch, METRICS, 1.0)
        raise RuntimeError("midway")


def test_a_transaction_is_written_whole_or_not_at_all(tmp_path: Path) -> None:
    with planned(tmp_path, "a") as ledger:
        attempt = start(ledger, "a")
        with pytest.raises(RuntimeError, match="midway"):
            write_and_fail(ledger, 1)
        assert epochs_of(ledger) == []
        with ledger.transaction():
            ledger.add_epoch("a", attempt, 1, METRICS, 1.0)
            ledger.finish("a", attempt, "stopped", epoch=1)
        assert epochs_of(ledger) == [("a", 1)]
        assert ledger.counts("c_tau", driver_alive=False) == Counts(1, 0, 1, 0, 0, 0, 0)


def test_an_inner_block_that_fails_takes_back_its_own_writes_only(tmp_path: Path) -> None:
    with planned(tmp_path, "a") as ledger:
        attempt = start(ledger, "a")
        with ledger.transaction():
            ledger.add_epoch("a", attempt, 1, METRICS, 1.0)
            with pytest.raises(RuntimeError, match="midway"):
                write_and_fail(ledger, 2)
            ledger.add_epoch("a", attempt, 3, METRICS, 1.0)
        assert epochs_of(ledger) == [("a", 1), ("a", 3)]


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
        [old] = ledger.attempts("a")
        assert old.ended == f"{status}, tried again: a: b\nc"
        assert ledger.checkpoints("a") == [checkpoint("a", attempt, 1)], "it goes on from there"
        assert not ledger.add_epoch("a", attempt, 2, METRICS, 1.0), "the old attempt stays closed"
        assert not ledger.finish("a", attempt, "done", epoch=5, metrics=METRICS)
        assert start(ledger, "a") == 2
        assert ledger.finish("a", 2, "done", epoch=5, metrics=METRICS)
        assert ledger.attempts("a")[0] == old
        assert ledger.attempts("a")[1].ended == "done"
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


def test_known_trials_are_those_of_all_sweeps_with_their_outcome(tmp_path: Path) -> None:
    with planned(tmp_path, "a", "b") as ledger:
        run_states(ledger, ["not_run"])
        ledger.finish("a", start(ledger, "a"), "failed", epoch=0)
    with planned(tmp_path, "c", sweep="other") as ledger:
        assert ledger.known() == {"a": "failed", "b": "", "c": ""}
    with Ledger.open(tmp_path) as ledger, pytest.raises(ValueError, match="opened for reading"):
        ledger.reopen(["a"])
