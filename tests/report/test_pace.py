"""Tables on learning pace: when an accuracy is reached, and the area of the gap."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from lps_sweep.report.figures.curves import sections
from lps_sweep.report.figures.lines import Line, group_info, level_info
from lps_sweep.report.figures.pace_tables import first_at, pace_table, reach_table
from lps_sweep.report.section import Figure, unique_tables
from lps_sweep.results import Ledger, SweepView, load_view
from tests.report.report_cases import make_ledger, record

SEEN = (60.0, 80.0, 90.0, 90.0)
Curves = Mapping[tuple[int, int], Sequence[float]]
"""Novel accuracy by epoch, for a value of C and a seed."""


def with_curves(
    folder: Path, novel: Curves, *, unfinished: tuple[int, int] | None = None
) -> SweepView:
    """A sweep over C with these curves; seen is `SEEN` everywhere."""
    sweep = record({"C": sorted({c for c, _ in novel})}, sorted({seed for _, seed in novel}))
    make_ledger(folder, sweep, otherwise="not_run")
    with Ledger.open(folder, write=True) as ledger, ledger.transaction():
        for trial in ledger.outstanding("c_tau"):
            known = ledger.trial(trial, "c_tau")
            place = (int(str(known.swept["C"])), known.seed)
            attempt = ledger.start_attempts([trial], "p", {})[trial]
            ledger.begin_attempt(trial, attempt, {})
            for epoch, value in enumerate(novel[place], start=1):
                metrics = {"acc_seen": SEEN[epoch - 1], "acc_novel": value, "acc_all": value}
                ledger.add_epoch(trial, attempt, epoch, metrics, 1.0)
            if place != unfinished:
                ledger.finish(trial, attempt, "done", epoch=4, metrics={"acc_all": 85.0})
    return load_view(folder, "c_tau")


EARLY, LATE = (50.0, 72.0, 75.0, 78.0), (40.0, 45.0, 71.0, 80.0)


def test_the_first_epoch_at_a_value() -> None:
    line = Line((1, 2, 3), (40.0, 60.0, 50.0))
    assert [first_at(line, x) for x in (40, 50, 60, 61)] == [1, 2, 2, None]


def test_when_an_accuracy_is_reached(tmp_path: Path) -> None:
    view = with_curves(tmp_path, {(10, 0): EARLY, (10, 1): LATE, (10, 2): LATE}, unfinished=(10, 2))
    table = reach_table(group_info(view, {"C": 10}))
    rows = {row[0]: row[1:] for row in table.rows}
    assert list(rows) == [50, 60, 70, 80, 90], "95 is reached by none"
    assert rows[70] == ((2.0, None), "2/2", (2.5, None), "2/2", (0.5, None))
    assert rows[80] == ((2.0, None), "2/2", (4.0, None), "1/2", (2.0, None))
    assert rows[90] == ((3.0, None), "2/2", (None, None), "0/2", (None, None))


def test_the_area_of_the_gap_and_the_epoch_of_each_level(tmp_path: Path) -> None:
    novel = {(c, seed): LATE if c == 5 else EARLY for c in (5, 10) for seed in (0, 1, 2)}
    view = with_curves(tmp_path, novel | {(10, 2): LATE})
    table = pace_table("C", level_info(view, "C"), 1, "")
    keys = [column.key for column in table.columns]
    late, default = (dict(zip(keys, row, strict=True)) for row in table.rows)
    assert late["gap_end"] == (10.0, 0.0)
    assert late["gap_average"] == ((20 + 35 + 19 + 10) / 4, 0.0)
    assert late["seen_epoch"] == (3.0, 0.0)
    assert late["novel_epoch"] == (4.0, 0.0), "72 of 80 is reached after the fourth epoch"
    assert default["novel_epoch"] == pytest.approx((8 / 3, 1.1547), abs=1e-3)
    assert default["n"] == 3
    assert table.marked == {1}


def test_the_figure_says_between_which_levels_the_gap_moves(tmp_path: Path) -> None:
    novel = {(c, seed): LATE if c == 5 else EARLY for c in (5, 10) for seed in (0, 1)}
    (section,) = sections(with_curves(tmp_path, novel))
    figures = {b.slug: b for b in section.blocks if isinstance(b, Figure)}
    assert figures["pace_C_figure"].title == (
        "Averaged over the epochs, novel trails seen by 11.2 points at C = 10 and by 21.0 points "
        "at 5 (means)"
    )
    assert "digits, 50\u00a0% labeled" in figures["pace_C_figure"].caption


def test_they_are_in_the_section_once_a_trial_is_done(tmp_path: Path) -> None:
    done = with_curves(tmp_path / "a", {(10, 0): EARLY, (10, 1): LATE})
    assert "pace_reached" in {t.slug for t in unique_tables(sections(done))}
    none = with_curves(tmp_path / "b", {(10, 0): EARLY}, unfinished=(10, 0))
    slugs = {t.slug for t in unique_tables(sections(none))}
    assert "pace_default" in slugs
    assert "pace_reached" not in slugs
