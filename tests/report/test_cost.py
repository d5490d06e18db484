"""What lacks a seed, what failed and of what, and what it all cost."""

from __future__ import annotations

from pathlib import Path

import pytest

from lps_sweep.report.pages import failures
from lps_sweep.report.pages.health import (
    cost_table,
    incomplete_table,
    lacking,
    read_planned,
    sections,
)
from lps_sweep.results import Ledger, SweepView, load_view
from tests.report.report_cases import Fates, make_ledger, record

FATES: Fates = {(1, 0): "failed", (1, 1): "diverged", (10, 2): "not_run"}


def view_of(folder: Path, fates: Fates = FATES, error: str = "OSError: 3 of 7") -> SweepView:
    sweep = record({"C": [1, 10]})
    return load_view(make_ledger(folder, sweep, fates, epochs=5, error=error), "c_tau")


def test_the_cost_counts_failed_attempts(tmp_path: Path) -> None:
    folder = tmp_path
    view_of(folder)
    with Ledger.open(folder, write=True) as ledger:
        ledger.reopen(["t00000"])
        attempt = ledger.start_attempts(["t00000"], "p", {})["t00000"]
        ledger.begin_attempt("t00000", attempt, {})
        ledger.add_epoch("t00000", attempt, 1, {"acc_all": 1.0}, 10.0)
        ledger.finish("t00000", attempt, "done", epoch=1, metrics={"acc_all": 1.0})
    table = cost_table(load_view(folder, "c_tau"))
    done = next(row for row in table.rows if row[0] == "done")
    assert done[:3] == ("done", 4, 5)
    assert done[3] == pytest.approx(3 * 2.0 + 3 * 0.4 + 10.0)
    assert table.rows[-1][1:3] == (6, 6)


def test_what_lacks_a_seed_is_listed_with_its_states(tmp_path: Path) -> None:
    view = view_of(tmp_path)
    rows = lacking(view, read_planned(view))
    assert incomplete_table(view, rows).rows == (
        (1, "failed", "diverged", "done"),
        (10, "done", "done", "not run"),
    )


def test_errors_of_a_kind_are_one_row(tmp_path: Path) -> None:
    view = view_of(tmp_path, error="</td>OSError: 3 of 7 in /a/b/c.py\nsecond")
    table = failures.kinds_table(failures.kinds_of(failures.read_failures(view)))
    assert [row[:3] for row in table.rows] == [("</td>OSError: # of # in /#", 2, "t00000")]
    (section,) = failures.sections(view)
    assert section.findings[0].startswith("2 of 6 trials failed or diverged, 2 of them with: </td>")


def test_failure_rates_per_level_have_wilson_intervals(tmp_path: Path) -> None:
    table = failures.rates_table(view_of(tmp_path))
    assert [row[:5] for row in table.rows] == [
        ("all trials", None, 5, 2, 40.0),
        ("C", 1, 3, 2, pytest.approx(200 / 3)),
        ("C", 10, 2, 0, 0.0),
    ]
    assert table.rows[2][5] == pytest.approx((0.0, 65.762), abs=1e-2)


def test_a_whole_sweep_has_no_matrix_and_no_errors(tmp_path: Path) -> None:
    (section,) = sections(view_of(tmp_path, {}))
    assert [table.slug for table in section.tables] == ["cost", "provenance"]
    assert failures.sections(view_of(tmp_path / "again", {})) == []
