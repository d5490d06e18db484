from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from lps_sweep.report.figures.ablation import by_effect, draw_ablation, sections
from lps_sweep.report.figures.arms import (
    ablation_info,
    ablation_table,
    assignment_gap,
    changes_table,
    changes_text,
    seen_weight,
)
from lps_sweep.report.figures.slice_tables import difference_table
from lps_sweep.report.figures.trade import arm_keys, draw_trade
from lps_sweep.report.figures.trade import finding as trade_finding
from lps_sweep.report.section import Figure
from lps_sweep.results import Json, SweepView, load_view
from tests.report.report_cases import (
    ARMS,
    PAPER,
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
    noise = 0.1 * ((seed * len(point[0])) % 7)
    if point[0] == "without_pc":
        noise *= 20
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


def view_of(folder: Path, **known: Any) -> SweepView:
    sweep = ablation_record(range(5), settings=known.pop("settings", PAPER))
    return load_view(make_ledger(folder, sweep, epochs=2, finals=finals, **known), "ablation")


@pytest.fixture(scope="module")
def view(tmp_path_factory: pytest.TempPathFactory) -> SweepView:
    return view_of(tmp_path_factory.mktemp("results"))


def test_the_arms_and_what_they_change(view: SweepView) -> None:
    info = ablation_info(view)
    assert info is not None
    assert info.arms.levels == tuple(ARMS)
    assert info.arms.default == 0
    assert not info.arms.pooled
    assert list(info.arms.differences) == ["acc_seen", "acc_novel", "acc_all", "acc_novel_strict"]
    assert info.changes == (
        {},
        {"C": (10.0, 0.0)},
        {"eta1": (1.0, 0.0)},
        {"eta2": (1.0, 0.0)},
        {"w_entropy": (1.0, 0.0)},
    )
    assert info.paper_names == tuple(ARMS)
    assert info.misnamed == ()
    assert info.gaps[0] == pytest.approx(dict.fromkeys(range(5), 0.0), abs=1e-9)
    assert info.gaps[4] == pytest.approx(dict.fromkeys(range(5), -6.0), abs=1e-9)
    numbers = info.arms.reference.numbers
    assert len(numbers) == 15
    assert numbers[4, "acc_novel"] == 55.4
    assert info.arms.reference.comparable
    words = [found and found.word for found in info.arms.differences["acc_novel"]]
    assert words == [None, "inconclusive", "inconclusive", "better", "worse"]


def test_the_table_of_arms(view: SweepView) -> None:
    info = ablation_info(view)
    assert info is not None
    table = ablation_table(info)
    assert table.slug == "ablation"
    assert table.marked == {0}
    shown = [table.columns[i].label for i in table.shown]
    assert shown == [
        *("arm", "Seen ± sd", "Novel ± sd", "All ± sd", "Novel, strict ± sd"),
        *("Assignment gap ± sd", "Assignment gap, paper", "n"),
        *("Seen, paper", "Novel, paper", "All, paper"),
        *("Seen, ours less paper", "Novel, ours less paper", "All, ours less paper"),
        *("Seen, against the paper", "Novel, against the paper", "All, against the paper"),
    ]
    row = dict(zip([c.key for c in table.columns], table.rows[4], strict=True))
    assert row["arm"] == "without_entropy"
    assert row["acc_seen"] == pytest.approx((98.4, 0.158113883))
    assert row["assignment_gap"] == pytest.approx((-6.0, 0.0), abs=1e-9)
    assert row["assignment_gap_paper"] == pytest.approx(66.2 - (90.8 + 2 * 55.4) / 3)
    assert row["acc_seen_difference"] == pytest.approx(7.6)
    assert row["acc_seen_against_paper"] == "different"
    assert row["acc_novel_strict_interval95"] is not None
    assert row["acc_seen_expected"] == pytest.approx((98.05, 98.75), abs=0.1)


def test_the_differences_have_verdict_and_the_paper_s_difference(view: SweepView) -> None:
    info = ablation_info(view)
    assert info is not None
    table = difference_table(info.arms, "ablation_differences")
    rows = {
        row[:2]: dict(zip([c.key for c in table.columns], row, strict=True)) for row in table.rows
    }
    assert len(rows) == 16
    row = rows["Novel", "without_entropy"]
    assert (row["verdict"], row["n"], row["higher"]) == ("worse", 5, 0)
    assert row["paper_difference"] == pytest.approx(-38.0)
    assert rows["Novel, strict", "without_entropy"]["paper_difference"] is None
    assert "Bonferroni" in table.caption
    assert "arm" not in {c.key for c in table.columns if c.kind == "value"}


def test_what_the_arms_change_as_a_table(view: SweepView) -> None:
    info = ablation_info(view)
    assert info is not None
    assert changes_table(info).rows == (
        ("without_margin", "C", 10.0, 0.0),
        ("without_pc", "eta1", 1.0, 0.0),
        ("without_uc", "eta2", 1.0, 0.0),
        ("without_entropy", "w_entropy", 1.0, 0.0),
    )


def test_the_plot_has_every_seed_the_interval_and_the_paper(view: SweepView) -> None:
    info = ablation_info(view)
    assert info is not None
    order = by_effect(info.arms)
    assert order[-1] == 4
    panels = draw_ablation(info.arms)
    assert [panel.title for panel in panels] == ["Seen", "Novel", "All"]
    traces = panels[1].figure.data
    assert len(traces) == 5 + 1 + 1
    found = info.arms.differences["acc_novel"][4]
    assert found is not None
    for seed, trace in enumerate(traces[:5]):
        assert len(trace.x) == 4
        assert trace.x[3] == pytest.approx(found.by_seed[seed], abs=1e-3)
    estimate = traces[5]
    assert found.interval is not None
    assert found.difference is not None
    assert estimate.error_x.array[3] == pytest.approx(
        found.interval[1] - found.difference, abs=1e-3
    )
    assert list(traces[6].x)[3] == pytest.approx(-38.0)
    ticks = panels[0].figure.layout.yaxis.ticktext
    assert ticks[-1] == "without_entropy"
    assert "full" not in ticks
    assert {p.figure.layout.xaxis.range for p in panels} == {panels[0].figure.layout.xaxis.range}
    assert "without_entropy -" in panels[1].description


def test_arrows_lead_from_the_default_to_each_arm(view: SweepView) -> None:
    info = ablation_info(view)
    assert info is not None
    (panel,) = draw_trade(info.arms)
    keys = arm_keys(info.arms)
    assert [key.label for key in keys] == list(ARMS)[1:]
    assert len({(key.colour, key.symbol) for key in keys}) == 4
    arrows = panel.figure.layout.annotations
    assert [(a.ax, a.ay, a.axref, a.ayref) for a in arrows] == [(0, 0, "x", "y")] * 4
    for i, arrow in enumerate(arrows, 1):
        pair = [info.arms.differences[m][i] for m in ("acc_seen", "acc_novel")]
        assert (arrow.x, arrow.y) == pytest.approx([d and d.difference for d in pair], abs=1e-3)
    seeds, mean, paper = panel.figure.data[9:12]
    assert len(seeds.x) == 5
    assert list(seeds.ids) == [info.arms.cells[4].trials[seed] for seed in range(5)]
    assert (mean.x[0], mean.y[0]) == (arrows[3].x, arrows[3].y)
    assert (paper.x[0], paper.y[0]) == pytest.approx((0.6, -38.0))
    low, high = panel.figure.layout.yaxis.range
    assert low < -38.0 < 2.0 < high
    assert panel.figure.layout.xaxis.range[1] - panel.figure.layout.xaxis.range[0] >= 2.0


def test_only_verdicts_in_both_accuracies_are_called_a_trade(view: SweepView) -> None:
    info = ablation_info(view)
    assert info is not None
    assert trade_finding(info.arms) == "without_entropy: seen up, novel down"
    novel = info.arms.differences["acc_novel"]
    unsure = tuple(d and replace(d, word="inconclusive") for d in novel)
    arms = replace(info.arms, differences={**info.arms.differences, "acc_novel": unsure})
    assert trade_finding(arms).startswith("No arm is told to trade")


def test_the_section_says_what_the_arms_change(view: SweepView, tmp_path: Path) -> None:
    info = ablation_info(view)
    assert info is not None
    text = changes_text(info)
    assert "4 of 4 arms differ from the default arm in one setting only." in text
    assert "C = 0 leaves plain cross-entropy" in text
    assert text in sections(view)[0].blocks
    arms: dict[str, dict[str, Json]] = {
        "full": {},
        "without_pc": {"eta1": 0.0},
        "without_uc": {"eta2": 0.0, "tau": 0.2},
    }
    sweep = ablation_record(arms=list(arms))
    other = ablation_info(load_view(make_ledger(tmp_path, sweep, epochs=1, arms=arms), "ablation"))
    assert other is not None
    assert "1 of 2 arms differ" in changes_text(other)
    assert changes_text(other).endswith("not so without_uc (2).")


def test_the_section_and_its_finding(view: SweepView) -> None:
    (section,) = sections(view)
    assert section.slug == "ablation"
    slugs = [table.slug for table in section.tables]
    assert slugs == ["ablation", "ablation_differences", "ablation_changes"]
    assert "novel is worse at without_entropy" in section.findings[0]
    assert "novel is better at without_uc" in section.findings[0]


def test_an_arm_is_known_by_what_it_changes_and_not_by_its_name(tmp_path: Path) -> None:
    arms = {
        "full": {},
        "plain": {"C": 0.0},
        "without_pc": {"eta1": 0.5},
        "without_uc": {"eta2": 0.0, "tau": 0.2},
    }
    sweep = ablation_record(arms=list(arms))
    view = load_view(make_ledger(tmp_path, sweep, epochs=2, arms=arms), "ablation")
    info = ablation_info(view)
    assert info is not None
    assert info.paper_names == ("full", "without_margin", "", "")
    assert info.misnamed == ("without_pc", "without_uc")
    places = {i for i, _ in info.arms.reference.numbers}
    assert places == {0, 1}
    assert "without_pc, without_uc: named as in Table 4" in sections(view)[0].blocks[-1]  # type: ignore[operator]


def test_default_and_selected_arms_are_a_confirmation(tmp_path: Path) -> None:
    arms: dict[str, dict[str, Json]] = {"default": {}, "selected": {"C": 20.0}}
    sweep = ablation_record(arms=list(arms))
    view = load_view(make_ledger(tmp_path, sweep, epochs=1, arms=arms), "ablation")
    (section,) = sections(view)
    assert (section.slug, section.title) == ("ablation", "Confirmation")
    assert "fresh seeds" in str(section.blocks[0])
    assert section.findings[0].startswith("Confirmation: ")
    assert "Ablation" not in "".join(
        block.title for block in section.blocks if isinstance(block, Figure)
    )


def test_arms_of_another_method(tmp_path: Path) -> None:
    arms: dict[str, dict[str, Json]] = {
        "full": {},
        "other": {"method": "other", "weight": 2, "C": None},
    }
    sweep = ablation_record(arms=list(arms), settings={**PAPER, "method": "lps"})
    view = load_view(make_ledger(tmp_path, sweep, epochs=2, arms=arms), "ablation")
    info = ablation_info(view)
    assert info is not None
    assert info.changes[1] == {"method": ("lps", "other"), "C": (10.0, None), "weight": (None, 2)}


@pytest.mark.parametrize("fate", ["not_run", "failed"])
def test_arms_without_a_value(tmp_path: Path, fate: str) -> None:
    view = view_of(tmp_path, otherwise=fate)
    (section,) = sections(view)
    assert any(
        "No arm has a seed in common" in block for block in section.blocks if isinstance(block, str)
    )
    assert "too few finished seeds" in section.findings[0]


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
    info = ablation_info(view_of(tmp_path, settings={**PAPER, "dataset": "cifar100"}))
    assert info is not None
    table = ablation_table(info)
    column = [c.key for c in table.columns].index("assignment_gap_paper")
    assert table.rows[4][column] == pytest.approx(-12.9, abs=0.05)


def test_arms_beside_another_parameter_are_compared_at_its_default(tmp_path: Path) -> None:
    sweep = record(
        {"arm": ["full", "without_margin"], "tau": [0.2, 0.4]},
        defaults={"arm": "full"},
        name="ablation",
    )
    info = ablation_info(load_view(make_ledger(tmp_path, sweep, epochs=1), "ablation"))
    assert info is not None
    assert info.arms.held == {"tau": 0.4}
    expected = final_metrics(("without_margin", 0.4), 0)["acc_novel"]
    assert info.arms.cells[1].values["acc_novel"][0] == expected
    assert info.changes[1] == {"C": (10.0, 0.0)}


def test_arms_of_several_methods_are_no_ablation(tmp_path: Path) -> None:
    arms: dict[str, dict[str, Json]] = {"lps": {"method": "lps"}, "orca": {"method": "orca"}}
    sweep = ablation_record(arms=list(arms))
    view = load_view(make_ledger(tmp_path, sweep, epochs=1, arms=arms), "ablation")
    (section,) = sections(view)
    assert section.title == "Arms"
    assert section.findings[0].startswith("Arms: ")
