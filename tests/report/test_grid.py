from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from lps_sweep.report.cells import Cell
from lps_sweep.report.figures.grid import NARROWEST, colour_range, draw_grid
from lps_sweep.report.figures.grid_cells import (
    GridInfo,
    cell_label,
    grid_info,
    grid_table,
    near_text,
    numeric_pairs,
)
from lps_sweep.report.figures.slices import slice_info
from lps_sweep.results import SweepView, load_view
from tests.report.report_cases import C_TAU, make_ledger, record

FATES = {
    (15, 0.4, 2): "failed",
    (20, 0.6, 0): "diverged",
    (20, 0.6, 1): "failed",
    (20, 0.6, 2): "not_run",
}


@pytest.fixture(scope="module")
def view(tmp_path_factory: pytest.TempPathFactory) -> SweepView:
    folder = make_ledger(tmp_path_factory.mktemp("results"), record(C_TAU), FATES, epochs=5)
    return load_view(folder, "c_tau")


def _cell(*values: float, planned: int = 3, **causes: int) -> Cell:
    by_seed = dict(enumerate(values))
    named = dict.fromkeys(("acc_seen", "acc_novel", "acc_all"), by_seed)
    return Cell(planned, named, causes)


def test_cell_labels() -> None:
    assert cell_label(_cell(90.0, 91.0, 92.0), "acc_all") == ("91.0", "n 3")
    assert cell_label(_cell(90.0, 91.0, failed=1), "acc_all") == ("90.5", "(2/3)")
    assert cell_label(_cell(diverged=2, failed=1), "acc_all") == ("—", "1 failed, 2 diverged")
    assert cell_label(_cell(planned=0), "acc_all") == ("—", "not planned")


def test_the_grid_shows_every_cell_and_its_gaps(view: SweepView) -> None:
    assert numeric_pairs(view) == [("C", "tau")]
    info = grid_info(view, "C", "tau")
    assert info.default == (2, 2)
    panel = draw_grid(info)[1]
    assert len(panel.figure.layout.annotations) == 25
    texts = {(a.x, a.y): a.text for a in panel.figure.layout.annotations}
    assert texts[4, 4] == "—<br>several causes"
    assert texts[3, 2].endswith("<br>(2/3)")
    assert panel.figure.data[0].z[4][4] is None
    kinds = [shape.type for shape in panel.figure.layout.shapes]
    assert kinds == ["path", "rect", "rect"]


def test_buttons_show_sd_and_n_in_place_of_the_mean(view: SweepView) -> None:
    info = grid_info(view, "C", "tau")
    layout = draw_grid(info)[1].figure.layout
    buttons = {b.label: b.args for b in layout.updatemenus[0].buttons}
    assert list(buttons) == ["mean", "sd", "n"]
    texts = {
        label: {(a["x"], a["y"]): a["text"] for a in notes["annotations"]}
        for label, (_, notes) in buttons.items()
    }
    assert texts["mean"] == {(a.x, a.y): a.text for a in layout.annotations}
    found = info.cells[0][0].stats("acc_novel")
    assert found is not None
    assert found.sd is not None
    assert buttons["sd"][0]["z"][0][0][0] == pytest.approx(found.sd, abs=1e-4)
    assert texts["sd"][0, 0] == f"{found.sd:.1f}<br>n 3"
    assert (texts["sd"][3, 2], texts["sd"][4, 4]) == ("—<br>(2/3)", "—<br>several causes")
    assert (texts["n"][3, 2], texts["n"][4, 4]) == ("2<br>of 3", "0<br>several causes")
    assert (buttons["n"][0]["z"][0][4][4], buttons["n"][0]["zmax"]) == (0.0, [3.0])
    hover = draw_grid(info)[1].figure.data[0].customdata
    assert f"± {found.sd:.1f}, n 3" in hover[0][0]


def test_one_factor_at_a_time_has_no_grid(tmp_path: Path) -> None:
    points = [(1, 0.4), (10, 0.4), (10, 0.2)]
    sweep = record({"C": [1, 10], "tau": [0.2, 0.4]})
    view = load_view(make_ledger(tmp_path, sweep, points=points), "c_tau")
    assert numeric_pairs(view) == []
    assert [cell.planned for cell in slice_info(view, "C").cells] == [3, 3]


def test_a_narrow_grid_keeps_a_wide_scale() -> None:
    cells = ((_cell(99.4), _cell(99.6)),)
    info = GridInfo("C", "tau", (1, 2), (0.4,), cells, None, {}, {})
    low, high = colour_range(info, "acc_seen")
    assert high - low == pytest.approx(NARROWEST)
    assert high <= 100.0


def test_cells_like_the_best_are_outlined_together(tmp_path: Path) -> None:
    low = {(1, 0.2), (1, 0.4)}

    def finals(point: Sequence[Any], seed: int) -> dict[str, float]:
        value = (70.0 if tuple(point) in low else 90.0) + 0.1 * ((3 * seed + point[0]) % 4)
        return {"acc_seen": 99.0, "acc_novel": value, "acc_all": value}

    sweep = record({"C": [1, 5, 10], "tau": [0.2, 0.4]})
    view = load_view(make_ledger(tmp_path, sweep, finals=finals), "c_tau")
    info = grid_info(view, "C", "tau")
    assert info.near["acc_novel"] == {(i, j) for i in (0, 1) for j in (1, 2)}
    assert near_text(info, "acc_novel") == "4 of 6 cells are not distinguishable from the best"
    path = draw_grid(info)[1].figure.layout.shapes[0].path
    assert sorted(path.split(" M")) == sorted(
        [
            *("M0.5,-0.5L1.5,-0.5", "1.5,-0.5L2.5,-0.5", "0.5,1.5L1.5,1.5", "1.5,1.5L2.5,1.5"),
            *("0.5,-0.5L0.5,0.5", "0.5,0.5L0.5,1.5", "2.5,-0.5L2.5,0.5", "2.5,0.5L2.5,1.5"),
        ]
    )
    words = {row[:2]: row[-2] for row in grid_table(info).rows}
    assert {place for place, word in words.items() if word == "no"} == low


def test_too_few_seeds_outline_nothing(tmp_path: Path) -> None:
    view = load_view(make_ledger(tmp_path, record(C_TAU, [0, 1])), "c_tau")
    info = grid_info(view, "C", "tau")
    assert info.near == dict.fromkeys(("acc_seen", "acc_novel", "acc_all"), frozenset())
    assert [s.type for s in draw_grid(info)[0].figure.layout.shapes] == ["rect", "rect"]
    assert {row[-1] for row in grid_table(info).rows} == {None}
    assert near_text(info, "acc_all").startswith("cells are not compared")


def test_very_large_grids_are_not_compared(tmp_path: Path) -> None:
    sweep = record({"C": list(range(1, 22)), "tau": [0.05 * i for i in range(1, 21)]}, [0, 1, 2])
    points = [(C, tau) for C in (1, 2) for tau in (0.05, 0.1)]
    view = load_view(make_ledger(tmp_path, sweep, epochs=1, points=points), "c_tau")
    assert grid_info(view, "C", "tau").near["acc_all"] == frozenset()
