from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lps_sweep.report import build_report
from lps_sweep.report.cells import Cell
from lps_sweep.report.model import Figure, Table
from lps_sweep.report.pages.importance import draw_importance, importance_blocks
from lps_sweep.report.pages.search import (
    asked_table,
    draw_front,
    draw_history,
    front_figure,
    front_table,
    paper_point,
    plateau,
    plateau_table,
)
from lps_sweep.report.pages.search_parameters import (
    NONE_AT,
    draw_parallel,
    draw_ranks,
    draw_slices,
    rank_pairs,
)
from lps_sweep.report.searches import Configuration, Search, searches
from lps_sweep.results import Json, load_view
from lps_sweep.results.importance import Axis, importances
from tests.counted import counted_calls
from tests.report.report_cases import PAPER, SETTINGS, make_ledger, record

TAU = Axis("tau", "number", 0.1, 1.0)
C = Axis("C", "number", 1.0, 100.0, log=True)
SHAPE = Axis("shape", "choice", choices=("constant", "linear"))
START = Axis("start", "number", 0.0, 1.0)


def made(count: int, *, objectives: int = 1, seeds: int = 3, complete: bool = True) -> Search:
    """Tau strong, C weaker, shape flat; start only where the shape is linear."""
    draw = np.random.default_rng(4)
    found = []
    for number in range(1, count + 1):
        tau, c = (float(x) for x in draw.random(2))
        shape = ("constant", "linear")[number % 2]
        start = float(draw.random()) if shape == "linear" else None
        value = 80 + 10 * tau + 4 * c
        done = range(seeds if complete or number % 2 else 1)
        values = {
            "acc_novel": {s: value + 0.1 * (s - 1) for s in done},
            "acc_seen": {s: 99 - 6 * tau + 0.1 * (s - 1) for s in done},
        }
        names = ("acc_novel", "acc_seen")[:objectives]
        point = {"tau": 0.1 + 0.9 * tau, "C": 100**c, "shape": shape, "start": start}
        cell = Cell(seeds, {n: values[n] for n in names}, {})
        found.append(Configuration(number, point, cell, float(number % 7 + 1)))
    labels = ("oracle.acc_novel", "oracle.acc_seen")[:objectives]
    names = ("acc_novel", "acc_seen")[:objectives]
    return Search(names, labels, "random", seeds, tuple(found), (TAU, C, SHAPE, START))


def test_the_forests_tell_the_made_truth_and_the_rest_is_left_out() -> None:
    pytest.importorskip("sklearn")
    info = made(60)
    found = importances(
        [c.point for c in info.complete], list(map(info.mean, info.complete)), info.axes
    )
    assert not isinstance(found, str)
    assert found.conditional == ("start",)
    assert [name for name in found.shares if found.above_noise(name)] == ["tau", "C"]
    (panel,) = draw_importance(found)
    assert list(panel.figure.layout.yaxis.ticktext) == ["shape", "C", "tau"]
    figure, table = importance_blocks(info)
    assert isinstance(figure, Figure)
    assert isinstance(table, Table)
    assert [row[0] for row in table.rows] == ["tau", "C", "shape", "start", "(noise)"]
    assert table.muted == {len(table.rows) - 1}


def test_too_few_configurations_have_no_importance() -> None:
    (reason,) = importance_blocks(made(39))
    assert isinstance(reason, str)


def test_forests_that_explain_nothing_are_not_shown() -> None:
    pytest.importorskip("sklearn")
    info = made(48)
    draw = np.random.default_rng(0)
    flat = [
        replace(c, trials=Cell(3, {"acc_novel": dict.fromkeys(range(3), float(draw.normal()))}, {}))
        for c in info.configurations
    ]
    blocks = importance_blocks(replace(info, configurations=tuple(flat)))
    assert not [block for block in blocks if isinstance(block, Figure)]
    table = blocks[-1]
    assert isinstance(table, Table)
    assert {row[1] for row in table.rows} == {None}


