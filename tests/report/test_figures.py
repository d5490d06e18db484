from __future__ import annotations

import re
from pathlib import Path
from typing import cast

import pytest

from lps_sweep.report.cells import Cell, held_point
from lps_sweep.report.comparison import LevelDifference
from lps_sweep.report.figures import all_sections, section_modules
from lps_sweep.report.figures.curves import draw_default, draw_levels
from lps_sweep.report.figures.health import mixture_text, provenance_rows
from lps_sweep.report.figures.lines import MAX_POINTS, Line, group_info, level_info, thinned
from lps_sweep.report.figures.sensitivity import draw_slice
from lps_sweep.report.figures.slice_tables import difference_table, level_table
from lps_sweep.report.figures.slices import SliceInfo, finding, slice_info
from lps_sweep.report.figures.style import PALETTE, level_keys
from lps_sweep.report.reference import Reference
from lps_sweep.report.section import unique_tables
from lps_sweep.results import SweepView, load_view
from tests.report.report_cases import (
    C_TAU,
    PAPER,
    SETTINGS,
    final_metrics,
    make_ledger,
    record,
)

FATES = {
    (15, 0.4, 2): "failed",
    (20, 0.6, 0): "diverged",
    (20, 0.6, 1): "failed",
    (20, 0.6, 2): "not_run",
}


@pytest.fixture(scope="module")
def view(tmp_path_factory: pytest.TempPathFactory) -> SweepView:
    folder = make_ledger(tmp_path_factory.mktemp("results"), record(C_TAU), FATES, epochs=5)
    return load_view(folder, "c_tau")


def test_slice_info_whole(tmp_path: Path) -> None:
    sweep = record({"C": [10, 1], "tau": [0.4, 0.2]}, [0, 1])
    found = slice_info(
        load_view(make_ledger(tmp_path, sweep, {(1, 0.4, 1): "failed"}), "c_tau"), "C"
    )
    finals = {seed: final_metrics((10, 0.4), seed) for seed in (0, 1)}
    other = final_metrics((1, 0.4), 0)
    metrics = ("acc_seen", "acc_novel", "acc_all")
    assert found == SliceInfo(
        parameter="C",
        levels=(1, 10),
        default=1,
        held={"tau": 0.4},
        off_default=(),
        cells=(
            Cell(2, {m: {0: other[m]} for m in metrics}, {"failed": 1}, {0: "t00004", 1: "t00005"}),
            Cell(
                2,
                {m: {0: finals[0][m], 1: finals[1][m]} for m in metrics},
                {},
                {0: "t00000", 1: "t00001"},
            ),
        ),
        differences={
            m: (
                LevelDifference(
                    {0: cast("float", pytest.approx(other[m] - finals[0][m]))},
                    cast("float", pytest.approx(other[m] - finals[0][m])),
                    None,
                    None,
                    "too few seeds",
                ),
                None,
            )
            for m in metrics
        },
        reference=Reference(
            {
                (0, "acc_seen"): 90.5,
                (0, "acc_novel"): 90.6,
                (0, "acc_all"): 90.5,
                (1, "acc_seen"): 90.2,
                (1, "acc_novel"): 93.4,
                (1, "acc_all"): 92.4,
            },
            "CIFAR-10, 50\u00a0% labeled",
            7,
            comparable=False,
        ),
    )


def test_a_slice_uses_only_trials_at_the_defaults_of_the_others(view: SweepView) -> None:
    found = slice_info(view, "tau")
    assert found.held == {"C": 10}
    expected = [final_metrics((10, tau), 0)["acc_novel"] for tau in C_TAU["tau"]]
    assert [cell.values["acc_novel"][0] for cell in found.cells] == expected


def test_an_unplanned_default_is_replaced_by_the_nearest_and_said(tmp_path: Path) -> None:
    sweep = record({"C": [1, 5], "tau": [0.4]})
    view = load_view(make_ledger(tmp_path, sweep), "c_tau")
    assert held_point(view) == {"C": 5, "tau": 0.4}
    assert slice_info(view, "C").default is None
    assert "was not planned" in finding(slice_info(view, "C"))
    assert "nearest planned value" in level_table(slice_info(view, "tau")).caption


