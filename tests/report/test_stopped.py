"""Trials that a rule ended: listed with rung and rank, and in no other table."""

from __future__ import annotations

from pathlib import Path

import pytest

from lps_sweep.report.model import unique_tables
from lps_sweep.report.pages import all_sections
from lps_sweep.report.pages.health import stopped_table, stopped_text, stopped_trials
from lps_sweep.results import Stop, SweepView, load_view
from tests.report.report_cases import make_ledger, record

RULE = "asha by acc_holdout, first_epoch=3, reduction=3, compare=seed"
STOP = Stop("c_tau", RULE, rung=1, epoch=3, rank=7, compared=9, value=61.25, bar=64.5)
FATES = {(1, 0.4, 0): "stopped", (1, 0.4, 1): "stopped", (5, 0.2, 1): "stopped"}


def folder_of(tmp_path: Path, error: str = STOP.text()) -> Path:
    sweep = record({"C": [10, 1, 5], "tau": [0.4, 0.2]}, [0, 1])
    return make_ledger(tmp_path, sweep, FATES, error=error)


@pytest.fixture
def view(tmp_path: Path) -> SweepView:
    return load_view(folder_of(tmp_path), "c_tau")


def test_the_table_has_rung_and_rank(view: SweepView) -> None:
    table = stopped_table(stopped_trials(view))
    keys = [column.key for column in table.columns]
    rows = [dict(zip(keys, row, strict=True)) for row in table.rows]
    assert rows[0] == {
        "trial_id": "t00004",
        "setting": "C = 1, tau = 0.4",
        "seed": 0,
        "rung": 1,
        "epoch": 3,
        "epochs": 20,
        "rank": 7,
        "compared": 9,
        "value": 61.25,
        "bar": 64.5,
    }
    assert len(rows) == 3
    assert RULE in table.notes


def test_what_was_saved_is_said(view: SweepView) -> None:
    text = stopped_text(stopped_trials(view), 12 * 20)
    assert "ended 3 trials early, which saved 51 of 240 planned epochs (21 %)" in text
    assert "flatters" in text


def test_words_that_are_no_decision_leave_its_cells_empty(tmp_path: Path) -> None:
    view = load_view(folder_of(tmp_path, "by hand"), "c_tau")
    table = stopped_table(stopped_trials(view))
    assert [row[3:5] for row in table.rows] == [(None, 3)] * 3, "the last epoch is recorded"
    assert "saved 51 of" in stopped_text(stopped_trials(view), 240)


def test_no_other_table_has_a_value_of_theirs(tmp_path: Path) -> None:
    """Were they done, the tables would have other numbers; they are those of a smaller sweep."""
    sweep = record({"C": [10, 1, 5], "tau": [0.4, 0.2]}, [0, 1])
    ours = load_view(folder_of(tmp_path / "stopped"), "c_tau")
    lost = make_ledger(tmp_path / "lost", sweep, dict.fromkeys(FATES, "not_run"))
    done = load_view(make_ledger(tmp_path / "done", sweep), "c_tau")
    found, wanted, other = (
        {table.slug: table for table in unique_tables(all_sections(view))}
        for view in (ours, load_view(lost, "c_tau"), done)
    )
    assert "stopped" in found
    numeric = [
        slug for slug in wanted if slug.startswith(("level", "difference", "grid", "default"))
    ]
    assert numeric
    changed = 0
    for slug in numeric:
        values = [numbers(table.rows) for table in (found[slug], wanted[slug], other[slug])]
        assert values[0] == values[1], slug
        changed += values[0] != values[2]
    assert changed >= 2


def numbers(rows: tuple[tuple[object, ...], ...]) -> list[list[object]]:
    return [[cell for cell in row if isinstance(cell, float | tuple)] for row in rows]
