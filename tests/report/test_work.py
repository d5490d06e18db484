"""Workers in time: pauses, idle time, and the time of the newest record."""

from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path

import pandas as pd
import pytest

from lps_sweep.report import build_report
from lps_sweep.report.pages.health import busy_text
from lps_sweep.report.pages.overview import origin_text
from lps_sweep.report.work import Work, newest, read_packs, read_work
from lps_sweep.results import Attempt, Ledger, SweepView, load_view
from lps_sweep.results.times import utc
from tests.report.report_cases import BEGUN_AT, make_ledger, record
from tests.results.old_ledger import make_old

T0 = BEGUN_AT


def pack(
    begin: float,
    end: float | None,
    *ends: str,
    worker: str = "box CPU #1",
    name: str = "p",
    seconds: float = 0.0,
) -> list[Attempt]:
    """A pack with a trial for each of `ends`; times count from `T0`."""
    last = None if end is None else T0 + end
    return [
        Attempt(f"t{i}", 1, name, word, True, T0 + begin, last, worker=worker, seconds=seconds)
        for i, word in enumerate(ends or ("done",))
    ]


def info_of(*packs: Sequence[Attempt]) -> Work:
    info = read_work(one for members in packs for one in members)
    assert info is not None
    return info


def seconds(runs: pd.DataFrame) -> list[float]:
    return list((runs["end"] - runs["begin"]).tolist())


def test_the_work_by_hand() -> None:
    info = info_of(
        pack(0, 40, "done", "done"),
        pack(10, 50, worker="box CPU #2"),
        pack(50, 100, "done", "failed"),
        pack(50, 80, worker="box CPU #2"),
    )
    assert (info.workers, info.length_s, info.busy_s, info.there_s) == (2, 100.0, 160.0, 200.0)
    assert "2 workers were busy 80 % of 100.0 s" in busy_text(info)


def test_the_rest_of_a_pack_that_is_not_over_or_lost_is_told_by_its_epochs() -> None:
    lost = pack(0, None, "lost", "lost", seconds=12.0)
    half = [*pack(100, 130, "done", name="h"), *pack(100, None, "", name="h", seconds=9.0)]
    assert seconds(read_packs([*lost, *half])) == [24.0, 30.0]
    assert newest([*lost, *half]) == T0 + 130


def test_a_pack_ends_at_the_latest_when_the_next_begins_there() -> None:
    info = info_of(pack(0, None, "lost", seconds=500.0), pack(60, 90), pack(60, 90, worker="b"))
    assert (info.workers, info.busy_s) == (2, 120.0)


def test_what_nobody_worked_in_is_left_out() -> None:
    info = info_of(
        pack(0, 100),
        pack(0, 100, worker="box CPU #2"),
        pack(130, 200),
        pack(90_000, 90_100, "diverged"),
    )
    assert (info.length_s, info.busy_s, info.there_s) == (300.0, 370.0, 500.0)
    assert info.busy_share == pytest.approx(74)


def test_a_clock_that_was_set_back_breaks_nothing() -> None:
    draw = random.Random(0)
    for _ in range(50):
        jumps = (0.0, -3600.0, 3600.0, -3e8, 3e8)
        packs = [
            pack(
                10 * k + draw.choice(jumps),
                draw.choice((None, 10 * k + 8 + draw.choice(jumps))),
                draw.choice(("done", "lost", "", "its process died")),
                worker=f"box CPU #{k % 2}",
                name=f"p{k}",
                seconds=8.0,
            )
            for k in range(12)
        ]
        info = info_of(*packs)
        assert info.busy_s >= 0
        assert 0 <= info.busy_share <= 100


def view_of(folder: Path) -> SweepView:
    return load_view(make_ledger(folder, record({"C": [1, 10]}), epochs=5), "c_tau")


def test_the_first_screen_says_as_of_when(tmp_path: Path) -> None:
    text = origin_text(view_of(tmp_path))
    assert text.startswith("As of 2026-09-21 14:13 UTC: 12.0 s of device time over all attempts;")
    with Ledger.open(tmp_path, write=True) as ledger:
        ledger.record_plan(record({"C": [1, 10]}), [])
    assert origin_text(load_view(tmp_path, "c_tau")).startswith("0.0 s of device time")
    assert utc(0.0) == "1970-01-01 00:00 UTC"


def test_an_older_ledger_has_no_time(tmp_path: Path) -> None:
    view_of(tmp_path)
    make_old(tmp_path / "ledger.sqlite")
    assert origin_text(load_view(tmp_path, "c_tau")).startswith("12.0 s of device time")
    assert "any of them was at work" not in build_report(tmp_path, "c_tau").read_text("utf-8")


def test_machines_have_no_names_on_the_page(tmp_path: Path) -> None:
    view_of(tmp_path)
    page = build_report(tmp_path, "c_tau").read_text("utf-8")
    assert "any of them was at work" in page
    assert "box CPU" not in page
