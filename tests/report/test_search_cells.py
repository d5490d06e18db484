"""Sweeps with several searches: one for each cell of what is listed beside the search."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from lps_sweep.report import build_report
from lps_sweep.report.drawings import draw_all
from lps_sweep.report.model import Section, unique_tables
from lps_sweep.report.numbers import slug
from lps_sweep.report.pages import all_sections
from lps_sweep.report.pages.search import draw_history
from lps_sweep.report.pages.search_cells import cells_table
from lps_sweep.report.searches import MOST_CELLS, MOST_NAME, cell_name, searches
from lps_sweep.results import Json, Ledger, SweepView, TrialRecord, load_view
from lps_sweep.results.confirmed import SUFFIX
from tests.report.report_cases import make_ledger, record

VALUES = {("lps", 0.2): 90.0, ("orca", 0.3): 70.0, ("lps", 0.4): 94.0, ("orca", 0.5): 60.0}
"""The mean of each configuration, in the order of asking: the cells take turns."""
METHODS: dict[str, dict[str, Json]] = {"lps": {}, "orca": {"method": "orca"}}


def finals(point: Sequence[Any], seed: int) -> dict[str, float]:
    value = VALUES.get((point[0], point[1]), 50.0) + seed - 1
    names = ("acc_novel", "acc_novel_strict", "acc_all", "nmi_novel", "acc_seen")
    return dict.fromkeys(names, value)


def search_of(objectives: Sequence[str] = ("oracle.acc_all",)) -> dict[str, Json]:
    domain: dict[str, Json] = {"name": "tau", "kind": "float", "low": 0.1, "high": 0.9}
    return {"objectives": list(objectives), "sampler": "tpe", "domains": [domain]}


def view_of(
    folder: Path,
    points: Sequence[tuple[Any, ...]] = tuple(VALUES),
    objectives: Sequence[str] = ("oracle.acc_all",),
    fates: Mapping[tuple[Any, ...], str] | None = None,
) -> SweepView:
    axes: dict[str, list[Json]] = {
        "arm": list(dict.fromkeys(point[0] for point in points)),
        "tau": sorted({point[1] for point in points}),
    }
    sweep = record(axes, name="methods", search=search_of(objectives))
    make_ledger(folder, sweep, fates, points=points, finals=finals, epochs=3, arms=METHODS)
    return load_view(folder, "methods")


def sections(view: SweepView) -> list[Section]:
    """The sections about searches."""
    return [s for s in all_sections(view) if s.slug.startswith("search")]


def test_each_cell_has_a_search_of_its_own(tmp_path: Path) -> None:
    lps, orca = searches(view_of(tmp_path))
    assert (lps.cell, orca.cell) == ({"arm": "lps"}, {"arm": "orca"})
    assert lps.parameters == ("tau",), "what is listed is no parameter of the search"
    assert [c.number for c in orca.configurations] == [1, 2], "numbered within the cell"
    assert [c.point for c in orca.configurations] == [{"tau": 0.3}, {"tau": 0.5}]
    assert orca.settings["method"] == "orca"
    _, means, steps = draw_history(orca)[0].figure.data
    assert (list(means.y), list(steps.y)) == ([70.0, 60.0], [70.0, 70.0])


def test_the_sections_have_stable_slugs_of_their_own(tmp_path: Path) -> None:
    found = sections(view_of(tmp_path))
    names = ("search", "search_parameters", "search_importance")
    assert [s.slug for s in found] == [
        "search",
        *(f"{name}_arm_{arm}" for name in names for arm in ("lps", "orca")),
    ]
    assert {t.slug for t in unique_tables(found)} == {
        "search_cells",
        "search_arm_lps",
        "search_arm_orca",
    }
    slugs = [figure.slug for section in found for figure in section.figures]
    assert slugs == [
        f"search_{kind}_arm_{arm}" for kind in ("history", "slices") for arm in ("lps", "orca")
    ]
    assert len({d.place for d in draw_all(found)}) == 4
    assert [s.slug for s in found if s.findings] == ["search"]


def test_the_searches_side_by_side(tmp_path: Path) -> None:
    failed = {("orca", 0.5, 2): "failed"}
    infos = searches(view_of(tmp_path, fates=failed))
    table = cells_table(infos)
    keys = [column.key for column in table.columns]
    lps, orca = (dict(zip(keys, row, strict=True)) for row in table.rows)
    assert (lps["arm"], lps["complete"], lps["asked"]) == ("lps", 2, 2)
    assert (orca["complete"], orca["asked"]) == (1, 2)
    assert (lps["configuration"], lps["values"], lps["n"]) == (2, "tau = 0.4", 3)
    assert lps["mean"] == pytest.approx(94.0)
    half = 4.302653 * 1.0 / 3**0.5
    assert lps["interval95"] == pytest.approx((94 - half, 94 + half), abs=1e-4)
    assert (lps["confirmed"], lps["confirmed_n"]) == (None, None)
    assert orca["section"] == "search_arm_orca"
    assert table.marked == {0}


def test_a_cell_without_a_complete_configuration(tmp_path: Path) -> None:
    fates = dict.fromkeys(itertools.product(["orca"], [0.3, 0.5], [0, 1, 2]), "failed")
    found = {section.slug: section for section in sections(view_of(tmp_path, fates=fates))}
    assert "search_parameters_arm_orca" not in found
    assert not found["search_arm_orca"].figures
    assert any(isinstance(block, str) for block in found["search_arm_orca"].blocks)
    assert found["search"].tables[0].rows[1][1] is None


def test_only_the_first_of_many_cells_are_told_in_full(tmp_path: Path) -> None:
    points = [(f"arm{i}", 0.1 + i / 10) for i in range(MOST_CELLS + 2)]
    found = sections(view_of(tmp_path, points))
    assert len(found) == 1 + 3 * MOST_CELLS
    (table,) = found[0].tables
    assert len(table.rows) == MOST_CELLS + 2
    assert [row[-1] for row in table.rows].count(None) == 2


def test_two_objectives_have_fronts_side_by_side(tmp_path: Path) -> None:
    found = sections(view_of(tmp_path, objectives=("oracle.acc_seen", "oracle.acc_novel")))
    (table,) = found[0].tables
    keys = [column.key for column in table.columns]
    first = dict(zip(keys, table.rows[0], strict=True))
    assert first["front"] == 1
    assert first["dominated"] == pytest.approx(94.0 * 94.0 / 100)
    assert not table.marked
    assert "search_front_arm_lps" in [figure.slug for figure in found[1].figures]


def test_a_search_has_the_parameters_of_its_arm(tmp_path: Path) -> None:
    only: dict[str, Json] = {"name": "C", "kind": "float", "low": 1, "high": 20}
    known = search_of()
    domains = known["domains"]
    assert isinstance(domains, list)
    tau: dict[str, Json] = {**domains[0], "when": {"arm": ["lps", "orca"]}}  # type: ignore[dict-item]
    known["domains"] = [tau, {**only, "when": {"arm": ["orca"]}}]
    points = [("lps", 0.2, None), ("orca", 0.3, 5), ("simclr_kmeans", None, None)]
    axes: dict[str, list[Json]] = {
        "arm": [point[0] for point in points],
        "tau": [0.2, 0.3],
        "C": [5],
    }
    sweep = record(axes, name="methods", search=known)
    methods: dict[str, dict[str, Json]] = {
        **METHODS,
        "simclr_kmeans": {"method": "simclr_kmeans"},
    }
    make_ledger(tmp_path, sweep, points=points, finals=finals, epochs=3, arms=methods)
    view = load_view(tmp_path, "methods")
    lps, orca, kmeans = searches(view)
    assert (lps.parameters, orca.parameters, kmeans.parameters) == (("tau",), ("tau", "C"), ())
    assert orca.configurations[0].point == {"tau": 0.3, "C": 5}
    assert draw_all(sections(view))
    slugs = {section.slug for section in sections(view)}
    assert "search_parameters_arm_orca" in slugs
    assert "search_parameters_arm_simclr_kmeans" not in slugs


@pytest.mark.parametrize("value", ["a b", "a_b", "x" * 90, "x" * 90 + "y", "\u00e9", "<b>"])
def test_names_of_cells_are_short_and_their_own(value: str) -> None:
    name = cell_name({"arm": value})
    assert len(name) <= MOST_NAME
    assert slug(name) == name
    others = {"a b", "a_b", "x" * 90, "x" * 90 + "y", "\u00e9", "<b>"} - {value}
    assert name not in {cell_name({"arm": other}) for other in others}
    assert cell_name({"arm": "x-C_1", "C": "2"}) != cell_name({"arm": "x", "C": "1-C_2"})
    assert cell_name({"arm": "lps", "C": 10.0}) != cell_name({"arm": "lps", "C": 1.0})


def confirm(folder: Path, config: dict[str, Json]) -> None:
    """The same configuration on seeds 3 and 4, and on 2, which is not fresh."""
    sweep = record({"arm": ["selected"]}, [2, 3, 4], name=f"methods{SUFFIX}")
    moved: dict[str, Json] = {**config, "data_root": "elsewhere"}
    trials = [TrialRecord(f"c{s}", moved, s, "p", {"arm": "selected"}) for s in (2, 3, 4)]
    with Ledger.open(folder, write=True) as ledger, ledger.transaction():
        ledger.record_plan(sweep, trials)
        for trial in trials:
            attempt = ledger.start_attempts([trial.trial_id], "pack", {})[trial.trial_id]
            ledger.begin_attempt(trial.trial_id, attempt, {})
            value = {2: 0.0, 3: 80.0, 4: 84.0}[trial.seed]
            ledger.finish(trial.trial_id, attempt, "done", epoch=3, metrics={"acc_all": value})


def test_a_confirmation_stands_beside_what_it_confirms(tmp_path: Path) -> None:
    view = view_of(tmp_path)
    page = build_report(tmp_path, "methods")
    before = page.read_bytes()
    best = searches(view)[0].configurations[1]
    confirm(tmp_path, view.configs[best.trials.trials[0]])
    lps, orca = searches(load_view(tmp_path, "methods"))
    assert lps.confirmed == {3: 80.0, 4: 84.0}
    assert orca.confirmed == {}
    build_report(tmp_path, "methods")
    assert page.read_bytes() != before, "the report knows that the confirmation is new"
    table = cells_table([lps, orca])
    row = dict(zip([column.key for column in table.columns], table.rows[0], strict=True))
    assert (row["confirmed"], row["confirmed_interval95"], row["confirmed_n"]) == (82.0, None, 2)