def test_values_that_move_together_are_sliced_together(tmp_path: Path) -> None:
    sweep = record({"C": [5, 10, 20], "tau": [0.2, 0.4, 0.6]}, settings={**SETTINGS, "tau": 0.3})
    rows = [(5, 0.6), (10, 0.2), (20, 0.4)]
    view = load_view(make_ledger(tmp_path, sweep, points=rows), "c_tau")
    assert held_point(view) == {"C": 10, "tau": 0.2}
    info = slice_info(view, "C")
    assert (info.held, info.moving) == ({}, {"tau": (0.6, 0.2, 0.4)})
    expected = [final_metrics(row, 0)["acc_novel"] for row in rows]
    assert [cell.values["acc_novel"][0] for cell in info.cells] == expected
    assert info.default is None  # C = 10 was planned, though not at the default of tau
    assert "with which tau moves (0.6, 0.2, 0.4)" in level_table(info).caption
    assert [group.num_done for group in level_info(view, "C")] == [3, 3, 3]


def test_differences_to_the_paper_only_in_its_setting(tmp_path: Path) -> None:
    ours = make_ledger(tmp_path / "ours", record({"C": [1, 10]}))
    same = make_ledger(tmp_path / "paper", record({"C": [1, 10]}, settings=PAPER))
    keys = [
        {c.key for c in level_table(slice_info(load_view(f, "c_tau"), "C")).columns}
        for f in (ours, same)
    ]
    assert "acc_all_paper" in keys[0] & keys[1]
    assert "acc_all_difference" not in keys[0]
    assert "acc_all_difference" in keys[1]


def test_drawn_slice_has_every_seed_the_means_and_hollow_diamonds(view: SweepView) -> None:
    info = slice_info(view, "C")
    panels = draw_slice(info)
    assert [panel.title for panel in panels] == ["Seen", "Novel", "All"]
    traces = panels[1].figure.data
    seeds = [t for t in traces if t.mode == "lines+markers" and t.marker.symbol != "diamond-open"]
    assert len(seeds) == 3
    assert [t.y[3] is None for t in seeds] == [False, False, True]
    assert len({t.line.dash for t in seeds}) == len({t.marker.symbol for t in seeds}) == 3
    paper = [t for t in traces if t.marker.symbol == "diamond-open"]
    assert list(paper[0].y) == [90.6, 91.9, 93.4, 93.3, 91.9]
    assert paper[0].error_y.array is None
    means = [t for t in traces if t.mode == "markers"]
    assert sorted(len(t.x) for t in means) == [1, 4]
    assert {panel.figure.layout.yaxis.range for panel in panels} == {
        panels[0].figure.layout.yaxis.range
    }
    assert "<b>10</b><br>default" in panels[0].figure.layout.xaxis.ticktext


def test_the_finding_tells_equivalent_levels(tmp_path: Path) -> None:
    view = load_view(make_ledger(tmp_path, record({"C": [1, 10]}, margin=0.5)), "c_tau")
    for i in range(6):
        for metric in ("acc_seen", "acc_novel", "acc_all"):
            view.trials.loc[i, metric] = 95.0 + 0.1 * float(i % 3) + 0.01 * float(i == 0)
    info = slice_info(view, "C")
    assert "equivalent. Every level is within 0.5 points" in finding(info)
    assert "\u00b10.5 points" in difference_table(info).caption


def test_the_paper_s_differences_stand_beside_ours(view: SweepView) -> None:
    table = difference_table(slice_info(view, "C"))
    novel = {row[1]: row[5] for row in table.rows if row[0] == "Novel"}
    assert novel == {
        1: pytest.approx(-2.8),
        5: pytest.approx(-1.5),
        15: pytest.approx(-0.1),
        20: pytest.approx(-1.5),
    }


def test_a_resolved_finding_names_level_and_size(tmp_path: Path) -> None:
    view = load_view(make_ledger(tmp_path, record({"C": [1, 10]})), "c_tau")
    for i in range(6):
        shift = 20.0 if view.trials.loc[i, "C"] == 1 else 0.0
        view.trials.loc[i, "acc_novel"] = 95.0 - shift + 0.1 * float(i % 3)
    text = finding(slice_info(view, "C"))
    assert "novel is worse at 1 (\u221220.0 points)" in text
    assert "all other comparisons are inconclusive" in text


