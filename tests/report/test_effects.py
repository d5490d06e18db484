from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lps_sweep.report import build_report
from lps_sweep.report.figures.effects import (
    by_range,
    draw_effects,
    effect_info,
    effect_table,
    finding,
    sections,
    varied_alone,
)
from lps_sweep.report.figures.forest import draw_forest, forest_rows, forest_table
from lps_sweep.report.figures.forest import finding as forest_finding
from lps_sweep.results import Json, SweepView, load_view
from tests.report.report_cases import SETTINGS, make_ledger, record

AXES: dict[str, list[Json]] = {
    "tau": [0.2, 0.3, 0.4, 0.5, 0.6],
    "C": [1, 5, 10, 15, 20],
    "eta1": [0.2, 0.6, 1.0],
    "eta2": [0.2, 0.6, 1.0],
}
DEFAULT = (0.4, 10, 1.0, 1.0)
KNOWN: dict[str, Json] = {**SETTINGS, "eta1": 1.0, "eta2": 1.0}


def points() -> list[tuple[Any, ...]]:
    """The default, and every other level of each parameter by itself."""
    found: list[tuple[Any, ...]] = [DEFAULT]
    for place, (_, levels) in enumerate(AXES.items()):
        for level in levels:
            point: list[Any] = list(DEFAULT)
            point[place] = level
            found.append(tuple(point))
    return list(dict.fromkeys(found))


def finals(point: Sequence[Any], seed: int) -> dict[str, float]:
    """The truth: tau and C matter, the etas do not at all."""
    noise = np.random.default_rng([seed, *(int(100 * v) for v in point)]).normal(0, 0.2)
    value = 90 - 20 * abs(point[0] - 0.4) - 0.4 * abs(point[1] - 10) + noise + 0.3 * seed
    return {"acc_seen": 99.0, "acc_novel": value, "acc_all": value}


def view_of(folder: Path, **known: Any) -> SweepView:
    margin = known.pop("sweep_margin", None)
    sweep = record(AXES, settings=KNOWN, name="ofat", margin=margin)
    made = make_ledger(folder, sweep, points=points(), epochs=1, finals=finals, **known)
    return load_view(made, "ofat")


def test_one_at_a_time_has_ranges_in_the_true_order_and_no_importance(tmp_path: Path) -> None:
    view = view_of(tmp_path)
    assert varied_alone(view) == ["tau", "C", "eta1", "eta2"]
    info = effect_info(view)
    assert info is not None
    order = by_range(info, "acc_all")
    assert order[:2] in (["tau", "C"], ["C", "tau"])
    ranges = {name: info.ranges[name, "acc_all"] for name in order}
    words = {
        n: r is not None and r.chance is not None and r.range > r.chance for n, r in ranges.items()
    }
    assert words == {"tau": True, "C": True, "eta1": False, "eta2": False}
    tau = ranges["tau"]
    assert tau is not None
    assert (tau.highest, tau.levels, tau.n) == ("0.4", 5, 3)
    assert tau.range == pytest.approx(4.0, abs=0.5)
    (section,) = sections(view)
    assert "turn the truth around" in str(section.blocks[0])
    assert "tau" in finding(info)
    assert "eta" not in finding(info)
    text = build_report(tmp_path, "ofat").read_text(encoding="utf-8")
    assert "PED-ANOVA" not in text
    assert "functional ANOVA" not in text


def test_table_and_figure_agree(tmp_path: Path) -> None:
    info = effect_info(view_of(tmp_path))
    assert info is not None
    table = effect_table(info)
    assert len(table.rows) == 12
    row = next(r for r in table.rows if r[:2] == ("C", "All"))
    panel = draw_effects(info)[2]
    dots, chance = panel.figure.data
    place = list(panel.figure.layout.yaxis.ticktext).index("C")
    assert dots.x[place] == pytest.approx(row[2], abs=1e-3)
    assert chance.x[place] == pytest.approx(row[4], abs=1e-3)
    seen = next(r for r in table.rows if r[:2] == ("eta1", "Seen"))
    assert seen[6:8] == (None, None), "no level is the highest where all are equal"


