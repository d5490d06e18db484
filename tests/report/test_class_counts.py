from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from lps_sweep.report import build_report
from lps_sweep.report.figures.class_counts import CountInfo, count_info
from lps_sweep.report.figures.count_section import (
    count_table,
    draw_counts,
    finding,
    sections,
    unpaired_table,
)
from lps_sweep.report.figures.effects import sections as effect_sections
from lps_sweep.report.figures.sensitivity import sections as sensitivity_sections
from lps_sweep.results import Json, SweepView, load_view
from lps_sweep.results.unpaired import welch_interval
from tests.report.report_cases import PAPER, SETTINGS, make_ledger, record

ARMS: dict[str, dict[str, Json]] = {"lps": {"method": "lps"}, "orca": {"method": "orca"}}


def finals(point: Sequence[Any], seed: int) -> dict[str, float]:
    base = {"orca": 80.0}.get(point[0], 90.0) + 0.1 * seed
    novel = base - 10 * (point[-1] if isinstance(point[-1], float) else point[-1] == 0)
    return {"acc_seen": 99.0, "acc_novel": novel, "acc_all": novel + 1}


def view_of(
    folder: Path, levels: Sequence[Json], parameter: str, settings: dict[str, Json], **known: Any
) -> SweepView:
    axes: dict[str, list[Json]] = {"arm": list(ARMS), parameter: list(levels)}
    default: dict[str, Json] = {"arm": "lps", parameter: settings.get(parameter, 0)}
    sweep = record(axes, settings=settings, defaults=default, name="counts")
    return load_view(
        make_ledger(folder, sweep, epochs=1, finals=finals, arms=ARMS, **known), "counts"
    )


def info_of(folder: Path, levels: Sequence[Json], parameter: str, **known: Any) -> CountInfo:
    settings = known.pop("settings", SETTINGS)
    return count_info(view_of(folder, levels, parameter, dict(settings), **known), parameter)


def test_novel_classes_whole(tmp_path: Path) -> None:
    info = info_of(tmp_path, [0, 3, 1], "novel_classes")
    assert info.levels == (1, 3, 0)
    assert info.positions == (1.0, 3.0, 5.0), "zero stands for all five"
    assert [info.level_text(i) for i in range(3)] == ["1", "3", "all (5)"]
    assert info.default == 2
    assert info.held == {}
    assert [group.label for group in info.groups] == ["LPS", "ORCA"]
    lps, orca = info.groups
    assert [cell.values["acc_novel"] for cell in lps.cells] == [
        pytest.approx({0: 90.0, 1: 90.1, 2: 90.2}),
        pytest.approx({0: 90.0, 1: 90.1, 2: 90.2}),
        pytest.approx({0: 80.0, 1: 80.1, 2: 80.2}),
    ]
    assert lps.paper == orca.paper == {}
    assert lps.near["acc_novel"] == {0, 1, 2}
    assert orca.near["acc_novel"] == set()


def test_the_table_says_what_changes_and_that_the_paper_has_no_number(tmp_path: Path) -> None:
    table = count_table(info_of(tmp_path, [1, 0], "novel_classes"))
    assert [row[:2] for row in table.rows] == [
        *(("LPS", 1), ("LPS", "all (5)"), ("ORCA", 1), ("ORCA", "all (5)")),
    ]
    assert "no published number" in table.caption
    assert "others at each level" in table.caption
    assert "our reading" in table.caption
    assert {"acc_novel_paper", "missing"} <= table.hidden
    assert (1, "acc_novel") in table.strong


def test_levels_are_compared_without_pairing(tmp_path: Path) -> None:
    info = info_of(tmp_path, [1, 0], "novel_classes")
    table = unpaired_table(info)
    assert table is not None
    assert "Not paired" in table.caption
    (row,) = [r for r in table.rows if r[:2] == ("LPS", "Novel")]
    assert row[3] == pytest.approx(10.0)
    expected = welch_interval([90, 90.1, 90.2], [80, 80.1, 80.2], 0.95)
    assert row[4] == pytest.approx(expected)
    assert row[5:] == ("better", 3, 3)


