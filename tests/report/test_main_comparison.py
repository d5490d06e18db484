"""Methods against each other in the layout of the paper's Tables 1 and 2."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from scipy import stats

from lps_sweep.report.methods import Comparison, read_methods
from lps_sweep.report.pages.methods import (
    accuracy_table,
    against_paper_table,
    finding,
    nmi_table,
    sections,
)
from lps_sweep.report.setting import Setting, doubts_table
from lps_sweep.results import Json, SweepView, load_view
from tests.report.report_cases import PAPER, SETTINGS, make_ledger, record

METHODS: dict[str, dict[str, Json]] = {
    name: {"method": name} for name in ("lps", "orca", "simclr_kmeans")
}
NOVEL = {"lps": 93.0, "orca": 90.0, "simclr_kmeans": 92.9}


def finals(point: Sequence[Any], seed: int) -> dict[str, float]:
    """At seed s: novel 0.1 s above the method's own; one seen image in three; a gap of -2."""
    novel = NOVEL.get(str(point[0]), 93.0) + 0.1 * seed
    novel += (seed - 1) if point[0] == "simclr_kmeans" else 0.0
    seen = 90.0 + 0.01 * seed
    return {
        "acc_seen": seen,
        "acc_novel": novel,
        "acc_all": seen / 3 + 2 * novel / 3 - 2,
        "acc_seen_strict": 90.0,
        "acc_novel_strict": 60.0,
        "acc_all_strict": 70.0,
        "acc_seen_subset": seen + 1,
        "nmi_novel": novel - 8,
        "trained_weights": 0.0 if point[0] == "simclr_kmeans" else 1000.0,
    }


def view_of(folder: Path, settings: dict[str, Json] = SETTINGS, **known: Any) -> SweepView:
    arms = known.pop("arms", METHODS)
    axes, default = {"arm": list(arms)}, {"arm": next(iter(arms))}
    sweep = record(axes, settings=settings, defaults=default, name="m")
    return load_view(make_ledger(folder, sweep, epochs=1, finals=finals, arms=arms, **known), "m")


def info_of(folder: Path, settings: dict[str, Json] = SETTINGS, **known: Any) -> Comparison:
    info = read_methods(view_of(folder, settings, **known))
    assert info is not None
    return info


def test_the_cells_whole_and_what_is_like_the_best(tmp_path: Path) -> None:
    info = info_of(tmp_path)
    digits = Setting("digits", 0.5)
    assert info.settings == (digits,)
    assert [row.label for row in info.methods] == ["LPS", "ORCA", "SimCLR + k-means"]
    values = info.methods[0].cells[digits].values["acc_novel"]
    assert values == pytest.approx({0: 93.0, 1: 93.1, 2: 93.2})
    for row in info.methods:
        assert row.cells[digits].values["gap"] == pytest.approx(dict.fromkeys((0, 1, 2), -2.0))
    assert info.near(digits, "acc_novel") == {0, 2}, "the third is noisy, the second far below"
    assert info.near(digits, "acc_seen") == {0, 1, 2}
    assert info.papers() == ()
    table = accuracy_table(info)
    assert table.spans(table.shown) == (("", 1), ("digits, 50\u00a0% labeled", 5))
    strong = {i for i, key in table.strong if key == "digits_50_acc_novel"}
    assert strong == {0, 2}
    assert not table.muted


def test_the_paper_s_rows_are_grey_and_never_ranked(tmp_path: Path) -> None:
    info = info_of(tmp_path, PAPER)
    table = accuracy_table(info)
    names = [row[0] for row in table.rows]
    assert (names[0], names[3], names[-1]) == ("LPS", "FixMatch, paper", "LPS, paper")
    assert table.muted == set(range(3, 13))
    assert not {i for i, _ in table.strong} & table.muted
    assert table.rows[-1][1:4] == ((90.2, None), (93.4, None), (92.4, None))
    assert table.rows[-1][4] == pytest.approx((92.4 - 90.2 / 3 - 2 * 93.4 / 3, None))
    papers = [row[0] for row in nmi_table(info).rows][3:]
    assert papers == ["ORCA, paper", "NACH, paper", "LPS, paper"]


def test_differences_to_the_paper_only_in_its_setting(tmp_path: Path) -> None:
    assert against_paper_table(info_of(tmp_path / "a")) is None
    assert against_paper_table(info_of(tmp_path / "b", {**PAPER, "epochs": 20})) is None
    table = against_paper_table(info_of(tmp_path / "c", PAPER))
    assert table is not None
    novel = {row[0]: row for row in table.rows if row[2] == "Novel"}
    assert set(novel) == {"LPS", "ORCA", "SimCLR + k-means"}
    half = 4.302652729911275 * 0.1 * (2 / 3) ** 0.5 + 0.05
    assert novel["LPS"][5] == 93.4
    assert novel["LPS"][6] == pytest.approx(-0.3)
    assert novel["LPS"][7] == pytest.approx((93.1 - half, 93.1 + half))
    assert novel["LPS"][8] == "consistent"
    assert {row[0] for row in table.rows if row[2] == "NMI of novel"} == {"LPS", "ORCA"}
    arms: dict[str, dict[str, Json]] = {"lps": {"C": 3.0}, "orca": {"method": "orca"}}
    table = against_paper_table(info_of(tmp_path / "d", PAPER, arms=arms))
    assert table is not None
    assert {row[0] for row in table.rows} == {"ORCA"}, "of LPS a parameter is another"


