from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from lps_sweep.report.pages import all_sections
from lps_sweep.report.pages.search import asked_table
from lps_sweep.report.searches import Search, searches
from lps_sweep.results import Json
from lps_sweep.results.view import load_view
from tests.report.report_cases import make_ledger, record

POINTS: list[tuple[Any, ...]] = [(10.0, 0.4), (3.0, None), (20.0, 0.2), (5.0, 0.3)]
NOVEL = {10.0: 90.0, 3.0: 95.0, 20.0: 92.0, 5.0: 80.0}
SEEN = {10.0: 99.0, 3.0: 97.0, 20.0: 96.0, 5.0: 99.5}


def finals(point: Sequence[Any], seed: int) -> dict[str, float]:
    novel, seen = NOVEL[point[0]] + seed, SEEN[point[0]]
    names = ("acc_novel", "acc_novel_strict", "acc_all", "nmi_novel")
    return {**dict.fromkeys(names, novel), "acc_seen": seen}


def info_of(folder: Path, objectives: list[Json], fates: Any = None) -> Search:
    search: dict[str, Json] = {"objectives": objectives, "sampler": "tpe"}
    axes = {"C": [3.0, 5.0, 10.0, 20.0], "tau": [0.2, 0.3, 0.4]}
    sweep = record(axes, name="search", search=search)
    make_ledger(folder, sweep, fates, points=POINTS, finals=finals, epochs=3)
    (info,) = searches(load_view(folder, "search"))
    return info


def test_configurations_come_in_the_order_of_asking(tmp_path: Path) -> None:
    info = info_of(tmp_path, ["oracle.acc_novel"])
    assert [c.number for c in info.configurations] == [1, 2, 3, 4]
    assert info.configurations[1].point == {"C": 3.0, "tau": None}
    assert [info.mean(c) for c in info.complete] == [91.0, 96.0, 93.0, 81.0]
    assert info.selected is info.configurations[1]
    table = asked_table(info)
    assert table.marked == {1}
    assert table.rows[1][:3] == (2, 3.0, None)
    assert table.rows[1][3] == pytest.approx((96.0, 1.0))


def test_a_configuration_that_lacks_a_seed_is_shown_but_not_ranked(tmp_path: Path) -> None:
    info = info_of(tmp_path, ["oracle.acc_novel"], {(3.0, None, 2): "failed"})
    assert [c.number for c in info.complete] == [1, 3, 4]
    assert info.selected is info.configurations[2]
    assert asked_table(info).rows[1][-1] == 2


@pytest.mark.parametrize("fate", ["done", "not_run", "failed"])
def test_a_search_has_no_section_that_reads_its_points_as_levels(tmp_path: Path, fate: str) -> None:
    fates = {(*point, seed): fate for point in POINTS for seed in (0, 1, 2)}
    info_of(tmp_path, ["oracle.acc_novel"], fates)
    slugs = [section.slug for section in all_sections(load_view(tmp_path, "search"))]
    assert "search" in slugs
    assert not [slug for slug in slugs if slug.startswith(("sensitivity", "grid", "interaction"))]