def test_paper_points_only_where_tabulated(tmp_path: Path) -> None:
    info = info_of(tmp_path, [0.1, 0.3, 0.5], "labeled_ratio", settings=PAPER)
    assert info.groups[0].paper == {
        (0, "acc_seen"): 86.3,
        (0, "acc_novel"): 90.6,
        (0, "acc_all"): 88.6,
        (2, "acc_seen"): 90.2,
        (2, "acc_novel"): 93.4,
        (2, "acc_all"): 92.4,
    }
    assert info.groups[1].paper[2, "acc_novel"] == 90.4
    assert info.comparable
    novel, every = draw_counts(info)
    assert (novel.title, every.title) == ("Novel", "All")
    seeds, means, paper, *rest = novel.figure.data
    assert len(seeds.x) == 9
    assert list(means.y) == pytest.approx([89.1, 87.1, 85.1])
    assert all(bar > 0 for bar in means.error_y.array)
    assert list(paper.y) == [90.6, 93.4]
    assert paper.marker.symbol == "diamond-open"
    assert len(rest) == 3
    digits = info_of(tmp_path / "d", [0.1, 0.5], "labeled_ratio")
    assert len(draw_counts(digits)[0].figure.data) == 4


def test_shares_of_novel_classes_lie_between_zero_and_one(tmp_path: Path) -> None:
    info = info_of(tmp_path, [0.2, 0.6, 0], "novel_classes")
    assert info.positions == (0.2, 0.6, 1.0)
    assert info.level_text(2) == "all"


def test_the_sections_replace_those_on_sensitivity(tmp_path: Path) -> None:
    view = view_of(tmp_path, [0.1, 0.5], "labeled_ratio", dict(SETTINGS))
    (section,) = sections(view)
    assert section.slug == "counts_labeled_ratio_section"
    assert section.findings == (
        "labeled_ratio: LPS: novel 89.1 to 85.1, all 90.1 to 86.1 from 0.1 to 0.5; ORCA: novel "
        "79.1 to 75.1, all 80.1 to 76.1 from 0.1 to 0.5 (means; not paired).",
    )
    assert sensitivity_sections(view) == []


@pytest.mark.parametrize(
    ("parameter", "levels"),
    [
        ("split_seed", [0, 1, 2]),
        ("seen_classes", [(0, 1, 2), (0, 5, 7)]),
        ("labeled_holdout", [0.0, 0.2]),
        ("dataset", ["digits", "fashion_mnist"]),
    ],
)
def test_what_changes_the_images_is_never_paired(
    parameter: str, levels: list[Any], tmp_path: Path
) -> None:
    def finals(point: Sequence[Any], seed: int) -> dict[str, float]:
        value = 90.0 + 2 * levels.index(point[0]) + 0.1 * seed
        return {"acc_seen": 99.0, "acc_novel": value, "acc_all": value}

    plain: list[Json] = [list(v) if isinstance(v, tuple) else v for v in levels]
    axes = {parameter: plain}
    default: dict[str, Json] = {parameter: axes[parameter][0]}
    sweep = record(axes, settings={**SETTINGS, **default}, name="counts")
    points = [(level,) for level in levels]
    view = load_view(make_ledger(tmp_path, sweep, epochs=1, finals=finals, points=points), "counts")
    assert sensitivity_sections(view) == []
    assert effect_sections(view) == []
    (section,) = sections(view)
    table = unpaired_table(count_info(view, parameter))
    assert table is not None
    assert "Not paired" in table.caption
    rows = [row for row in table.rows if row[1] == "Novel"]
    assert [row[3] for row in rows] == pytest.approx([2.0 * i for i in range(1, len(levels))])
    assert "counts_" + parameter in {found.slug for found in section.tables}
    assert build_report(tmp_path, "counts").exists()


@pytest.mark.parametrize("fate", ["not_run", "failed"])
def test_nothing_done(tmp_path: Path, fate: str) -> None:
    view = view_of(tmp_path, [1, 0], "novel_classes", dict(SETTINGS), otherwise=fate)
    (section,) = sections(view)
    assert any("figure appears" in block for block in section.blocks if isinstance(block, str))
    assert section.findings == ("novel_classes: too few levels are done.",)


def test_one_seed_has_no_interval(tmp_path: Path) -> None:
    sweep = record({"novel_classes": [1, 0]}, [0], defaults={"novel_classes": 0}, name="counts")
    view = load_view(
        make_ledger(tmp_path, sweep, epochs=1, finals=lambda p, s: finals(p, s)), "counts"
    )
    info = count_info(view, "novel_classes")
    assert finding(info).startswith("novel_classes: LPS: novel 90.0 to 80.0")
    table = unpaired_table(info)
    assert table is not None
    assert {row[5] for row in table.rows} == {"too few seeds"}
