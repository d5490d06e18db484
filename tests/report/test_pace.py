"""Tables on learning pace: when an accuracy is reached, and the area of the gap."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from lps_sweep.report.curves import MAX_POINTS, read_group, thinned
from lps_sweep.report.pages.pace import first_at, pace_table, reach_table
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
    line = {1: 40.0, 2: 60.0, 3: 50.0}
    assert [first_at(line, x) for x in (40, 50, 60, 61)] == [1, 2, 2, None]


def test_thinning_keeps_every_peak_and_the_last_epoch() -> None:
    line = {e: 100.0 if e == 333 else -5.0 if e == 777 else 50.0 + e % 3 for e in range(1, 1001)}
    short = thinned(line)
    assert len(short) <= MAX_POINTS + 1
    assert list(short) == sorted(short)
    assert (short[333], short[777], short[1000]) == (100.0, -5.0, line[1000])
    some = {epoch: line[epoch] for epoch in range(1, 201)}
    assert thinned(some) == some
    assert thinned({}) == {}


def test_means_of_curves_are_of_done_trials_at_common_epochs(tmp_path: Path) -> None:
    made = make_ledger(tmp_path, record({"C": [10]}), {(10, 2): "failed"}, epochs=5)
    group = read_group(load_view(made, "c_tau"), {"C": 10})
    lines, mean = group.lines["acc_novel"], group.means["acc_novel"]
    assert [len(lines[seed]) for seed in (0, 1, 2)] == [5, 5, 3]
    assert (len(group.done), list(mean)) == (2, [1, 2, 3, 4, 5])
    assert mean[5] == pytest.approx((lines[0][5] + lines[1][5]) / 2)
    assert group.lines["gap"][0][5] == pytest.approx(group.lines["acc_seen"][0][5] - lines[0][5])


def test_when_an_accuracy_is_reached(tmp_path: Path) -> None:
    view = with_curves(tmp_path, {(10, 0): EARLY, (10, 1): LATE, (10, 2): LATE}, unfinished=(10, 2))
    table = reach_table(read_group(view, {"C": 10}))
    rows = {row[0]: row[1:] for row in table.rows}
    assert list(rows) == [50, 60, 70, 80, 90], "95 is reached by none"
    assert rows[70] == ((2.0, None), "2/2", (2.5, None), "2/2", (0.5, None))
    assert rows[80] == ((2.0, None), "2/2", (4.0, None), "1/2", (2.0, None))
    assert rows[90] == ((3.0, None), "2/2", (None, None), "0/2", (None, None))


def test_the_area_of_the_gap_and_the_epoch_of_each_level(tmp_path: Path) -> None:
    novel = {(c, seed): LATE if c == 5 else EARLY for c in (5, 10) for seed in (0, 1, 2)}
    view = with_curves(tmp_path, novel | {(10, 2): LATE})
    groups = [read_group(view, {"C": value}, str(value)) for value in (5, 10)]
    table = pace_table("C", groups, 1, "")
    keys = [column.key for column in table.columns]
    late, default = (dict(zip(keys, row, strict=True)) for row in table.rows)
    assert late["gap_end"] == (10.0, 0.0)
    assert late["gap_average"] == ((20 + 35 + 19 + 10) / 4, 0.0)
    assert late["seen_epoch"] == (3.0, 0.0)
    assert late["novel_epoch"] == (4.0, 0.0), "72 of 80 is reached after the fourth epoch"
    assert default["novel_epoch"] == pytest.approx((8 / 3, 1.1547), abs=1e-3)
    assert default["n"] == 3
    assert table.marked == {1}
