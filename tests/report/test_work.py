"""Workers in time: bars, pauses, idle time, and the time of the newest record."""

from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path

import pytest

from lps_sweep.report import build_report
from lps_sweep.report.figures.work import blocks, draw_work
from lps_sweep.report.figures.work_bars import MOST_ROWS, bars, left_ends
from lps_sweep.report.figures.work_info import (
    GRAVEST,
    WorkInfo,
    end_kind,
    newest,
    pack_runs,
    work_info,
)
from lps_sweep.report.figures.work_tables import (
    ENDS,
    MOST_LISTED,
    work_table,
    workers_table,
)
from lps_sweep.report.html import _SYMBOL_SHAPES
from lps_sweep.report.section import Figure
from lps_sweep.report.summary import origin_text
from lps_sweep.results import Ledger, SweepView, load_view
from lps_sweep.results.times import AttemptTimes, utc
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
) -> list[AttemptTimes]:
    """A pack with a trial for each of `ends`; times count from `T0`."""
    last = None if end is None else T0 + end
    return [
        AttemptTimes(f"t{i}", 1, name, worker, T0 + begin, last, word, seconds)
        for i, word in enumerate(ends or ("done",))
    ]


def info_of(*packs: Sequence[AttemptTimes]) -> WorkInfo:
    info = work_info(one for members in packs for one in members)
    assert info is not None
    return info


def two_workers() -> WorkInfo:
    return info_of(
        pack(0, 40, "done", "done"),
        pack(10, 50, worker="box CPU #2"),
        pack(50, 100, "done", "failed"),
        pack(50, 80, worker="box CPU #2"),
    )


def test_busy_and_idle_by_hand() -> None:
    info = two_workers()
    assert info.labels == ("CPU worker 1", "CPU worker 2")
    assert info.stretches == ((T0, T0 + 100),)
    assert info.busy_s == (90.0, 70.0)
    assert info.there_s == (100.0, 100.0)
    assert (info.busy_share, info.idle_s, info.total_s) == (0.8, 40.0, 100.0)
    assert [(r.worker[-1], r.idle_s, r.end) for r in info.runs] == [
        ("1", 0.0, "done"),
        ("2", 10.0, "done"),
        ("1", 10.0, "failed"),
        ("2", 0.0, "done"),
    ]
    figure, *_ = blocks(info)
    assert isinstance(figure, Figure)
    assert figure.title == "2 workers were busy 80 % of 100.0 s"
    assert [key.label for key in figure.keys] == ["done", "failed"]
    assert "Hatched" not in figure.caption


def test_the_tables_by_hand() -> None:
    info = two_workers()
    assert workers_table(info).rows == (
        ("CPU worker 1", 2, 4, 90.0, 10.0, 10.0),
        ("CPU worker 2", 2, 2, 70.0, 30.0, 30.0),
        ("all", 4, 6, 160.0, 40.0, 20.0),
    )
    table = work_table(info)
    assert table.rows[2] == (
        *(50.0, 100.0, "CPU worker 1", "p", 2, "1 done, 1 failed", "yes", 10.0, 1),
    )
    assert "after 2026-09-21 14:13 UTC" in table.caption


def test_the_drawing_has_a_bar_per_pack_and_a_mark_per_bad_end() -> None:
    (panel,) = draw_work(two_workers())
    drawn = [t for t in panel.figure.data if t.type == "bar"]
    assert [list(zip(t.base, t.x, t.y, strict=True)) for t in drawn] == [
        [(0.0, 40.0, 0), (10.0, 40.0, 1), (50.0, 30.0, 1)],
        [(50.0, 50.0, 0)],
    ]
    (mark,) = (t for t in panel.figure.data if t.type == "scatter")
    assert (mark.marker.symbol, list(mark.x)) == ("x", [100.0])
    assert panel.figure.layout.yaxis.ticktext == ("CPU worker 1", "CPU worker 2")
    assert "1 done, 1 failed" in drawn[1].text[0]
    assert panel.description == "2 workers, 4 packs, 80 % busy"


