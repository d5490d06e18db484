"""A parameter's levels against the default, beside the paper: numbers, words, figure."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest

from lps_sweep.report.assumed import assumed_table, rules_by_level
from lps_sweep.report.cells import Cell, depth, held_point
from lps_sweep.report.columns import difference_table, finding, level_table
from lps_sweep.report.differences import LevelDifference
from lps_sweep.report.levels import Levels, read_levels
from lps_sweep.report.model import Table
from lps_sweep.report.pages.parameter import (
    draw_levels,
    freezing_table,
    paper_freezing_table,
)
from lps_sweep.report.reference import Reference
from lps_sweep.results import Json, SweepView, load_view
from tests.report.artefact_cases import Arrays, blobs, with_artefacts
from tests.report.report_cases import C_TAU, PAPER, SETTINGS, final_metrics, make_ledger, record

FATES = {(1, 0.4, 0): "failed", (5, 0.4, 1): "stopped", (5, 0.4, 2): "not_run"}
METRICS = ("acc_seen", "acc_novel", "acc_all")


def view_of(folder: Path, axes: dict[str, list[Json]], **known: Any) -> SweepView:
    seeds, settings, margin = (
        known.pop(name, default)
        for name, default in (("seeds", (0, 1, 2)), ("settings", SETTINGS), ("margin", None))
    )
    sweep = record(axes, seeds, settings=settings, margin=margin)
    return load_view(make_ledger(folder, sweep, epochs=1, **known), "c_tau")


@pytest.fixture(scope="module")
def view(tmp_path_factory: pytest.TempPathFactory) -> SweepView:
    return view_of(tmp_path_factory.mktemp("results"), C_TAU, margin=0.5, fates=FATES)


def test_levels_whole(tmp_path: Path) -> None:
    axes: dict[str, list[Json]] = {"C": [10, 1], "tau": [0.4, 0.2]}
    found = read_levels(view_of(tmp_path, axes, seeds=[0, 1], fates={(1, 0.4, 1): "failed"}), "C")
    finals = {seed: final_metrics((10, 0.4), seed) for seed in (0, 1)}
    other = final_metrics((1, 0.4), 0)
    cells = (
        Cell(2, {m: {0: other[m]} for m in METRICS}, {"failed": 1}, {0: "t00004", 1: "t00005"}),
        Cell(
            2,
            {m: {0: finals[0][m], 1: finals[1][m]} for m in METRICS},
            {},
            {0: "t00000", 1: "t00001"},
        ),
    )
    differences = {}
    for m in METRICS:
        gap = cast("float", pytest.approx(other[m] - finals[0][m]))
        differences[m] = (LevelDifference({0: gap}, gap, None, None, "too few seeds"), None)
    numbers = dict(zip(METRICS, (90.5, 90.6, 90.5), strict=True))
    paper = {(0, m): number for m, number in numbers.items()}
    paper |= {(1, "acc_seen"): 90.2, (1, "acc_novel"): 93.4, (1, "acc_all"): 92.4}
    assert found == Levels(
        parameter="C",
        values=(1, 10),
        default=1,
        held={"tau": 0.4},
        off_default=(),
        cells=cells,
        differences=differences,
        reference=Reference(paper, "CIFAR-10, 50\u00a0% labeled", 7, comparable=False),
        label="LPS",
    )


def test_the_true_number_of_classes_has_its_place_and_heads_in_use_are_counted(
    tmp_path: Path,
) -> None:
    def arrays(seed: int) -> Arrays:
        made = blobs(seed)
        return {**made, "predictions": made["predictions"] % (8 - seed)}

    sweep = record({"assumed_classes": [8, 0, 12]}, defaults={"assumed_classes": 0})
    view = load_view(with_artefacts(tmp_path, sweep, arrays), "c_tau")
    levels = read_levels(view, "assumed_classes")
    assert levels.values == (8, 0, 12)
    assert levels.places == (8.0, 10.0, 12.0)
    assert levels.texts == ("8", "true (10)", "12")
    assert levels.default == 1
    table = assumed_table(view, levels)
    (place,) = [i for i, column in enumerate(table.columns) if column.key == "used_heads"]
    assert [row[place] for row in table.rows] == [pytest.approx((7.0, 1.0))] * 3
    (fold,) = rules_by_level(view, levels)
    (rules,) = fold.blocks
    assert isinstance(rules, Table)
    names = [column.key for column in rules.columns]
    assert {"rule_silhouette", "rule_balance"} <= set(names)
    assert "oracle" not in " ".join(names)
    shares = [[np.mean(arrays(s)["predictions"] == k) for k in range(8 - s)] for s in range(3)]
    kl = [np.log(8) + sum(p * np.log(p) for p in of_seed) for of_seed in shares]
    assert rules.rows[0][names.index("rule_kl_to_prior")] == pytest.approx(
        (-np.mean(kl), np.std(kl, ddof=1)), abs=1e-6
    )


def test_levels_are_of_trials_at_the_defaults_of_the_others(view: SweepView) -> None:
    found = read_levels(view, "tau")
    assert found.held == {"C": 10}
    expected = [final_metrics((10, tau), 0)["acc_novel"] for tau in C_TAU["tau"]]
    assert [cell.values["acc_novel"][0] for cell in found.cells] == expected


def test_an_unplanned_default_is_replaced_by_the_nearest_and_said(tmp_path: Path) -> None:
    view = view_of(tmp_path, {"C": [1, 5], "tau": [0.4]})
    assert held_point(view) == {"C": 5, "tau": 0.4}
    assert read_levels(view, "C").default is None
    assert read_levels(view, "tau").off_default == ("C",)


def test_values_that_move_together_are_one_parameter(tmp_path: Path) -> None:
    rows = [(5, 0.6), (10, 0.2), (20, 0.4)]
    axes: dict[str, list[Json]] = {"C": [5, 10, 20], "tau": [0.2, 0.4, 0.6]}
    view = view_of(tmp_path, axes, settings={**SETTINGS, "tau": 0.3}, points=rows)
    assert held_point(view) == {"C": 10, "tau": 0.2}
    info = read_levels(view, "C")
    assert (info.held, info.moving) == ({}, {"tau": (0.6, 0.2, 0.4)})
    expected = [final_metrics(row, 0)["acc_novel"] for row in rows]
    assert [cell.values["acc_novel"][0] for cell in info.cells] == expected
    assert info.default is None, "C = 10 was planned, though not at the default of tau"


def test_words_are_levels_too(tmp_path: Path) -> None:
    settings = {**SETTINGS, "frozen_bn": "train"}
    view = view_of(tmp_path, {"frozen_bn": ["train", "eval"]}, settings=settings)
    info = read_levels(view, "frozen_bn")
    assert info.values == ("train", "eval")
    assert list(draw_levels(info)[0].figure.data[0].x) == [0.0, 1.0]
    assert level_table(info).rows[0][0] == "train"


def test_differences_to_the_paper_only_in_its_setting(tmp_path: Path) -> None:
    keys = [
        {c.key for c in level_table(read_levels(view, "C")).columns}
        for view in (
            view_of(tmp_path / "ours", {"C": [1, 10]}),
            view_of(tmp_path / "paper", {"C": [1, 10]}, settings=PAPER),
        )
    ]
    assert "acc_all_paper" in keys[0] & keys[1]
    assert "acc_all_difference" not in keys[0]
    assert "acc_all_difference" in keys[1]


def test_the_paper_s_differences_stand_beside_ours(view: SweepView) -> None:
    table = difference_table(read_levels(view, "C"))
    novel = {row[1]: row[5] for row in table.rows if row[0] == "Novel"}
    assert novel == pytest.approx({1: -2.8, 5: -1.5, 15: -0.1, 20: -1.5})


def values(of: Any) -> Any:
    """Final metrics that are one number in all three accuracies."""
    return lambda point, seed: dict.fromkeys(METRICS, of(point, seed))


@pytest.mark.parametrize(
    ("of", "word"),
    [
        (lambda p, s: 95 + 0.1 * s + 0.01 * ((s + p[0]) % 3), "equivalent"),
        (lambda p, s: 95 + 0.1 * s - 20 * (p[0] == 1), "worse"),
        (lambda p, s: 95 + 3.0 * ((s * p[0]) % 4), "inconclusive"),
    ],
)
def test_the_finding_says_what_the_data_allow(tmp_path: Path, of: Any, word: str) -> None:
    view = view_of(tmp_path, {"C": [1, 10]}, margin=0.5, finals=values(of))
    levels = read_levels(view, "C")
    assert levels.difference("acc_novel", 0).word == word
    assert word in finding(levels)


def test_a_level_that_cannot_be_judged_is_named_and_not_called_equivalent(tmp_path: Path) -> None:
    """C = 1 lost two of its three seeds: the others are equivalent, of it nothing is said."""
    same = values(lambda point, seed: 95.0 + 0.01 * ((seed + int(point[0])) % 3))
    fates = {(1, 0): "diverged", (1, 1): "failed"}
    view = view_of(tmp_path, {"C": [1, 5, 10]}, margin=0.5, fates=fates, finals=same)
    levels = read_levels(view, "C")
    words = [row.found.word for row in levels.compared(["acc_all"])]
    assert words == ["too few seeds", "equivalent"]


def test_what_pairing_does_is_told(tmp_path: Path) -> None:
    """Seeds that move both levels alike: correlation near 1, a small variance of differences."""
    paired = values(lambda point, seed: 80.0 + 5 * seed + 0.1 * ((seed * point[0]) % 3))
    view = view_of(tmp_path, {"C": [1, 10]}, seeds=[0, 1, 2, 3], finals=paired)
    table = difference_table(read_levels(view, "C"))
    numbers = [cell for row in table.rows for cell in row if not isinstance(cell, str)]
    parts = [n for cell in numbers for n in (cell if isinstance(cell, tuple) else (cell,))]
    kinds = {type(part) for part in parts if part is not None}
    assert kinds <= {int, float}, "numpy's numbers spoil the CSV"
    row = dict(zip([column.key for column in table.columns], table.rows[-1], strict=True))
    assert row["correlation"] == pytest.approx(1.0, abs=1e-3)
    assert 0 <= float(str(row["variance_ratio"])) < 0.01


def test_the_figure_has_every_seed_and_the_margin_around_the_default(view: SweepView) -> None:
    levels = read_levels(view, "C")
    panels = draw_levels(levels)
    assert len({panel.figure.layout.yaxis.range for panel in panels}) == 1
    for panel, metric in zip(panels, levels.differences, strict=True):
        lines = [t for t in panel.figure.data if t.mode == "lines+markers"]
        seeds = [t for t in lines if t.marker.symbol != "diamond-open"]
        assert len({t.line.dash for t in seeds}) == len({t.marker.symbol for t in seeds}) == 3
        (band,) = [s for s in panel.figure.layout.shapes if s.type == "rect"]
        mean = levels.cells[2].mean(metric)
        assert mean is not None
        assert (band.y0, band.y1) == pytest.approx((mean - 0.5, mean + 0.5), abs=1e-4)


@pytest.mark.parametrize(
    ("levels", "kind"),
    [([0.0001, 0.001, 0.01], "log"), ([1, 5, 20], "linear"), ([0, 0.001, 1.0], "linear")],
)
def test_wide_levels_start_on_a_logarithmic_axis(
    levels: list[Any], kind: str, tmp_path: Path
) -> None:
    settings = {**SETTINGS, "weight_decay": levels[1]}
    view = view_of(tmp_path, {"weight_decay": levels}, settings=settings)
    figure = draw_levels(read_levels(view, "weight_decay"))[0].figure
    assert figure.layout.xaxis.type == kind
    assert len(figure.layout.updatemenus) == (kind == "log")
    means = next(t for t in figure.data if t.error_y.array is not None)
    assert all(low < at for low, at in zip(levels, means.x, strict=True))


def freezing_of(folder: Path, levels: list[Json], **settings: Json) -> tuple[SweepView, Levels]:
    def of(point: Sequence[Any], seed: int) -> float:
        return 90.0 + 0.3 * seed + {"none": 3.0, "stage1": 1.0}.get(point[0], 0.2 * (seed % 2))

    view = view_of(
        folder,
        {"frozen_through": levels},
        seeds=range(4),
        settings={**PAPER, **settings},
        finals=values(of),
    )
    return view, read_levels(view, "frozen_through")


def test_what_is_frozen_goes_from_most_to_least(tmp_path: Path) -> None:
    _, info = freezing_of(tmp_path / "a", ["none", "stage3", "stem", "stage1"])
    assert info.values == ("stage3", "stage1", "stem", "none")
    assert [depth(level) for level in info.values] == [4, 2, 1, 0]
    words = [found and found.word for found in info.differences["acc_novel"]]
    assert words == [None, "better", "inconclusive", "better"]
    assert not info.pooled
    numbers = info.reference.numbers
    assert {i for i, _ in numbers} == {0, 3}
    assert (numbers[0, "acc_novel"], numbers[3, "acc_novel"]) == (93.4, 95.5)
    assert (info.reference.table, info.reference.comparable) == (3, True)
    _, few = freezing_of(tmp_path / "b", ["stage3", "none"], dataset="cifar100", labeled_ratio=0.1)
    assert few.reference.table == 9
    assert [few.reference.numbers[i, "acc_all"] for i in (0, 1)] == [47.5, 47.3]


def test_what_a_trial_costs_is_the_median_of_the_done_ones(tmp_path: Path) -> None:
    view, info = freezing_of(tmp_path, ["stage3", "none"])
    assert "trained_weights" not in [c.key for c in freezing_table(view, info).columns]
    tuned = view.trials["frozen_through"] == "none"
    view.trials["trained_weights"] = tuned.map({True: 60_400.0, False: 37_000.0})
    view.trials["peak_memory_mb"] = [float("nan")] * len(view.trials)
    table = freezing_table(view, info)
    keys = [column.key for column in table.columns]
    rows = [dict(zip(keys, row, strict=True)) for row in table.rows]
    assert [row["trained_weights"] for row in rows] == [37_000, 60_400]
    assert [row["peak_memory_mb"] for row in rows] == [None, None]


def test_the_paper_s_tables_3_and_9_whole() -> None:
    table = paper_freezing_table()
    assert len(table.rows) == 14
    found = {row[:3]: row[-1] for row in table.rows}
    assert found["LPS", "CIFAR-10", 50.0] == pytest.approx(2.9)
    lost = [found[m, d, 10.0] for m in ("ORCA", "NACH") for d in ("CIFAR-10", "CIFAR-100")]
    assert lost == pytest.approx([-4.6, -9.0, -7.3, -6.4])