def test_means_of_curves_are_of_done_trials_at_common_epochs(view: SweepView) -> None:
    group = group_info(view, {"C": 15, "tau": 0.4})
    lines = group.lines["acc_novel"]
    assert [len(lines[seed].epochs) for seed in (0, 1, 2)] == [5, 5, 3]
    mean = group.means["acc_novel"]
    assert group.num_done == 2
    assert mean.epochs == (1, 2, 3, 4, 5)
    assert mean.values[-1] == pytest.approx((lines[0].values[-1] + lines[1].values[-1]) / 2)
    gap = group.lines["gap"][0].values[-1]
    assert gap == pytest.approx(lines_end(group.lines["acc_seen"][0]) - lines_end(lines[0]))


def lines_end(line: Line) -> float:
    return line.values[-1]


def test_thinning_keeps_every_peak_and_the_last_epoch() -> None:
    epochs = tuple(range(1, 1001))
    values = tuple(100.0 if e == 333 else -5.0 if e == 777 else 50 + e % 3 for e in epochs)
    short = thinned(Line(epochs, values))
    assert len(short.epochs) <= MAX_POINTS + 1
    assert list(short.epochs) == sorted(set(short.epochs))
    drawn = dict(zip(short.epochs, short.values, strict=True))
    assert (drawn[333], drawn[777], drawn[1000]) == (100.0, -5.0, values[-1])
    assert thinned(Line(epochs[:200], values[:200])) == Line(epochs[:200], values[:200])
    assert thinned(Line((), ())) == Line((), ())


def test_curves_draw_each_seed_thin_and_each_mean_thick(view: SweepView) -> None:
    group = group_info(view, {"C": 10, "tau": 0.4})
    panels = draw_default(group)
    assert [len(panel.figure.data) for panel in panels] == [12, 4]
    widths = sorted(trace.line.width for trace in panels[1].figure.data)
    assert widths[:3] == [0.6] * 3
    assert widths[3] > 2
    groups = level_info(view, "C")
    levels = draw_levels(groups, level_keys(C_TAU["C"], 2))
    assert [panel.title for panel in levels] == [
        "Seen",
        "Novel",
        "All",
        "Seen \u2212 novel",
        "KL(prior ‖ estimate)",
    ]
    assert len(levels[0].figure.data) == 5 * 4


def test_levels_are_told_apart_by_colour_and_dash() -> None:
    keys = level_keys(list(range(20)), 3)
    assert keys[3].label == "3 (default)"
    assert len({(key.colour, key.dash) for key in keys}) == 20


def test_each_colour_can_be_exchanged_both_ways() -> None:
    assert len({light for light, _ in PALETTE.values()}) == len(PALETTE)
    assert len({dark for _, dark in PALETTE.values()}) == len(PALETTE)
    assert all(re.fullmatch("#[0-9A-F]{6}", c) for forms in PALETTE.values() for c in forms)


def test_provenance_mixtures_are_named() -> None:
    records = [
        {"code": "a", "packages": {"torch": "2.15"}},
        {"code": "b", "packages": {"torch": "2.15"}},
    ]
    assert provenance_rows(records) == [("code", ("a", "b")), ("packages.torch", ("2.15",))]
    assert "the same code;" in mixture_text(records)
    assert mixture_text(records[:1]) == ""


def test_sections_are_found_in_order_with_unique_names(view: SweepView) -> None:
    modules = [module.__name__.rpartition(".")[2] for module in section_modules()]
    assert modules == [
        *("main_comparison", "search", "effects", "sensitivity", "count_section", "grid"),
        *("interaction", "ablation", "freezing", "curves", "class_shares", "features"),
        *("health", "cost", "claims", "trials", "notes"),
    ]
    sections = all_sections(view)
    slugs = [section.slug for section in sections]
    assert len(set(slugs)) == len(slugs) == 12
    assert "trials" in {table.slug for table in unique_tables(sections)}
    with pytest.raises(ValueError, match="two tables"):
        unique_tables([*sections, *sections])


def test_words_and_other_values_are_levels_too(tmp_path: Path) -> None:
    sweep = record({"frozen_bn": ["train", "eval"]}, settings={**SETTINGS, "frozen_bn": "train"})
    info = slice_info(load_view(make_ledger(tmp_path, sweep), "c_tau"), "frozen_bn")
    assert info.levels == ("train", "eval")
    assert list(draw_slice(info)[0].figure.data[0].x) == [0.0, 1.0]
    assert level_table(info).rows[0][0] == "train"