def test_of_several_arms_of_a_method_the_first_counts(tmp_path: Path) -> None:
    arms = {"lps": {}, "simclr_kmeans": {"C": 1.0}, "orca": METHODS["orca"]}
    info = info_of(tmp_path, arms=arms)
    assert [row.label for row in info.methods] == ["LPS", "ORCA"]
    assert info.left_out == ("simclr_kmeans",)


def test_missing_seeds_are_counted_and_never_emphasised(tmp_path: Path) -> None:
    info = info_of(tmp_path, fates={("orca", 1): "failed", ("simclr_kmeans", 0): "not_run"})
    table = accuracy_table(info)
    cells = dict(zip([c.key for c in table.columns], table.rows[1], strict=True))
    assert (cells["digits_50_n"], cells["digits_50_missing"]) == ("2/3", "1 failed")
    assert table.strong == set(), "no two have three seeds in common"
    assert finding(info) == ""


def test_each_method_is_paired_with_lps_wherever_it_stands(tmp_path: Path) -> None:
    arms = {name: METHODS[name] for name in ("orca", "lps", "simclr_kmeans")}
    levels = info_of(tmp_path, arms=arms).levels(Setting("digits", 0.5))
    assert (levels.default, levels.reference_text) == (1, "LPS")
    novel = levels.differences["acc_novel"]
    assert novel[1] is None
    assert novel[0] is not None
    assert novel[0].by_seed == pytest.approx(dict.fromkeys((0, 1, 2), -3.0))
    assert novel[0].difference == pytest.approx(-3.0)
    assert novel[0].word == "worse"
    noisy = novel[2]
    assert noisy is not None
    assert noisy.by_seed == pytest.approx({0: -1.1, 1: -0.1, 2: 0.9})
    half = stats.t.ppf(1 - 0.025 / 2, 2) * 1.0 / 3**0.5  # two methods are compared with LPS
    assert noisy.interval == pytest.approx((-0.1 - half, -0.1 + half))


def test_two_tracks_are_ranked_each_by_itself(tmp_path: Path) -> None:
    arms: dict[str, dict[str, Json]] = {
        "lps": {},
        "orca": {"method": "orca"},
        "lps_own": {"recipe": "own"},
        "simclr_kmeans": {"method": "simclr_kmeans", "recipe": "own"},
    }
    info = info_of(tmp_path, arms=arms)
    unified, own = Setting("digits", 0.5), Setting("digits", 0.5, recipe="own")
    assert info.settings == (unified, own)
    assert info.left_out == ()
    assert [row.label for row in info.methods] == ["LPS", "ORCA", "SimCLR + k-means"]
    assert info.near(unified, "acc_novel") == {0}, "the second is worse, the third of another track"
    assert info.near(own, "acc_novel") == {0, 2}
    table = accuracy_table(info)
    orca = dict(zip([c.key for c in table.columns], table.rows[1], strict=True))
    assert orca["digits_50_n"] == 3
    assert (orca["digits_50_own_acc_all"], orca["digits_50_own_missing"]) == (
        (None, None),
        "not planned",
    )
    names = [part.slug for part in sections(view_of(tmp_path / "b", arms=arms))[0].tables]
    assert {"main_digits_50_differences", "main_digits_50_own_differences"} <= {*names}


def test_of_a_confirmation_the_selected_arms_count(tmp_path: Path) -> None:
    arms: dict[str, dict[str, Json]] = {
        "default": {},
        "selected_lps": {"C": 3.0},
        "selected_orca": {"method": "orca"},
    }
    view = view_of(tmp_path, arms=arms)
    info = read_methods(view)
    assert info is not None
    assert [row.label for row in info.methods] == ["LPS", "ORCA"]
    (lps,) = info.methods[0].cells.values()
    assert [view.configs[trial]["C"] for trial in lps.trials.values()] == [3.0] * 3
    assert info.left_out == ("default",)


def test_doubts_about_the_paper_s_numbers() -> None:
    doubts = {(str(row[0]), str(row[1])): str(row[3]) for row in doubts_table().rows}
    methods = {method for method, _ in doubts}
    assert methods == {"FixMatch", "DS3L", "RankStats", "SimCLR", "GCD"}, "not of the others"
    copied = {key for key, doubt in doubts.items() if "the same" in doubt}
    assert {method for method, _ in copied} == {"GCD"}
    assert {setting[:5] for _, setting in copied} == {"CIFAR", "Image"}
    assert len(copied) == 4
    above = [key for key, doubt in doubts.items() if "above" in doubt]
    assert len(above) == 4, "RankStats and GCD on ImageNet-100, SimCLR on CIFAR-10"
    assert sum("unlike" in doubt for doubt in doubts.values()) == 6 + 6 + 2


def test_sweeps_without_a_rival_have_no_section(tmp_path: Path) -> None:
    view = load_view(make_ledger(tmp_path / "a", record({"C": [1, 10]}), epochs=1), "c_tau")
    assert sections(view) == []
    search: dict[str, Json] = {"objectives": ["oracle.acc_all"], "sampler": "tpe"}
    sweep = record({"C": [1, 10]}, settings=PAPER, search=search)
    assert sections(load_view(make_ledger(tmp_path / "b", sweep, epochs=1), "c_tau")) == []
