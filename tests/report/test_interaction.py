from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from lps_sweep.report.figures.interaction import (
    draw_lines,
    draw_residuals,
    interaction_info,
    line_keys,
    sections,
    variance_table,
)
from lps_sweep.report.section import Figure
from lps_sweep.results import SweepView, load_view
from tests.report.report_cases import C_TAU, make_ledger, record


def added(point: Sequence[Any], seed: int) -> dict[str, float]:
    """Effects that add up: one point per C, ten per tau, one per seed; no noise."""
    value = 50.0 + point[0] + 10 * point[1] + seed
    together = 6.0 if tuple(point) == (1, 0.2) else 0.0
    return {"acc_seen": value, "acc_novel": value + together, "acc_all": value}


@pytest.fixture(scope="module")
def view(tmp_path_factory: pytest.TempPathFactory) -> SweepView:
    sweep = record({"C": [1, 5, 10], "tau": [0.2, 0.4]})
    folder = make_ledger(tmp_path_factory.mktemp("results"), sweep, epochs=1, finals=added)
    return load_view(folder, "c_tau")


def test_residuals_are_zero_where_effects_add_up(view: SweepView) -> None:
    info = interaction_info(view, "C", "tau")
    assert info.missing == ""
    for row in info.residuals["acc_seen"]:
        assert row == pytest.approx((0.0, 0.0, 0.0), abs=1e-9)
    assert info.residuals["acc_novel"][0] == pytest.approx((2.0, -1.0, -1.0))
    assert info.residuals["acc_novel"][1] == pytest.approx((-2.0, 1.0, 1.0))


def test_the_variance_table(view: SweepView) -> None:
    info = interaction_info(view, "C", "tau")
    rows = {row[:2]: row[2:] for row in variance_table(info).rows}
    assert len(rows) == 15
    C = rows["Seen", "C"]
    mean = (1 + 5 + 10) / 3
    squares = 6 * ((1 - mean) ** 2 + (5 - mean) ** 2 + (10 - mean) ** 2)
    assert C[0] == pytest.approx(squares)
    assert C[1] == 2
    assert rows["Seen", "tau"][0] == pytest.approx(9 * 2 * 1.0)
    assert rows["Seen", "seed"][0] == pytest.approx(6 * 2.0)
    assert rows["Seen", "C \u00d7 tau"][0] == pytest.approx(0.0, abs=1e-9)
    assert rows["Seen", "residual"][1] == 10
    shares = [row[2] for key, row in rows.items() if key[0] == "Novel"]
    assert sum(float(s) for s in shares if isinstance(s, float)) == pytest.approx(100)
    chances = [row[3] for key, row in rows.items() if key[0] == "Novel"]
    assert chances == pytest.approx([100 * df / 17 for df in (2, 1, 2, 2, 10)])


def test_lines_and_heatmaps(view: SweepView) -> None:
    info = interaction_info(view, "C", "tau")
    assert [key.label for key in line_keys(info.grid)] == ["tau = 0.2", "tau = 0.4 (default)"]
    panel = draw_lines(info)[0]
    lines = [trace for trace in panel.figure.data if trace.mode == "lines+markers"]
    assert list(lines[1].y) == [56.0, 60.0, 65.0]
    assert list(lines[1].x) == [1, 5, 10]
    dots = [trace for trace in panel.figure.data if trace.mode == "markers"]
    assert [len(trace.x) for trace in dots] == [9, 9]
    heat = draw_residuals(info)[1]
    assert (heat.figure.data[0].zmin, heat.figure.data[0].zmax) == (-2.5, 2.5)
    texts = {(a.x, a.y): a.text for a in heat.figure.layout.annotations}
    assert texts[0, 1] == "\u22122.0"
    assert texts[0, 0] == "+2.0"


def test_the_title_says_what_chance_alone_gives(tmp_path: Path) -> None:
    view = load_view(make_ledger(tmp_path, record(C_TAU), epochs=1), "c_tau")
    (section,) = sections(view)
    title = next(block.title for block in section.blocks if isinstance(block, Figure))
    assert "% (5 % by chance), tau" in title
    assert title.endswith("% (22 % by chance)")
    seen = draw_lines(interaction_info(view, "C", "tau"))[0].figure.layout.yaxis.range
    assert 100 < seen[1] <= 100.5, "no accuracy is above 100"
    rows = variance_table(interaction_info(view, "C", "tau")).rows
    assert [row[-1] is None for row in rows[:5]] == [False] * 4 + [True]
    found = next(row[-1] for row in rows if row[:2] == ("Novel", "C"))
    assert isinstance(found, tuple)
    low, high = (float(end or 0) for end in found)
    assert 0 <= low < high < 100


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
    view = load_view(make_ledger(tmp_path, record(C_TAU, seeds), fates, epochs=1), "c_tau")
    (section,) = sections(view)
    assert words in interaction_info(view, "C", "tau").missing
    assert any(words in block for block in section.blocks if isinstance(block, str))
    assert section.tables == ()
    assert sum(isinstance(block, Figure) for block in section.blocks) == 1


def test_nothing_run(tmp_path: Path) -> None:
    folder = make_ledger(tmp_path, record(C_TAU), otherwise="not_run")
    (section,) = sections(load_view(folder, "c_tau"))
    assert not any(isinstance(block, Figure) for block in section.blocks)
