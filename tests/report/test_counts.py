"""What changes the images: levels are compared without pairs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from lps_sweep.report import build_report
from lps_sweep.report.levels import Levels
from lps_sweep.report.pages import effects, parameter
from lps_sweep.report.pages.counts import (
    count_table,
    draw_counts,
    read_counts,
    sections,
    unpaired_table,
)
from lps_sweep.results import Json, SweepView, load_view
from lps_sweep.results.statistics import welch_interval
from tests.report.report_cases import PAPER, SETTINGS, make_ledger, record

ARMS: dict[str, dict[str, Json]] = {"lps": {"method": "lps"}, "orca": {"method": "orca"}}


def finals(point: Sequence[Any], seed: int) -> dict[str, float]:
    base = {"orca": 80.0}.get(point[0], 90.0) + 0.1 * seed
    novel = base - 10 * (point[-1] if isinstance(point[-1], float) else point[-1] == 0)
    return {"acc_seen": 99.0, "acc_novel": novel, "acc_all": novel + 1}


def view_of(
    folder: Path, levels: Sequence[Json], name: str, settings: dict[str, Json], **known: Any
) -> SweepView:
    axes: dict[str, list[Json]] = {"arm": list(ARMS), name: list(levels)}
    default: dict[str, Json] = {"arm": "lps", name: settings.get(name, 0)}
    sweep = record(axes, settings=settings, defaults=default, name="counts")
    return load_view(
        make_ledger(folder, sweep, epochs=1, finals=finals, arms=ARMS, **known), "counts"
    )


def groups_of(
    folder: Path, levels: Sequence[Json], name: str, settings: dict[str, Json] = SETTINGS
) -> list[Levels]:
    return read_counts(view_of(folder, levels, name, settings), name)


def test_novel_classes_whole(tmp_path: Path) -> None:
    lps, orca = groups = groups_of(tmp_path, [0, 3, 1], "novel_classes")
    for levels in groups:
        assert levels.values == (1, 3, 0)
        assert levels.places == (1.0, 3.0, 5.0), "zero stands for all five"
        assert levels.texts == ("1", "3", "all (5)")
        assert levels.default == 2
        assert levels.held == {}
    assert [levels.label for levels in groups] == ["LPS", "ORCA"]
    means = [cell.mean("acc_novel") for cell in lps.cells]
    assert means == pytest.approx([90.1, 90.1, 80.1])
    assert lps.reference.numbers == orca.reference.numbers == {}
    table = count_table(groups)
    strong = {(i, key) for i, key in table.strong if key == "acc_novel"}
    assert strong == {(i, "acc_novel") for i in range(3)}, "all of LPS, none of ORCA"
    assert {"acc_novel_paper", "missing"} <= {c.key for c in table.columns if c.hidden}


def test_levels_are_compared_without_pairing(tmp_path: Path) -> None:
    table = unpaired_table(groups_of(tmp_path, [1, 0], "novel_classes"))
    (row,) = [r for r in table.rows if r[:2] == ("LPS", "Novel")]
    assert row[3] == pytest.approx(10.0)
    assert row[4] == pytest.approx(welch_interval([90, 90.1, 90.2], [80, 80.1, 80.2], 0.95))
    assert row[5:] == ("better", 3, 3)


def test_paper_points_only_where_tabulated(tmp_path: Path) -> None:
    groups = groups_of(tmp_path, [0.1, 0.3, 0.5], "labeled_ratio", PAPER)
    numbers = [levels.reference.numbers for levels in groups]
    assert {i for i, _ in numbers[0]} == {0, 2}
    assert (numbers[0][0, "acc_novel"], numbers[0][2, "acc_novel"]) == (90.6, 93.4)
    assert numbers[1][2, "acc_novel"] == 90.4
    assert all(levels.reference.comparable for levels in groups)
    symbols = [trace.marker.symbol for trace in draw_counts(groups)[0].figure.data]
    assert symbols.count("diamond-open") == 2
    digits = groups_of(tmp_path / "d", [0.1, 0.5], "labeled_ratio")
    assert len(draw_counts(digits)[0].figure.data) == 4


def test_shares_of_novel_classes_lie_between_zero_and_one(tmp_path: Path) -> None:
    first, _ = groups_of(tmp_path, [0.2, 0.6, 0], "novel_classes")
    assert first.places == (0.2, 0.6, 1.0)
    assert first.texts[2] == "all"


@pytest.mark.parametrize(
    ("name", "levels"),
    [
        ("split_seed", [0, 1, 2]),
        ("seen_classes", [(0, 1, 2), (0, 5, 7)]),
        ("labeled_holdout", [0.0, 0.2]),
        ("dataset", ["digits", "fashion_mnist"]),
    ],
)
def test_what_changes_the_images_is_never_paired(
    name: str, levels: list[Any], tmp_path: Path
) -> None:
    def finals(point: Sequence[Any], seed: int) -> dict[str, float]:
        value = 90.0 + 2 * levels.index(point[0]) + 0.1 * seed
        return {"acc_seen": 99.0, "acc_novel": value, "acc_all": value}

    plain: list[Json] = [list(v) if isinstance(v, tuple) else v for v in levels]
    sweep = record({name: plain}, settings={**SETTINGS, name: plain[0]}, name="counts")
    points = [(level,) for level in levels]
    view = load_view(make_ledger(tmp_path, sweep, epochs=1, finals=finals, points=points), "counts")
    assert parameter.sections(view) == effects.sections(view) == []
    (section,) = sections(view)
    assert f"counts_{name}" in {found.slug for found in section.tables}
    rows = [row for row in unpaired_table(read_counts(view, name)).rows if row[1] == "Novel"]
    assert [row[3] for row in rows] == pytest.approx([2.0 * i for i in range(1, len(levels))])
    assert build_report(tmp_path, "counts").exists()
