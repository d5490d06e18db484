"""Two crossed parameters: the map of their cells, and whether they act apart."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from lps_sweep.report.cells import Cell
from lps_sweep.report.grid import grid_table, numeric_pairs, read_grid, variance_table
from lps_sweep.report.pages.pair import (
    count_label,
    draw_map,
    draw_residuals,
    sections,
)
from lps_sweep.results import SweepView, load_view
from tests.report.report_cases import C_TAU, make_ledger, record

FATES = {
    (15, 0.4, 2): "failed",
    (20, 0.6, 0): "diverged",
    (20, 0.6, 1): "failed",
    (20, 0.6, 2): "not_run",
}


def view_of(folder: Path, *known: Any, **more: Any) -> SweepView:
    return load_view(make_ledger(folder, *known, **more), "c_tau")


def _cell(*values: float, planned: int = 3, **causes: int) -> Cell:
    by_seed = dict(enumerate(values))
    named = dict.fromkeys(("acc_seen", "acc_novel", "acc_all"), by_seed)
    return Cell(planned, named, causes)


def test_cells_say_of_how_many_seeds_they_are() -> None:
    assert count_label(_cell(90.0, 91.0, 92.0), "acc_all") == "n 3"
    assert count_label(_cell(90.0, 91.0, failed=1), "acc_all") == "(2/3)"
    assert count_label(_cell(diverged=2, failed=1), "acc_all") == "several causes"
    assert count_label(_cell(failed=3), "acc_all") == "failed"
    assert count_label(_cell(planned=0), "acc_all") == "not planned"


def test_the_map_shows_every_cell_and_its_gaps_and_buttons_its_sd_and_n(tmp_path: Path) -> None:
    view = view_of(tmp_path, record(C_TAU), FATES, epochs=1)
    assert numeric_pairs(view) == [("C", "tau")]
    info = read_grid(view, "C", "tau")
    assert info.default == (2, 2)
    figure = draw_map(info)[1].figure
    buttons = {b.label: b.args for b in figure.layout.updatemenus[0].buttons}
    texts = {
        label: {(a["x"], a["y"]): a["text"] for a in notes["annotations"]}
        for label, (_, notes) in buttons.items()
    }
    assert texts["mean"] == {(a.x, a.y): a.text for a in figure.layout.annotations}
    assert len(texts["mean"]) == 25
    assert (texts["mean"][4, 4], figure.data[0].z[4][4]) == ("—<br>several causes", None)
    assert texts["mean"][3, 2].endswith("<br>(2/3)")
    sd = info.cells[0][0].mean_sd("acc_novel")[1]
    assert buttons["sd"][0]["z"][0][0][0] == pytest.approx(sd, abs=1e-4)
    assert texts["sd"][0, 0] == f"{sd:.1f}<br>n 3"
    assert (texts["sd"][3, 2], texts["n"][3, 2]) == ("—<br>(2/3)", "2<br>(2/3)")


def test_cells_like_the_best_are_outlined_together(tmp_path: Path) -> None:
    low = {(1, 0.2), (1, 0.4)}

    def finals(point: Sequence[Any], seed: int) -> dict[str, float]:
        value = (70.0 if tuple(point) in low else 90.0) + 0.1 * ((3 * seed + point[0]) % 4)
        return {"acc_seen": 99.0, "acc_novel": value, "acc_all": value}

    sweep = record({"C": [1, 5, 10], "tau": [0.2, 0.4]})
    info = read_grid(view_of(tmp_path, sweep, finals=finals), "C", "tau")
    assert info.near["acc_novel"] == {(i, j) for i in (0, 1) for j in (1, 2)}
    path = draw_map(info)[1].figure.layout.shapes[0].path
    assert len(path.split(" M")) == 8, "the sides of two by two cells, none between them"
    words = {row[:2]: row[-2] for row in grid_table(info).rows}
    assert {place for place, word in words.items() if word == "no"} == low


def test_too_few_seeds_or_too_many_cells_are_not_compared(tmp_path: Path) -> None:
    few = read_grid(view_of(tmp_path / "few", record(C_TAU, [0, 1]), epochs=1), "C", "tau")
    sweep = record({"C": list(range(1, 22)), "tau": [0.05 * i for i in range(1, 21)]})
    points = [(C, tau) for C in (1, 2) for tau in (0.05, 0.1)]
    many = read_grid(view_of(tmp_path / "many", sweep, epochs=1, points=points), "C", "tau")
    for info in (few, many):
        assert info.near == dict.fromkeys(("acc_seen", "acc_novel", "acc_all"), frozenset())
    assert [s.type for s in draw_map(few)[0].figure.layout.shapes] == ["rect", "rect"]
    assert {row[-1] for row in grid_table(few).rows} == {None}


def added(point: Sequence[Any], seed: int) -> dict[str, float]:
    """Effects that add up: one point per C, ten per tau, one per seed; no noise."""
    value = 50.0 + point[0] + 10 * point[1] + seed
    together = 6.0 if tuple(point) == (1, 0.2) else 0.0
    return {"acc_seen": value, "acc_novel": value + together, "acc_all": value}


def test_residuals_and_variance_of_effects_that_add_up(tmp_path: Path) -> None:
    sweep = record({"C": [1, 5, 10], "tau": [0.2, 0.4]})
    info = read_grid(view_of(tmp_path, sweep, epochs=1, finals=added), "C", "tau")
    assert info.lacks == ""
    for row in info.residuals("acc_seen"):
        assert row == pytest.approx((0.0, 0.0, 0.0), abs=1e-9)
    assert info.residuals("acc_novel") == [
        pytest.approx((2.0, -1.0, -1.0)),
        pytest.approx((-2.0, 1.0, 1.0)),
    ]
    heat = draw_residuals(info)[1].figure
    assert (heat.data[0].zmin, heat.data[0].zmax) == (-2.5, 2.5)
    rows = {row[:2]: row[2:] for row in variance_table(info).rows}
    mean = (1 + 5 + 10) / 3
    squares = 6 * ((1 - mean) ** 2 + (5 - mean) ** 2 + (10 - mean) ** 2)
    assert rows["Seen", "C"][0] == pytest.approx(squares)
    assert rows["Seen", "tau"][0] == pytest.approx(9 * 2 * 1.0)
    assert rows["Seen", "seed"][0] == pytest.approx(6 * 2.0)
    assert rows["Seen", "C \u00d7 tau"][0] == pytest.approx(0.0, abs=1e-9)
    novel = [row for key, row in rows.items() if key[0] == "Novel"]
    assert sum(float(str(row[2])) for row in novel) == pytest.approx(100)
    assert [row[3] for row in novel] == pytest.approx(
        [100 * df / 17 for df in (2, 1, 2, 2, 4, 2, 4)]
    )


@pytest.mark.parametrize(
    ("seeds", "fates", "words"),
    [
        ([0, 1], {(1, 0.2, 1): "failed"}, "1 of 25 cells lack seeds"),
        ([0], {}, "there is one seed"),
    ],
)
def test_an_incomplete_grid_has_no_variance_and_says_so(
    tmp_path: Path, seeds: list[int], fates: dict[tuple[Any, ...], str], words: str
) -> None:
    _, section = sections(view_of(tmp_path, record(C_TAU, seeds), fates, epochs=1))
    assert any(words in block for block in section.blocks if isinstance(block, str))
    assert section.tables == ()
    assert len(section.figures) == 1