def test_the_rest_of_a_pack_that_is_not_over_or_lost_is_told_by_its_epochs() -> None:
    lost = pack(0, None, "lost", "lost", seconds=12.0)
    half = [*pack(100, 130, "done", name="h"), *pack(100, None, "", name="h", seconds=9.0)]
    runs = pack_runs([*lost, *half])
    assert [(r.seconds, r.known, r.end) for r in runs] == [
        (24.0, False, "lost"),
        (30.0, False, "open"),
    ]
    assert newest([*lost, *half]) == T0 + 130
    figure, *_ = blocks(info_of(lost, half))
    assert isinstance(figure, Figure)
    assert "Hatched" in figure.caption
    (panel,) = figure.draw()
    assert {t.marker.pattern.shape for t in panel.figure.data if t.type == "bar"} == {"/"}


def test_a_pack_ends_at_the_latest_when_the_next_begins_there() -> None:
    info = info_of(pack(0, None, "lost", seconds=500.0), pack(60, 90), pack(60, 90, worker="b"))
    assert [(r.worker, r.seconds) for r in info.runs] == [
        ("box CPU #1", 60.0),
        ("b", 30.0),
        ("box CPU #1", 30.0),
    ]


def test_what_nobody_worked_in_is_left_out() -> None:
    info = info_of(
        pack(0, 100),
        pack(0, 100, worker="box CPU #2"),
        pack(130, 200),
        pack(90_000, 90_100, "diverged"),
    )
    assert info.stretches == ((T0, T0 + 200), (T0 + 90_000, T0 + 90_100))
    assert info.total_s == 300.0
    assert info.there_s == (300.0, 200.0), "nobody waits for work in a stretch without a pack"
    assert info.busy_share == pytest.approx(370 / 500)
    assert [r.idle_s for r in info.runs] == [0.0, 0.0, 30.0, 0.0]
    assert info.last_workers == 1
    assert left_ends(info) == [0.0, 200.0]
    (panel,) = draw_work(info)
    assert [s.x0 for s in panel.figure.layout.shapes] == [pytest.approx(200 / 60)]
    assert [a.text for a in panel.figure.layout.annotations] == ["+24.9 h"]
    assert "24.9 h are left out" in str(vars(blocks(info)[0])["caption"])


def test_a_clock_that_was_set_back_breaks_nothing() -> None:
    draw = random.Random(0)
    for _ in range(200):
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
        assert len(info.runs) == 12
        assert all(run.seconds >= 0 and run.idle_s >= 0 for run in info.runs)
        assert 0 <= (info.busy_share or 0) <= 1
        found, _ = bars(info)
        assert all(-1e-3 <= b.begin_s <= b.end_s <= info.total_s + 1e-3 for b in found)
        draw_work(info)
        work_table(info)


def test_an_end_before_its_begin_is_no_end() -> None:
    (run,) = pack_runs(pack(100, 50, seconds=7.0))
    assert (run.seconds, run.known) == (7.0, False)


@pytest.mark.parametrize(
    ("ended", "kind"),
    [
        ("done", "done"),
        ("stopped", "stopped"),
        ("failed, tried again: OSError, full", "failed"),
        ("diverged", "diverged"),
        ("lost", "lost"),
        ("", "open"),
        ("waits after epoch 4 for those that it is compared with", "waits"),
        ("out of memory: 3 GiB", "given_up"),
        ("its process died", "given_up"),
    ],
)
def test_the_words_of_the_ledger(ended: str, kind: str) -> None:
    assert end_kind(ended) == kind


def test_every_end_has_a_key_that_can_be_drawn() -> None:
    assert set(ENDS) == set(GRAVEST)
    assert len({key.colour for key in ENDS.values()}) == len(ENDS)
    assert len({key.symbol for key in ENDS.values()}) == len(ENDS)
    assert {key.symbol for key in ENDS.values()} <= set(_SYMBOL_SHAPES)


