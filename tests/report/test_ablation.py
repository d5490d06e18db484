"""The arms of a sweep: what they change, and what that does."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from lps_sweep.report.against import by_effect, trade_finding
from lps_sweep.report.arms import Arms, assignment_gap, read_arms, seen_weight
from lps_sweep.report.pages.arms import (
    arms_table,
    changes_table,
    changes_text,
    sections,
)
from lps_sweep.results import Json, SweepView, load_view
from tests.report.report_cases import (
    ARMS,
    PAPER,
    SETTINGS,
    ablation_record,
    make_ledger,
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
    gaps = [cell.values["gap"] for cell in info.levels.cells]
    assert gaps[0] == pytest.approx(dict.fromkeys(range(5), 0.0), abs=1e-9)
    assert gaps[4] == pytest.approx(dict.fromkeys(range(5), -6.0), abs=1e-9)
    numbers = info.levels.reference.numbers
    assert (len(numbers), numbers[4, "acc_novel"]) == (15, 55.4)
    assert info.levels.reference.comparable
    words = [found and found.word for found in info.levels.differences["acc_novel"]]
    assert words == [None, "inconclusive", "inconclusive", "better", "worse"]
    assert by_effect(info.levels)[-1] == 4
    assert trade_finding(info.levels) == "without_entropy: seen up, novel down"


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


def test_arms_that_change_more_than_one_setting_are_named(view: SweepView, tmp_path: Path) -> None:
    more: dict[str, dict[str, Json]] = {"full": {}, "two": {"eta2": 0.0, "tau": 0.2}}
    assert changes_text(arms_of(view)) in sections(view)[0].blocks
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


def test_arms_of_several_methods_and_of_a_confirmation_are_called_so(tmp_path: Path) -> None:
    methods: dict[str, dict[str, Json]] = {
        "lps": {"method": "lps"},
        "orca": {"method": "orca", "C": None, "weight": 2},
        "heavy": {"method": "orca", "C": None, "weight": 3},
    }
    settings = {**PAPER, "method": "lps"}
    view = view_of(tmp_path / "a", methods, settings)
    changed = {"method": ("lps", "orca"), "C": (10.0, None), "weight": (None, 2)}
    assert arms_of(view).changes[1] == changed
    again = view_of(tmp_path / "b", {"default": {}, "selected": {"C": 20.0}}, settings)
    assert [sections(v)[0].title for v in (view, again)] == ["Arms", "Confirmation"]


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