def test_crossed_parameters_have_ranges_and_a_search_has_none(tmp_path: Path) -> None:
    crossed = record({"C": [1, 10], "tau": [0.2, 0.4]})
    view = load_view(make_ledger(tmp_path / "a", crossed, epochs=1), "c_tau")
    assert varied_alone(view) == []
    (section,) = sections(view)
    assert "analysis of variance" in str(section.blocks[0])
    assert {"effect_ranges", "forest"} == {table.slug for table in section.tables}
    single = record({"C": [1, 10]})
    (section,) = sections(load_view(make_ledger(tmp_path / "b", single, epochs=1), "c_tau"))
    assert [table.slug for table in section.tables] == ["effect_ranges"]
    assert "turn the truth around" not in str(section.blocks[0])
    assert "analysis of variance" not in str(section.blocks[0])
    search: dict[str, Json] = {"objectives": ["oracle.acc_all"], "sampler": "tpe"}
    asked = record({"C": [1, 10], "tau": [0.2, 0.4]}, search=search)
    assert sections(load_view(make_ledger(tmp_path / "c", asked, epochs=1), "c_tau")) == []


def test_parameters_that_move_together_stand_once(tmp_path: Path) -> None:
    sweep = record({"C": [5, 10, 20], "tau": [0.2, 0.4, 0.6]})
    rows = [(5, 0.2), (10, 0.4), (20, 0.6)]
    info = effect_info(load_view(make_ledger(tmp_path, sweep, points=rows, epochs=1), "c_tau"))
    assert info is not None
    assert info.parameters == ("C",)


def test_the_forest_has_every_level_of_every_parameter_on_one_axis(tmp_path: Path) -> None:
    info = effect_info(view_of(tmp_path, sweep_margin=0.5))
    assert info is not None
    rows = forest_rows(info.slices)
    labels = [row.label for row in rows]
    assert len(labels) == 4 + 4 + 2 + 2
    assert labels[0] == "tau = 0.2"
    assert "C = 10" not in labels
    (panel,) = draw_forest(rows)
    seeds, means = panel.figure.data[:2]
    heights = dict(zip(panel.figure.layout.yaxis.ticktext, means.y, strict=True))
    assert heights["tau = 0.2"] == max(heights.values())
    assert heights["tau = 0.6"] - heights["C = 1"] > heights["C = 1"] - heights["C = 5"]
    assert len(seeds.x) == 3 * len(labels)
    place = labels.index("C = 20")
    row = forest_table(rows).rows[place]
    assert row[:2] == ("C", 20)
    assert means.x[place] == pytest.approx(row[2], abs=1e-3)
    assert row[3] is not None
    ends = (
        means.x[place] - means.error_x.arrayminus[place],
        means.x[place] + means.error_x.array[place],
    )
    assert ends == pytest.approx(row[3], abs=1e-3)
    band = panel.figure.layout.shapes[0]
    assert (band.x0, band.x1) == (-0.5, 0.5)
    text = forest_finding(rows)
    assert text.startswith("8 of 12 levels are told apart")
    assert "eta" not in text


def test_the_forest_waits_for_seeds(tmp_path: Path) -> None:
    fates = {(*point, seed): "failed" for point in points() for seed in (1, 2)}
    info = effect_info(view_of(tmp_path, fates=fates))
    assert info is not None
    rows = forest_rows(info.slices)
    assert "too few finished seeds" in forest_finding(rows)
    (panel,) = draw_forest(rows)
    assert set(panel.figure.data[1].error_x.array) == {0.0}


@pytest.mark.parametrize("fate", ["not_run", "failed", "diverged"])
def test_nothing_done(tmp_path: Path, fate: str) -> None:
    (section,) = sections(view_of(tmp_path, otherwise=fate))
    assert section.findings == ("Effect ranges: too few finished seeds.",)
    assert len(section.blocks) == 2
    assert section.tables == ()
