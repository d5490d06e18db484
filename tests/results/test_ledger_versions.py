"""A ledger of an older version is read as it is; a writer makes it one of today's."""

from __future__ import annotations

import random
import sqlite3
from pathlib import Path

import pytest

from lps_sweep.errors import StorageError
from lps_sweep.results import Ledger, load_view, sidecar_of
from lps_sweep.results.schema import SCHEMA_VERSION, migrate
from lps_sweep.results.trial_view import trial_view
from tests.results.old_ledger import content, make_old, version_of
from tests.results.sweep_cases import METRICS, planned, start


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """A ledger of version 1: a trial done, one given up, one open, one not begun."""
    with planned(tmp_path, "a", "b", "c", "d") as ledger:
        start(ledger, "a", "b", "c")
        for trial in "abc":
            ledger.add_epoch(trial, 1, 1, METRICS, 1.5)
        ledger.finish("a", 1, "done", epoch=1, metrics=METRICS)
        ledger.end_attempt("b", 1, "killed")
    path = tmp_path / "ledger.sqlite"
    make_old(path)
    assert version_of(path) == 1
    return path


def test_a_reader_sees_no_times_and_changes_nothing(old: Path) -> None:
    before = old.read_bytes()
    view = load_view(old.parent, "c_tau")
    assert view.attempts == []
    assert [view.counts.done, view.counts.not_run] == [1, 3]
    with Ledger.open(old.parent) as ledger:
        sidecar = sidecar_of(ledger, "a")
        assert sidecar
        assert sidecar.rows["attempts"][0]["begun_at"] is None
        assert [one.ended for one in trial_view(ledger, "b", False).attempts] == ["killed"]
        ledger.verify()
    assert (old.read_bytes(), version_of(old)) == (before, 1)


def test_a_writer_keeps_every_row(old: Path) -> None:
    before, digest = content(old), load_view(old.parent, "c_tau").digest
    for _ in range(2):
        Ledger.open(old.parent, write=True).close()
        assert (version_of(old), content(old)) == (SCHEMA_VERSION, before)
    assert load_view(old.parent, "c_tau").digest == digest


def test_what_comes_after_has_times(old: Path) -> None:
    with Ledger.open(old.parent, write=True) as ledger:
        number = ledger.start_attempts(["c"], "pack", {})["c"]
        ledger.begin_attempt("c", number, {}, worker="box CPU #1", at=100.0)
        ledger.finish("c", number, "done", epoch=1, metrics=METRICS, at=107.5)
        (one,) = ledger.begun_attempts("c_tau")
        assert [a.ended for a in ledger.attempts("c")] == ["lost", "done"]
    assert (one.trial_id, one.attempt, one.worker) == ("c", 2, "box CPU #1")
    assert (one.begun_at, one.ended_at, one.ended, one.seconds) == (100.0, 107.5, "done", 0.0)


def test_a_reader_that_was_there_before_goes_on(old: Path) -> None:
    with Ledger.open(old.parent) as reader:
        digest = reader.digest("c_tau")
        with Ledger.open(old.parent, write=True) as ledger:
            assert reader.digest("c_tau") == digest
            ledger.end_attempt("c", 1, "killed")
        assert [a.ended for a in reader.attempts("c")] == ["killed"]


def test_the_writer_who_comes_second_changes_nothing(old: Path) -> None:
    Ledger.open(old.parent, write=True).close()
    before = content(old)
    with sqlite3.connect(old, isolation_level=None) as raw:
        migrate(raw)
    raw.close()
    assert (version_of(old), content(old)) == (SCHEMA_VERSION, before)


def test_version_2_has_times(old: Path) -> None:
    Ledger.open(old.parent, write=True).close()
    with Ledger.open(old.parent, write=True) as ledger:
        number = ledger.start_attempts(["c"], "pack", {})["c"]
        ledger.begin_attempt("c", number, {}, worker="box CPU #1", at=100.0)
    make_old(old, 2)
    for write in (False, True):
        with Ledger.open(old.parent, write=write) as ledger:
            assert [one.worker for one in ledger.begun_attempts("c_tau")] == ["box CPU #1"]
    assert version_of(old) == SCHEMA_VERSION


@pytest.mark.parametrize("version", [1, 2, 3])
def test_a_number_that_is_not_the_schemas_is_damage(old: Path, version: int) -> None:
    if version < SCHEMA_VERSION:
        Ledger.open(old.parent, write=True).close()
    with sqlite3.connect(old) as raw:
        raw.execute(f"PRAGMA user_version = {version}")
    raw.close()
    for write in (True, False):
        with pytest.raises(StorageError, match="its tables are not those of a ledger"):
            Ledger.open(old.parent, write=write)


def test_times_that_no_clock_has_are_no_times(tmp_path: Path) -> None:
    draw = random.Random(0)
    with planned(tmp_path, *"abcd") as ledger:
        ledger.start_attempts([*"abcd"], "pack", {})
        wrong = (-1.0, 1e300, float("inf"), draw.uniform(2.6e11, 1e18))
        for trial, at in zip("abcd", wrong, strict=True):
            ledger.begin_attempt(trial, 1, {}, at=at)
        assert ledger.begun_attempts("c_tau") == []
        ledger.begin_attempt("a", 1, {}, at=50.0)
        ledger.end_attempt("a", 1, "killed", float("inf"))
        (one,) = ledger.begun_attempts("c_tau")
        assert (one.begun_at, one.ended_at, one.worker) == (50.0, None, None)
        assert ledger.digest("c_tau")
