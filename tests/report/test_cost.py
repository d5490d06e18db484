from __future__ import annotations

from pathlib import Path

import pytest

from lps_sweep.report import build_report
from lps_sweep.report.figures.cost import (
    cost_table,
    draw_matrix,
    errors_table,
    matrix_table,
    rates_table,
    sections,
)
from lps_sweep.report.figures.cost_info import MOST_ROWS, cost_info, matrix_rows, to_finish
from lps_sweep.results import Json, Ledger, SweepView, load_view
from tests.report.report_cases import Fates, make_ledger, record

FATES: Fates = {(1, 0): "failed", (1, 1): "diverged", (10, 2): "not_run"}


def view_of(folder: Path, fates: Fates = FATES, error: str = "OSError: 3 of 7") -> SweepView:
    sweep = record({"C": [1, 10]})
    return load_view(make_ledger(folder, sweep, fates, epochs=5, error=error), "c_tau")


def test_the_trials_whole(tmp_path: Path) -> None:
    info = cost_info(view_of(tmp_path))
    assert info.seeds == (0, 1, 2)
    assert info.points == ({"C": 1}, {"C": 10})
    assert info.states == {
        (0, 0): "failed",
        (0, 1): "diverged",
        (0, 2): "done",
        (1, 0): "done",
        (1, 1): "done",
        (1, 2): "not_run",
    }
    assert info.errors == (("t00000", "OSError: 3 of 7"), ("t00001", "OSError: 3 of 7"))
    assert info.seconds["done"] == pytest.approx(3 * 5 * 0.4)
    assert info.seconds["failed"] == pytest.approx(3 * 0.4)
    assert to_finish(info) == pytest.approx(2.0)


def test_the_cost_counts_failed_attempts(tmp_path: Path) -> None:
    folder = tmp_path
    view_of(folder)
    with Ledger.open(folder, write=True) as ledger:
        ledger.reopen(["t00000"])
        attempt = ledger.start_attempts(["t00000"], "p", {})["t00000"]
        ledger.begin_attempt("t00000", attempt, {})
        ledger.add_epoch("t00000", attempt, 1, {"acc_all": 1.0}, 10.0)
        ledger.finish("t00000", attempt, "done", epoch=1, metrics={"acc_all": 1.0})
    table = cost_table(cost_info(load_view(folder, "c_tau")))
    done = next(row for row in table.rows if row[0] == "done")
    assert done[:3] == ("done", 4, 5)
    assert done[3] == pytest.approx(3 * 2.0 + 3 * 0.4 + 10.0)
    assert table.rows[-1][1:3] == (6, 6)


def test_the_matrix_marks_each_state(tmp_path: Path) -> None:
    info = cost_info(view_of(tmp_path))
    (panel,) = draw_matrix(info)
    marks = {
        trace.marker.symbol: list(zip(trace.x, trace.y, strict=True)) for trace in panel.figure.data
    }
    assert marks == {
        "circle": [(0, 0), (1, 0), (2, 1)],
        "x": [(0, 1)],
        "triangle-down": [(1, 1)],
        "circle-open": [(2, 0)],
    }
    assert matrix_table(info).rows == (
        (1, "failed", "diverged", "done"),
        (10, "done", "done", "not run"),
    )


def test_a_long_matrix_keeps_what_lacks_most(tmp_path: Path) -> None:
    levels: list[Json] = list(range(1, 91))
    sweep = record({"C": levels}, [0], defaults={"C": 1})
    info = cost_info(
        load_view(make_ledger(tmp_path, sweep, {(85, 0): "failed"}, epochs=1), "c_tau")
    )
    rows = matrix_rows(info)
    assert len(rows) == MOST_ROWS
    assert 84 in rows


def test_errors_of_a_kind_are_one_row(tmp_path: Path) -> None:
    info = cost_info(view_of(tmp_path, error="</td>OSError: 3 of 7 in /a/b/c.py\nsecond"))
    table = errors_table(info)
    assert [row[:3] for row in table.rows] == [("</td>OSError: # of # in /#", 2, "t00000")]
    page = build_report(tmp_path, "c_tau").read_text(encoding="utf-8")
    assert "</td>OSError" not in page


def test_failure_rates_per_level_have_wilson_intervals(tmp_path: Path) -> None:
    view = view_of(tmp_path)
    table = rates_table(view, cost_info(view))
    assert [row[:5] for row in table.rows] == [
        ("all trials", None, 5, 2, 40.0),
        ("C", 1, 3, 2, pytest.approx(200 / 3)),
        ("C", 10, 2, 0, 0.0),
    ]
    assert table.rows[2][5] == pytest.approx((0.0, 65.762), abs=1e-2)


def test_a_whole_sweep_has_no_matrix_and_no_errors(tmp_path: Path) -> None:
    (section,) = sections(view_of(tmp_path, {}))
    assert [table.slug for table in section.tables] == ["cost", "workers", "work"]
    assert str(section.blocks[0]).startswith("2 of 2 configurations have all their seeds. 0 of 6")


@pytest.mark.parametrize("fate", ["not_run", "failed", "running"])
def test_nothing_done(tmp_path: Path, fate: str) -> None:
    sweep = record({"C": [1, 10]}, [0])
    view = load_view(make_ledger(tmp_path, sweep, otherwise=fate, epochs=1), "c_tau")
    (section,) = sections(view)
    assert to_finish(cost_info(view)) is None
    slugs = [table.slug for table in section.tables]
    assert slugs[0] == "incomplete"
    assert ("failure_rates" in slugs) == (fate == "failed")