@pytest.mark.parametrize(("module", "words"), [("sklearn", "scikit-learn"), ("optuna", "Optuna")])
def test_a_missing_package_is_named(
    monkeypatch: pytest.MonkeyPatch, module: str, words: str
) -> None:
    pytest.importorskip("sklearn")
    for name in [n for n in sys.modules if n.split(".")[0] == module]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, module, None)
    blocks = importance_blocks(made(44))
    assert any(
        words in block and "not installed" in block for block in blocks if isinstance(block, str)
    )


def test_the_plateau_is_cheapest_first() -> None:
    values = {1: (90.0, 5.0), 2: (89.8, 1.0), 3: (89.4, 0.5), 4: (89.6, 2.0)}
    found = [
        Configuration(
            n, {"tau": n / 10}, Cell(3, {"acc_novel": {s: v + s - 1 for s in range(3)}}, {}), cost
        )
        for n, (v, cost) in values.items()
    ]
    info = Search(("acc_novel",), ("oracle.acc_novel",), "tpe", 3, tuple(found), (TAU,))
    assert [c.number for c in plateau(info, 0.5)] == [2, 4, 1]
    table = plateau_table(info, 0.5)
    assert table.marked == {2}
    first = dict(zip([c.key for c in table.columns], table.rows[0], strict=True))
    assert (first["configuration"], first["n"], first["seconds"]) == (2, 3, 1.0)
    assert first["mean"] == pytest.approx((89.8, 1.0))
    assert first["difference"] == pytest.approx(-0.2)
    assert first["interval95"] == pytest.approx((-0.2, -0.2))


def test_the_front_its_volume_and_its_bars() -> None:
    info = made(30, objectives=2)
    ahead = info.front
    means = [(info.mean(c, 0), info.mean(c, 1)) for c in info.complete]
    slow = [a for a in means if not any(b[0] >= a[0] and b[1] >= a[1] and a != b for b in means)]
    assert [(info.mean(c, 0), info.mean(c, 1)) for c in ahead] == sorted(slow)
    grid = np.linspace(0, 100, 2001)
    x, y = np.meshgrid(grid, grid)
    inside = np.zeros_like(x, dtype=bool)
    for a, b in slow:
        inside |= (x <= a) & (y <= b)
    assert info.hypervolume == pytest.approx(100 * inside.mean(), abs=0.2)
    *_, diamonds = draw_front(info)[0].figure.data
    assert list(diamonds.error_x.array) == pytest.approx([0.1] * len(ahead))
    assert len(front_table(info).rows) == len(ahead)


def test_the_paper_s_point_only_in_its_setting() -> None:
    for settings, point, drawn in ((PAPER, (93.4, 90.2), 4), (SETTINGS, None, 3)):
        info = replace(made(5, objectives=2), settings=settings)
        assert paper_point(info) == point
        assert len(front_figure(info).draw()[0].figure.data) == drawn


def test_parallel_coordinates_are_few_lines_with_a_none_tick() -> None:
    info = made(300)
    (panel,) = draw_parallel(info)
    assert len(panel.figure.data) == 21
    assert all(trace.type == "scatter" for trace in panel.figure.data)
    others = panel.figure.data[0]
    assert list(others.x).count(None) == 80
    best = panel.figure.data[-1]
    assert best.y[-1] == 1.0
    assert "None" in [note.text for note in panel.figure.layout.annotations]
    assert NONE_AT in others.y
    assert len(draw_parallel(made(12))[0].figure.data) == 3, "a fifth at the most are the best"


def test_ranks_are_of_numeric_parameters_that_all_have() -> None:
    info = made(20)
    assert [(a.name, b.name) for a, b in rank_pairs(info)] == [("tau", "C")]
    (panel,) = draw_ranks(info)
    dots, ring = panel.figure.data
    assert sorted(dots.marker.color) == list(range(1, 21))
    assert dots.marker.color[-1] == 1, "the best lies on top"
    best = max(info.complete, key=info.mean)
    assert ring.x[0] == pytest.approx(best.point["tau"], rel=1e-4)
    assert panel.figure.layout.yaxis.type == "log"


