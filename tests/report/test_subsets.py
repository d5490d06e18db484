"""Designs of all subsets of changes: main effects, interactions, and the matrix of the arms."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import stats

from lps_sweep.report.pages import subsets
from lps_sweep.results import Json
from tests.report.test_ablation import arms_of, view_of

TERMS: dict[str, tuple[str, Json]] = {"C": ("C", 0.0), "pc": ("eta1", 0.0), "uc": ("eta2", 0.0)}
COST = {"C": -2.0, "pc": -1.0, "uc": 0.0}
SUBSETS = {
    "_".join(("without", *some)): some
    for n in range(4)
    for some in itertools.combinations(TERMS, n)
}
DESIGN: dict[str, dict[str, Json]] = {
    name: dict(TERMS[term] for term in some) for name, some in SUBSETS.items()
}


def added(point: Sequence[Any], seed: int) -> dict[str, float]:
    """C and pc together cost four points more than each by itself."""
    some = SUBSETS[point[0]]
    value = 90.0 + seed + sum(COST[term] for term in some)
    value -= 4.0 if {"C", "pc"} <= set(some) else 0.0
    value += 0.1 * np.random.default_rng([seed, *point[0].encode()]).normal()
    return {"acc_seen": 95.0, "acc_novel": value, "acc_all": value}


def design_of(folder: Path, **known: Any) -> subsets.Subsets:
    found = subsets.read_subsets(arms_of(view_of(folder, DESIGN, finals=added, **known)))
    assert found is not None
    return found


def test_all_subsets_give_main_effects_and_interactions(tmp_path: Path) -> None:
    info = design_of(tmp_path)
    assert info.terms == ("C = 0", "eta1 = 0", "eta2 = 0")
    found = subsets.effects(info, "acc_all")
    means = {name: float(np.mean(list(by_seed.values()))) for name, by_seed in found.items()}
    costs = zip(info.terms, (-4.0, -3.0, 0.0), strict=True)
    expected: dict[tuple[str, ...], float] = {(term,): cost for term, cost in costs}
    expected |= dict.fromkeys(itertools.combinations(info.terms, 2), 0.0)
    assert means == pytest.approx({**expected, ("C = 0", "eta1 = 0"): -4.0}, abs=0.25)
    rows = subsets.effects_table(info).rows
    assert len(rows) == 3 * 6
    row = next(r for r in rows if r[:2] == ("All", "C = 0 \u00d7 eta1 = 0"))
    values = list(found["C = 0", "eta1 = 0"].values())
    reference = stats.ttest_1samp(values, 0.0).confidence_interval(1 - 0.05 / 6)
    assert row[3] == pytest.approx((reference.low, reference.high))
    assert row[4:6] == (5, 0)


def test_the_matrix_shows_what_each_arm_changes_the_best_first(tmp_path: Path) -> None:
    (panel,) = subsets.draw_subsets(design_of(tmp_path))
    _, means, kept, changed = panel.figure.data
    assert list(means.y) == sorted(means.y, reverse=True)
    assert len(kept.x) == len(changed.x) == 12
    ticks = list(panel.figure.layout.xaxis.ticktext)
    row = list(panel.figure.layout.yaxis2.ticktext).index("eta2 = 0")
    without = {ticks[x] for x, y in zip(changed.x, changed.y, strict=True) if y == row}
    assert without == {name for name in DESIGN if "uc" in name}


@pytest.mark.parametrize("count", [2, 4, 7])
def test_arms_that_are_not_all_subsets_have_no_effects(count: int, tmp_path: Path) -> None:
    some = dict(list(DESIGN.items())[:count])
    assert subsets.sections(view_of(tmp_path, some, finals=added)) == []


def test_seeds_that_one_arm_lacks_count_in_no_effect(tmp_path: Path) -> None:
    info = design_of(tmp_path, fates={("without_C", 1): "failed"})
    assert all(1 not in by_seed for by_seed in subsets.effects(info, "acc_all").values())
    lost = {("without_C", seed): "failed" for seed in range(5)}
    info = design_of(tmp_path / "b", fates=lost)
    assert {row[2:6] for row in subsets.effects_table(info).rows} == {(None, None, 0, 0)}
