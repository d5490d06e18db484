"""The arms of a sweep: what they change, what that does, and designs of all subsets of changes."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import stats

from lps_sweep.report.against import by_effect, draw_trade, trade_finding
from lps_sweep.report.arms import Arms, assignment_gap, read_arms, seen_weight
from lps_sweep.report.columns import difference_table
from lps_sweep.report.pages import subsets
from lps_sweep.report.pages.arms import arms_table, changes_table, changes_text, sections
from lps_sweep.results import Json, SweepView, load_view
from tests.report.report_cases import (
    ARMS,
    PAPER,
    SETTINGS,
    ablation_record,
    final_metrics,
    make_ledger,
    record,
)

EFFECTS = {
    "full": (0.0, 0.0),
    "without_margin": (0.3, 0.2),
    "without_pc": (0.0, -2.0),
    "without_uc": (0.5, 2.0),
    "without_entropy": (0.2, -30.0),
}
"""Points on seen and novel."""


def finals(point: Sequence[Any], seed: int) -> dict[str, float]:
    seen, novel = EFFECTS[point[0]]
    noise = 0.1 * ((seed * len(point[0])) % 7) * (20 if point[0] == "without_pc" else 1)
    seen, novel = 98.0 + seen + 0.1 * seed, 94.0 + novel + noise
    lost = 6.0 if point[0] == "without_entropy" else 0.0
    return {
        "acc_seen": seen,
        "acc_novel": novel,
        "acc_all": 0.3 * seen + 0.7 * novel - lost,
        "acc_seen_strict": seen,
        "acc_novel_strict": novel - 1.0,
        "acc_all_strict": 0.3 * seen + 0.7 * (novel - 1.0),
    }


def view_of(
    folder: Path,
    arms: Mapping[str, Mapping[str, Json]] = ARMS,
    settings: Mapping[str, Json] = PAPER,
    seeds: Sequence[int] = range(5),
    **known: Any,
) -> SweepView:
    sweep = ablation_record(seeds, arms=list(arms), settings=settings)
    return load_view(make_ledger(folder, sweep, epochs=1, arms=arms, **known), "ablation")


def arms_of(view: SweepView) -> Arms:
    found = read_arms(view)
    assert found is not None
    return found


@pytest.fixture(scope="module")
def view(tmp_path_factory: pytest.TempPathFactory) -> SweepView:
    return view_of(tmp_path_factory.mktemp("results"), finals=finals)


def test_the_arms_and_what_they_change(view: SweepView) -> None:
    info = arms_of(view)
    assert info.levels.values == tuple(ARMS)
    assert (info.levels.default, info.levels.pooled) == (0, False)
    assert list(info.levels.differences) == ["acc_seen", "acc_novel", "acc_all", "acc_novel_strict"]
    assert info.changes == (
        {},
        {"C": (10.0, 0.0)},
        {"eta1": (1.0, 0.0)},
        {"eta2": (1.0, 0.0)},
        {"w_entropy": (1.0, 0.0)},
    )
    assert changes_table(info).rows[1] == ("without_pc", "eta1", 1.0, 0.0)
    assert (info.paper_names, info.misnamed) == (tuple(ARMS), ())
    assert info.gaps[0] == pytest.approx(dict.fromkeys(range(5), 0.0), abs=1e-9)
    assert info.gaps[4] == pytest.approx(dict.fromkeys(range(5), -6.0), abs=1e-9)
    numbers = info.levels.reference.numbers
    assert (len(numbers), numbers[4, "acc_novel"]) == (15, 55.4)
    assert info.levels.reference.comparable
    words = [found and found.word for found in info.levels.differences["acc_novel"]]
    assert words == [None, "inconclusive", "inconclusive", "better", "worse"]
    assert by_effect(info.levels)[-1] == 4


def test_the_table_of_arms(view: SweepView) -> None:
    table = arms_table(arms_of(view))
    assert table.marked == {0}
    row = dict(zip([c.key for c in table.columns], table.rows[4], strict=True))
    assert row["arm"] == "without_entropy"
    assert row["acc_seen"] == pytest.approx((98.4, 0.158113883))
    assert row["assignment_gap"] == pytest.approx((-6.0, 0.0), abs=1e-9)
    assert row["assignment_gap_paper"] == pytest.approx(66.2 - (90.8 + 2 * 55.4) / 3)
    assert row["acc_seen_difference"] == pytest.approx(7.6)
    assert row["acc_seen_against_paper"] == "different"
    assert row["acc_seen_expected"] == pytest.approx((98.05, 98.75), abs=0.1)


def test_the_differences_have_verdict_and_the_paper_s_difference(view: SweepView) -> None:
    table = difference_table(arms_of(view).levels)
    keys = [c.key for c in table.columns]
    rows = {row[:2]: dict(zip(keys, row, strict=True)) for row in table.rows}
    assert len(rows) == 16
    row = rows["Novel", "without_entropy"]
    assert (row["verdict"], row["n"], row["higher"]) == ("worse", 5, 0)
    assert row["paper_difference"] == pytest.approx(-38.0)
    assert rows["Novel, strict", "without_entropy"]["paper_difference"] is None


def test_arrows_lead_from_the_default_to_each_arm(view: SweepView) -> None:
    levels = arms_of(view).levels
    (panel,) = draw_trade(levels)
    arrows = panel.figure.layout.annotations
    assert [(a.ax, a.ay, a.axref, a.ayref) for a in arrows] == [(0, 0, "x", "y")] * 4
    for i, arrow in enumerate(arrows, 1):
        pair = [levels.difference(m, i).difference for m in ("acc_seen", "acc_novel")]
        assert (arrow.x, arrow.y) == pytest.approx(pair, abs=1e-3)
    assert trade_finding(levels) == "without_entropy: seen up, novel down"
    low, high = panel.figure.layout.yaxis.range
    assert low < -38.0 < 2.0 < high, "the paper's number is within the axis"


def test_the_section_says_what_the_arms_change(view: SweepView, tmp_path: Path) -> None:
    text = changes_text(arms_of(view))
    assert "4 of 4" in text
    (section,) = sections(view)
    assert text in section.blocks
    assert all(word in section.findings[0] for word in ("without_entropy", "without_uc"))
    more: dict[str, dict[str, Json]] = {"full": {}, "two": {"eta2": 0.0, "tau": 0.2}}
    assert "two (2)" in changes_text(arms_of(view_of(tmp_path, more)))


def test_an_arm_is_known_by_what_it_changes_and_not_by_its_name(tmp_path: Path) -> None:
    arms: dict[str, dict[str, Json]] = {
        "full": {},
        "plain": {"C": 0.0},
        "without_pc": {"eta1": 0.5},
        "without_uc": {"eta2": 0.0, "tau": 0.2},
    }
    view = view_of(tmp_path, arms, SETTINGS)
    info = arms_of(view)
    assert info.paper_names == ("full", "without_margin", "", "")
    assert {i for i, _ in info.levels.reference.numbers} == {0, 1}
    texts = [block for block in sections(view)[0].blocks if isinstance(block, str)]
    assert any("without_pc, without_uc" in text for text in texts)


@pytest.mark.parametrize(
    ("arms", "title"),
    [
        ({"default": {}, "selected": {"C": 20.0}}, "Confirmation"),
        (
            {
                "lps": {"method": "lps"},
                "orca": {"method": "orca", "C": None, "weight": 2},
                "heavy": {"method": "orca", "C": None, "weight": 3},
            },
            "Arms",
        ),
    ],
)
def test_what_the_arms_are_is_in_the_title(
    arms: dict[str, dict[str, Json]], title: str, tmp_path: Path
) -> None:
    view = view_of(tmp_path, arms, {**PAPER, "method": "lps"})
    (section,) = sections(view)
    assert (section.slug, section.title) == ("ablation", title)
    assert section.findings[0].startswith(f"{title}: ")
    if title == "Arms":
        changed = {"method": ("lps", "orca"), "C": (10.0, None), "weight": (None, 2)}
        assert arms_of(view).changes[1] == changed


def test_without_arms_there_is_no_ablation(tmp_path: Path) -> None:
    view = load_view(make_ledger(tmp_path, record({"C": [1, 10]}), epochs=1), "c_tau")
    assert sections(view) == []


def test_the_assignment_gap_uses_the_true_numbers_of_images() -> None:
    row = {"acc_seen": 90.0, "acc_novel": 50.0, "acc_all": 60.0}
    half = {"labeled_ratio": 0.5, "seen_classes": 0}
    assert assignment_gap(row, half) == pytest.approx(60 - (90 + 2 * 50) / 3)
    strict = {"acc_seen_strict": 90.0, "acc_novel_strict": 40.0, "acc_all_strict": 60.0}
    assert assignment_gap({**row, **strict}, half) == pytest.approx(60 - (0.4 * 90 + 0.6 * 50))
    equal = {"acc_seen_strict": 90.0, "acc_novel_strict": 90.0, "acc_all_strict": 90.0}
    assert assignment_gap({**row, **equal}, half) == pytest.approx(60 - (90 + 2 * 50) / 3)
    assert assignment_gap(row, {"labeled_ratio": 0.5, "seen_classes": 3}) is None
    assert assignment_gap({"acc_seen": 90.0}, half) is None
    assert seen_weight(0.1, 0) == pytest.approx(0.9 / 1.9)


def test_the_paper_s_own_gap_shows_the_collapse_on_cifar_100(tmp_path: Path) -> None:
    settings = {**PAPER, "dataset": "cifar100"}
    table = arms_table(arms_of(view_of(tmp_path, settings=settings, finals=finals)))
    column = [c.key for c in table.columns].index("assignment_gap_paper")
    assert table.rows[4][column] == pytest.approx(-12.9, abs=0.05)


def test_arms_beside_another_parameter_are_compared_at_its_default(tmp_path: Path) -> None:
    axes: dict[str, list[Json]] = {"arm": ["full", "without_margin"], "tau": [0.2, 0.4]}
    sweep = record(axes, defaults={"arm": "full"}, name="ablation")
    info = arms_of(load_view(make_ledger(tmp_path, sweep, epochs=1), "ablation"))
    assert info.levels.held == {"tau": 0.4}
    expected = final_metrics(("without_margin", 0.4), 0)["acc_novel"]
    assert info.levels.cells[1].values["acc_novel"][0] == expected
    assert info.changes[1] == {"C": (10.0, 0.0)}


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