def test_incomplete_configurations_are_drawn_by_their_state() -> None:
    info = made(10, complete=False)
    states = {2: "stopped", 4: "failed", 6: "failed", 8: "not_run"}
    configurations = tuple(
        replace(c, trials=replace(c.trials, causes={states[c.number]: 2, "not_run": 1}))
        if c.number in states
        else c
        for c in info.configurations
    )
    info = replace(info, configurations=configurations)
    *_, stopped, failed, not_run, unknown = draw_history(info)[0].figure.data
    drawn = (stopped, failed, not_run, unknown)
    assert [list(trace.x) for trace in drawn] == [[2], [4, 6], [8], [10]]
    assert len({(trace.marker.symbol, trace.marker.color) for trace in drawn}) == 4
    (best,) = (trace for trace in draw_history(info)[0].figure.data if trace.mode == "lines")
    assert list(best.x) == [1, 3, 5, 7, 9], "they enter nothing"


def test_ranks_are_among_all_where_some_are_drawn() -> None:
    dots, _ = draw_ranks(made(1100))[0].figure.data
    assert len(dots.marker.color) == 1000
    assert max(dots.marker.color) > 1000
    assert dots.marker.cmax == 1100


def test_four_thousand_configurations_stay_small() -> None:
    numbers = []
    for count in (10, 1000, 4000):
        info = made(count)
        with counted_calls() as calls:
            panels = [
                *draw_history(info),
                *draw_slices(info),
                *draw_ranks(info),
                *draw_parallel(info),
            ]
            table = asked_table(info)
        numbers.append(calls.number)
    assert numbers[2] < 2 * numbers[1], "of four times as many; much is drawn of the best thousand"
    size = sum(len(panel.figure.to_json()) for panel in panels)
    assert size < 1_500_000
    assert len(table.rows) == 1000


@pytest.mark.parametrize("recorded", [True, False])
def test_domains_come_from_the_record_or_from_what_was_asked(
    tmp_path: Path, recorded: bool
) -> None:
    domains: list[Json] = [
        {"name": "C", "kind": "float", "low": 0.5, "high": 30, "log": True},
        {"name": "tau", "kind": "float", "low": 0.1, "high": 0.9, "log": False},
        {"name": "shape", "kind": "choice", "choices": ["a", "b", "c"]},
    ]
    search: dict[str, Json] = {"objectives": ["oracle.acc_all"], "sampler": "tpe"}
    if recorded:
        search["domains"] = domains
    sweep = record({"C": [1, 5], "tau": [0.2, 0.4], "shape": ["a", "b"]}, search=search)
    points: Sequence[tuple[Any, ...]] = [(1, 0.2, "a"), (5, 0.4, "b")]
    (info,) = searches(load_view(make_ledger(tmp_path, sweep, points=points, epochs=1), "c_tau"))
    assert info.axes == (
        (
            Axis("C", "number", 0.5, 30.0, log=True),
            Axis("tau", "number", 0.1, 0.9),
            Axis("shape", "choice", choices=("a", "b", "c")),
        )
        if recorded
        else (
            Axis("C", "number", 1.0, 5.0),
            Axis("tau", "number", 0.2, 0.4),
            Axis("shape", "choice", choices=("a", "b")),
        )
    )
    assert info.configurations[0].seconds == pytest.approx(3 * 0.4)


def test_a_hostile_choice_is_only_text_and_the_bytes_repeat(tmp_path: Path) -> None:
    search: dict[str, Json] = {"objectives": ["oracle.acc_all"], "sampler": "<b>"}
    words: list[Json] = ["</script><img src=x>", "b"]
    pages = []
    for name in ("a", "b"):
        sweep = record({"shape": words, "C": [1, 5]}, [0, 1], search=search, margin=5.0)
        folder = make_ledger(tmp_path / name, sweep, epochs=1)
        pages.append(build_report(folder, "c_tau").read_text(encoding="utf-8"))
    assert pages[0] == pages[1]
    assert "<img" not in pages[0]
    assert "table-search_plateau" in pages[0]
