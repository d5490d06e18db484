"""Main effects in the report: what is averaged over, and what never is."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from lps_sweep.report.averages import average_table, main_levels, read_averages, trend_text
from lps_sweep.report.levels import read_levels
from lps_sweep.report.pages.effects import sections as effects
from lps_sweep.report.pages.parameter import sections
from lps_sweep.results import Json, SweepView, load_view
from tests.report.report_cases import make_ledger, record

GRID: dict[str, list[Json]] = {"C": [1, 5, 10], "tau": [0.2, 0.4]}


def falling(point: Sequence[Any], seed: int) -> dict[str, float]:
    """Seen falls by one point for each unit of the first value, the others do not move."""
    novel = 60.0 + 2 * seed + (seed * 7 + int(point[0])) % 3
    return {
        "acc_seen": 99.0 - point[0] + len(str(point)) / 10 + 0.1 * seed,
        "acc_novel": novel,
        "acc_all": novel + 5,
    }


def view_of(folder: Path, axes: dict[str, list[Json]] = GRID, **more: Any) -> SweepView:
    sweep = record(axes, more.pop("seeds", (0, 1, 2)), search=more.pop("search", None))
    return load_view(make_ledger(folder, sweep, epochs=1, finals=falling, **more), "c_tau")


def test_a_level_is_its_mean_over_the_other_parameter_at_each_seed(tmp_path: Path) -> None:
    view = view_of(tmp_path, fates={(5, 0.2, 1): "failed"})
    (found,) = read_averages(view, "tau")
    assert found.effects["acc_seen"].combinations == ("C = 1", "C = 10")
    assert found.effects["acc_seen"].left_out == ("C = 5",)
    assert "1 left out" in found.levels.held_text
    want = {
        s: (falling((1, 0.2), s)["acc_seen"] + falling((10, 0.2), s)["acc_seen"]) / 2
        for s in range(3)
    }
    assert found.levels.cells[0].values["acc_seen"] == pytest.approx(want)
    assert found.levels.cells[0].causes == {"failed": 1}
    assert found.levels.reference.numbers == {}, "the paper varied one parameter at a time"
    assert main_levels(view, read_levels(view, "tau")) == found.levels


def test_the_page_leads_with_main_effects_and_keeps_the_slice(tmp_path: Path) -> None:
    view = view_of(tmp_path)
    section = sections(view)[0]
    said = trend_text(read_averages(view, "C")[0])
    assert said
    assert said in section.findings[0]
    slugs = [table.slug for table in section.tables]
    assert slugs[:3] == ["main_effect_C", "main_differences_C", "main_departures_C"]
    assert slugs[3:] == ["sensitivity_C", "differences_C"]
    first = average_table(read_averages(view, "C")[0]).rows[0]
    assert first[0] == "Seen"
    assert first[1] == pytest.approx(-9.0, abs=0.2)
    forest = next(t for s in effects(view) for t in s.tables if t.slug == "forest")
    differences = {row[1]: row[2] for row in forest.rows if row[0] == "C"}
    assert differences[1] == pytest.approx(
        read_averages(view, "C")[0].levels.difference("acc_all", 0).difference
    )


def test_what_is_never_averaged_over_has_main_effects_within_each(tmp_path: Path) -> None:
    axes: dict[str, list[Json]] = {
        **GRID,
        "frozen_through": ["stage3", "none"],
        "split_seed": [0, 1],
    }
    view = view_of(tmp_path, axes)
    found = read_averages(view, "C")
    assert [a.levels.held for a in found] == [
        {"frozen_through": "stage3", "split_seed": 0},
        {"frozen_through": "stage3", "split_seed": 1},
        {"frozen_through": "none", "split_seed": 0},
        {"frozen_through": "none", "split_seed": 1},
    ]
    assert all(a.effects["acc_all"].combinations == ("tau = 0.2", "tau = 0.4") for a in found)
    assert read_averages(view, "frozen_through") == read_averages(view, "split_seed") == ()
    assert len({table.slug for s in sections(view) for table in s.tables}) == sum(
        len(s.tables) for s in sections(view)
    )


def test_three_parameters_and_values_that_move_together(tmp_path: Path) -> None:
    axes: dict[str, list[Json]] = {"C": [1, 10], "tau": [0.2, 0.4], "eta1": [1, 2]}
    (found,) = read_averages(view_of(tmp_path / "three", axes), "C")
    assert len(found.effects["acc_all"].combinations) == 4
    both: dict[str, list[Json]] = {**axes, "eta2": [0, 3]}
    points = [(c, t, e, 3 * (e - 1)) for c in (1, 10) for t in (0.2, 0.4) for e in (1, 2)]
    view = view_of(tmp_path / "zip", both, points=points)
    (found,) = read_averages(view, "C")
    assert len(found.effects["acc_all"].combinations) == 4
    (found,) = read_averages(view, "eta1")
    assert found.effects["acc_all"].combinations == (
        *("C = 1, tau = 0.2", "C = 1, tau = 0.4"),
        *("C = 10, tau = 0.2", "C = 10, tau = 0.4"),
    )


def test_what_has_no_main_effects(tmp_path: Path) -> None:
    alone = [(1, 0.4), (5, 0.4), (10, 0.4), (10, 0.2)]
    cases = {
        "one at a time": view_of(tmp_path / "a", points=alone),
        "stopped": view_of(tmp_path / "b", fates={(1, 0.2, 0): "stopped"}),
        "nothing done": view_of(tmp_path / "c", otherwise="not_run"),
    }
    for case, view in cases.items():
        assert read_averages(view, "C") == (), case
        assert main_levels(view, read_levels(view, "C")) == read_levels(view, "C"), case
    view = view_of(tmp_path / "d", seeds=[0, 1])
    (found,) = read_averages(view, "C")
    assert found.levels.difference("acc_seen", 0).interval is None
    assert trend_text(found) == ""
