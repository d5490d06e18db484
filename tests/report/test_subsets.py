from __future__ import annotations

import itertools
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import stats

from lps_sweep.report import build_report
from lps_sweep.report.figures.ablation import sections
from lps_sweep.report.figures.arms import ablation_info
from lps_sweep.report.figures.subsets import (
    SubsetInfo,
    draw_subsets,
    effects,
    effects_table,
    subset_info,
)
from lps_sweep.results import Json, SweepView, load_view
from tests.report.report_cases import ablation_record, make_ledger

TERMS: dict[str, tuple[str, Json]] = {
    "C": ("C", 0.0),
    "pc": ("eta1", 0.0),
    "uc": ("eta2", 0.0),
}
COST = {"C": -2.0, "pc": -1.0, "uc": 0.0}


def name_of(some: Sequence[str]) -> str:
    return "without_" + "_".join(some) if some else "full"


SUBSETS = [some for n in range(4) for some in itertools.combinations(TERMS, n)]
ARMS: dict[str, dict[str, Json]] = {
    name_of(some): dict(TERMS[term] for term in some) for some in SUBSETS
}


def finals(point: Sequence[Any], seed: int) -> dict[str, float]:
    """C and pc together cost four points more than each by itself."""
    some = SUBSETS[list(ARMS).index(point[0])]
    value = 90.0 + seed + sum(COST[term] for term in some)
    value -= 4.0 if {"C", "pc"} <= set(some) else 0.0
    value += 0.1 * np.random.default_rng([seed, *point[0].encode()]).normal()
    return {"acc_seen": 95.0, "acc_novel": value, "acc_all": value}


def view_of(folder: Path, arms: dict[str, dict[str, Json]], **known: Any) -> SweepView:
    sweep = ablation_record(range(4), arms=list(arms))
    made = make_ledger(folder, sweep, epochs=1, finals=finals, arms=arms, **known)
    return load_view(made, "ablation")


def info_of(view: SweepView) -> SubsetInfo | None:
    info = ablation_info(view)
    assert info is not None
    return subset_info(info)


def test_all_subsets_give_main_effects_and_interactions(tmp_path: Path) -> None:
    info = info_of(view_of(tmp_path, ARMS))
    assert info is not None
    assert info.terms == ("C = 0", "eta1 = 0", "eta2 = 0")
    found = effects(info, "acc_all")
    means = {name: float(np.mean(list(by_seed.values()))) for name, by_seed in found.items()}
    assert means == pytest.approx(
        {
            ("C = 0",): -2.0 - 4.0 / 2,
            ("eta1 = 0",): -1.0 - 4.0 / 2,
            ("eta2 = 0",): 0.0,
            ("C = 0", "eta1 = 0"): -4.0,
            ("C = 0", "eta2 = 0"): 0.0,
            ("eta1 = 0", "eta2 = 0"): 0.0,
        },
        abs=0.25,
    )
    table = effects_table(info)
    assert len(table.rows) == 3 * 6
    row = next(r for r in table.rows if r[:2] == ("All", "C = 0 \u00d7 eta1 = 0"))
    values = list(found["C = 0", "eta1 = 0"].values())
    reference = stats.ttest_1samp(values, 0.0).confidence_interval(1 - 0.05 / 6)
    assert row[2] == pytest.approx(means["C = 0", "eta1 = 0"])
    assert row[3] == pytest.approx((reference.low, reference.high))
    assert row[4:6] == (4, 0)


def test_the_matrix_shows_what_each_arm_changes_the_best_first(tmp_path: Path) -> None:
    info = info_of(view_of(tmp_path, ARMS))
    assert info is not None
    (panel,) = draw_subsets(info)
    seeds, means, kept, changed = panel.figure.data
    assert len(seeds.x) == 8 * 4
    assert list(means.y) == sorted(means.y, reverse=True)
    assert len(kept.x) == len(changed.x) == 12
    assert (kept.marker.symbol, changed.marker.symbol) == ("circle-open", "circle")
    ticks = list(panel.figure.layout.xaxis.ticktext)
    assert set(ticks[:2]) == {"full", "without_uc"}
    row = list(panel.figure.layout.yaxis2.ticktext).index("eta2 = 0")
    without = {ticks[x] for x, y in zip(changed.x, changed.y, strict=True) if y == row}
    assert without == {name for name in ARMS if "uc" in name}


def test_the_section_has_them_and_the_page_is_built(tmp_path: Path) -> None:
    view = view_of(tmp_path, ARMS)
    (section,) = sections(view)
    assert "ablation_effects" in {table.slug for table in section.tables}
    text = build_report(tmp_path, "ablation").read_text(encoding="utf-8")
    assert 'id="ablation_subsets_figure"' in text


@pytest.mark.parametrize("arms", [list(ARMS)[:-1], list(ARMS)[:2], list(ARMS)[:4]])
def test_arms_that_are_not_all_subsets_have_none(arms: list[str], tmp_path: Path) -> None:
    view = view_of(tmp_path, {name: ARMS[name] for name in arms})
    assert info_of(view) is None
    assert "ablation_effects" not in {table.slug for table in sections(view)[0].tables}


def test_seeds_that_one_arm_lacks_count_in_no_effect(tmp_path: Path) -> None:
    info = info_of(view_of(tmp_path, ARMS, fates={("without_C", 1): "failed"}))
    assert info is not None
    assert all(set(by_seed) == {0, 2, 3} for by_seed in effects(info, "acc_all").values())
    lost = {("without_C", seed): "failed" for seed in range(4)}
    info = info_of(view_of(tmp_path / "b", ARMS, fates=lost))
    assert info is not None
    assert {row[2:6] for row in effects_table(info).rows} == {(None, None, 0, 0)}