def test_workers_are_called_by_what_tells_them_apart() -> None:
    names = ["a GPU 10 #1", "a GPU 2 #2", "a GPU 2 #1", "b CPU #1", "odd <b>"]
    info = info_of(*(pack(0, 9, worker=name, name=name) for name in names))
    assert info.workers == ("a GPU 2 #1", "a GPU 2 #2", "a GPU 10 #1", "b CPU #1", "odd <b>")
    assert info.labels == (
        "machine 1, GPU 2, place 1",
        "machine 1, GPU 2, place 2",
        "machine 1, GPU 10",
        "machine 2, CPU worker 1",
        "odd <b>",
    )
    (panel,) = draw_work(info)
    assert panel.figure.layout.yaxis.ticktext[-1] == "odd &lt;b&gt;"


def test_ten_thousand_packs_are_few_bars_that_keep_idle_time_and_ends() -> None:
    packs = [
        pack(
            k // 80 * 10.0,
            k // 80 * 10.0 + 8,
            "failed" if k == 5000 else "done",
            worker=f"box GPU 0 #{k % 80}",
            name=f"p{k}",
        )
        for k in range(10_000)
    ]
    info = info_of(*packs)
    found, slot = bars(info, 1000)
    assert slot > 0
    assert len(found) <= 1000
    assert {bar.row for bar in found} == set(range(MOST_ROWS))
    shown = [run for run in info.runs if run.worker in info.workers[:MOST_ROWS]]
    assert sum(bar.packs.total() for bar in found) == len(shown)
    drawn = sum(bar.end_s - bar.begin_s for bar in found)
    assert drawn == pytest.approx(sum(run.seconds for run in shown))
    assert [bar.kind for bar in found if bar.packs["failed"]] == ["done"]
    (panel,) = draw_work(info)
    (mark,) = (t for t in panel.figure.data if t.type == "scatter")
    assert len(mark.x) == 1
    assert len(work_table(info).rows) == MOST_LISTED
    figure, *_ = blocks(info)
    assert isinstance(figure, Figure)
    assert "Of the 10000 packs those that a worker began within the same" in figure.caption
    assert f"The first {MOST_ROWS} of 80 workers." in figure.caption


def view_of(folder: Path) -> SweepView:
    return load_view(make_ledger(folder, record({"C": [1, 10]}), epochs=5), "c_tau")


def test_the_first_screen_says_as_of_when(tmp_path: Path) -> None:
    text = origin_text(view_of(tmp_path))
    assert text.startswith("As of 2026-09-21 14:13 UTC: 12.0 s of device time over all attempts;")
    with Ledger.open(tmp_path, write=True) as ledger:
        ledger.record_plan(record({"C": [1, 10]}), [])
    assert origin_text(load_view(tmp_path, "c_tau")).startswith("0.0 s of device time")
    assert utc(0.0) == "1970-01-01 00:00 UTC"


def test_an_older_ledger_has_no_time_and_no_figure(tmp_path: Path) -> None:
    view_of(tmp_path)
    make_old(tmp_path / "ledger.sqlite")
    assert origin_text(load_view(tmp_path, "c_tau")).startswith("12.0 s of device time")
    page = build_report(tmp_path, "c_tau").read_text(encoding="utf-8")
    assert 'id="work_figure"' not in page
    assert "As of" not in page


def test_the_page_has_the_figure_and_its_bytes_are_the_ledgers(tmp_path: Path) -> None:
    pages = []
    for name in "ab":
        view_of(tmp_path / name)
        pages.append(build_report(tmp_path / name, "c_tau").read_bytes())
    assert pages[0] == pages[1]
    assert b'<figure id="work_figure"><h3>2 workers were busy 93 % of 29.0 s' in pages[0]
    assert b"box CPU" not in pages[0], "machines have no names here"
