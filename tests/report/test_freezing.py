from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from lps_sweep.report.figures.freezing import (
    depth,
    draw_freezing,
    freezing_info,
    freezing_table,
    paper_freezing_table,
    sections,
)
from lps_sweep.results import Json, SweepView, load_view
from tests.report.report_cases import PAPER, SETTINGS, make_ledger, record


def finals(point: Sequence[Any], seed: int) -> dict[str, float]:
    value = 90.0 + 0.3 * seed + {"none": 3.0, "stage1": 1.0}.get(point[0], 0.2 * (seed % 2))
    return {"acc_seen": value, "acc_novel": value, "acc_all": value}


def view_of(
    folder: Path, levels: Sequence[Json], settings: dict[str, Json], **known: Any
) -> SweepView:
    sweep = record({"frozen_through": levels}, range(4), settings=settings, name="freezing")
    return load_view(make_ledger(folder, sweep, epochs=2, finals=finals, **known), "freezing")


def test_levels_go_from_most_to_least_frozen(tmp_path: Path) -> None:
    view = view_of(tmp_path, ["none", "stage3", "stem", "stage1"], dict(PAPER))
    info = freezing_info(view)
    assert info is not None
    assert info.levels == ("stage3", "stage1", "stem", "none")
    assert info.default == 0
    assert [depth(level) for level in info.levels] == [4, 2, 1, 0]
    novel = info.differences["acc_novel"]
    assert [found and found.word for found in novel] == [None, "better", "inconclusive", "better"]
    assert info.reference.numbers == {
        (0, "acc_seen"): 90.2,
        (0, "acc_novel"): 93.4,
        (0, "acc_all"): 92.4,
        (3, "acc_seen"): 95.0,
        (3, "acc_novel"): 95.5,
        (3, "acc_all"): 95.3,
    }
    assert info.reference.table == 3
    assert info.reference.comparable


def test_with_ten_percent_labeled_the_paper_is_table_9(tmp_path: Path) -> None:
    settings = {**PAPER, "dataset": "cifar100", "labeled_ratio": 0.1}
    info = freezing_info(view_of(tmp_path, ["stage3", "none"], settings))
    assert info is not None
    assert info.reference.table == 9
    assert [info.reference.numbers[i, "acc_all"] for i in (0, 1)] == [47.5, 47.3]
    assert "not stated" in info.reference.caption


def test_the_table_has_the_seconds_and_the_paper(tmp_path: Path) -> None:
    view = view_of(tmp_path, ["stage3", "none"], dict(SETTINGS))
    info = freezing_info(view)
    assert info is not None
    table = freezing_table(view, info)
    keys = [column.key for column in table.columns]
    row = dict(zip(keys, table.rows[1], strict=True))
    assert (row["frozen_through"], row["seconds"], row["acc_all_paper"]) == ("none", 0.8, 95.3)
    assert "acc_all_difference" not in keys
    assert "Table 1" in table.caption


def test_what_a_trial_costs_is_the_median_of_the_done_ones(tmp_path: Path) -> None:
    view = view_of(tmp_path, ["stage3", "none"], dict(SETTINGS))
    info = freezing_info(view)
    assert info is not None
    assert "trained_weights" not in [c.key for c in freezing_table(view, info).columns]
    tuned = view.trials["frozen_through"] == "none"
    view.trials["trained_weights"] = tuned.map({True: 60_400.0, False: 37_000.0})
    view.trials["peak_memory_mb"] = [float("nan")] * len(view.trials)
    table = freezing_table(view, info)
    keys = [column.key for column in table.columns]
    rows = [dict(zip(keys, row, strict=True)) for row in table.rows]
    assert [row["trained_weights"] for row in rows] == [37_000, 60_400]
    assert [row["peak_memory_mb"] for row in rows] == [None, None]


def test_lines_join_the_levels_of_a_seed_and_the_paper_s_two(tmp_path: Path) -> None:
    info = freezing_info(view_of(tmp_path, ["stage3", "stage1", "none"], dict(PAPER)))
    assert info is not None
    panel = draw_freezing(info)[1]
    lines = [t for t in panel.figure.data if t.mode == "lines+markers"]
    seeds = [t for t in lines if t.marker.symbol != "diamond-open"]
    assert len(seeds) == 4
    assert list(seeds[0].y) == [90.0, 91.0, 93.0]
    (paper,) = [t for t in lines if t.marker.symbol == "diamond-open"]
    assert list(paper.y) == [93.4, None, 95.5]
    assert list(panel.figure.layout.xaxis.ticktext)[1:] == ["stage1", "none"]


def test_the_paper_s_tables_3_and_9_whole() -> None:
    table = paper_freezing_table()
    assert len(table.rows) == 14
    found = {row[:3]: row[-1] for row in table.rows}
    assert found["LPS", "CIFAR-10", 50.0] == pytest.approx(2.9)
    assert found["LPS", "CIFAR-100", 50.0] == pytest.approx(6.3)
    lost = [found[m, d, 10.0] for m in ("ORCA", "NACH") for d in ("CIFAR-10", "CIFAR-100")]
    assert lost == pytest.approx([-4.6, -9.0, -7.3, -6.4])


def test_the_section(tmp_path: Path) -> None:
    (section,) = sections(view_of(tmp_path, ["stage3", "none"], dict(SETTINGS)))
    assert [t.slug for t in section.tables] == [
        "freezing",
        "freezing_differences",
        "freezing_paper",
    ]
    assert section.findings[0].startswith("Freezing: against the default (stage3)")
    assert "novel is better at none (+2.9 points)" in section.findings[0]


def test_nothing_run_and_nothing_swept(tmp_path: Path) -> None:
    (section,) = sections(
        view_of(tmp_path / "a", ["stage3", "none"], dict(SETTINGS), otherwise="not_run")
    )
    assert any("figure appears" in block for block in section.blocks if isinstance(block, str))
    other = load_view(make_ledger(tmp_path / "b", record({"C": [1, 10]}), epochs=1), "c_tau")
    assert sections(other) == []
