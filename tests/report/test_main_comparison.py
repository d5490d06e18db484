from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from lps_sweep.report.figures.main_comparison import (
    accuracy_table,
    against_paper_table,
    finding,
    nmi_table,
    paper_table,
    sections,
)
from lps_sweep.report.figures.methods import MainInfo, Setting, main_info
from lps_sweep.report.tables import to_csv, to_html, to_latex, to_markdown
from lps_sweep.results import Json, SweepView, load_view
from tests.report.report_cases import PAPER, SETTINGS, make_ledger, record

METHODS: dict[str, dict[str, Json]] = {
    "lps": {"method": "lps"},
    "orca": {"method": "orca"},
    "simclr_kmeans": {"method": "simclr_kmeans"},
}
NOVEL = {"lps": 93.0, "orca": 90.0, "simclr_kmeans": 92.9}


def finals(point: Sequence[Any], seed: int) -> dict[str, float]:
    """At seed s: novel 0.1 s above the method's own; one seen image in three; a gap of -2."""
    novel = (
        NOVEL[str(point[0])]
        + 0.1 * seed
        + (1.0 if point[0] == "simclr_kmeans" else 0.0) * (seed - 1)
    )
    seen = 90.0 + 0.01 * seed
    return {
        "acc_seen": seen,
        "acc_novel": novel,
        "acc_all": seen / 3 + 2 * novel / 3 - 2,
        "acc_seen_strict": 90.0,
        "acc_novel_strict": 60.0,
        "acc_all_strict": 70.0,
        "nmi_novel": novel - 8,
    }


def view_of(folder: Path, settings: dict[str, Json], **known: Any) -> SweepView:
    arms = known.pop("arms", METHODS)
    sweep = record(
        {"arm": list(arms)}, settings=settings, defaults={"arm": next(iter(arms))}, name="m"
    )
    return load_view(make_ledger(folder, sweep, epochs=1, finals=finals, arms=arms, **known), "m")


def info_of(folder: Path, settings: dict[str, Json] = SETTINGS, **known: Any) -> MainInfo:
    info = main_info(view_of(folder, dict(settings), **known))
    assert info is not None
    return info


def test_the_cells_whole(tmp_path: Path) -> None:
    info = info_of(tmp_path)
    digits = Setting("digits", 0.5)
    assert info.settings == (digits,)
    assert [row.label for row in info.rows] == ["LPS", "ORCA", "SimCLR, k-means"]
    assert [row.method for row in info.rows] == list(METHODS)
    assert info.rows[0].cells[digits].values["acc_novel"] == pytest.approx(
        {0: 93.0, 1: 93.1, 2: 93.2}
    )
    for row in info.rows:
        assert row.gaps[digits] == pytest.approx(dict.fromkeys((0, 1, 2), -2.0))
    assert info.near[digits, "acc_novel"] == {0, 2}, "the third is noisy, the second far below"
    assert info.near[digits, "acc_seen"] == {0, 1, 2}
    assert info.paper_methods == ()
    assert all(not row.comparable for row in info.rows)


def test_the_table_emphasises_what_is_like_the_best(tmp_path: Path) -> None:
    table = accuracy_table(info_of(tmp_path))
    assert [span.label for span in table.spans] == ["digits, 50\u00a0% labeled"]
    assert {(i, key) for i, key in table.strong if key.endswith("novel")} == {
        (0, "digits_50_acc_novel"),
        (2, "digits_50_acc_novel"),
    }
    assert table.rows[1][4] == pytest.approx((-2.0, 0.0), abs=1e-9)
    assert table.muted == set()
    assert "Bold" in table.caption
    page = to_html(table)
    assert (
        '<th scope="colgroup" class="span" colspan="5">digits, 50 % labeled</th>'
        in page.replace("\u00a0", " ")
    )
    assert page.count("strong") == len(table.strong)


def test_the_paper_s_rows_are_grey_and_never_ranked(tmp_path: Path) -> None:
    info = info_of(tmp_path, PAPER)
    table = accuracy_table(info)
    names = [row[0] for row in table.rows]
    assert names[:3] == ["LPS", "ORCA", "SimCLR, k-means"]
    assert names[3] == "FixMatch, paper"
    assert names[-1] == "LPS, paper"
    assert table.muted == set(range(3, 13))
    assert not {i for i, _ in table.strong} & table.muted
    assert table.rows[-1][1:5] == ((90.2, None), (93.4, None), (92.4, None), table.rows[-1][4])
    assert table.rows[-1][4] == pytest.approx((92.4 - 90.2 / 3 - 2 * 93.4 / 3, None))
    assert "cifar10_50_n" in {c.key for c in table.columns}
    assert [row[0] for row in nmi_table(info).rows][3:] == [
        "ORCA, paper",
        "NACH, paper",
        "LPS, paper",
    ]
    assert "arithmetic mean of the two entropies" in nmi_table(info).caption
    assert "novel classes only" in nmi_table(info).caption


def test_differences_to_the_paper_only_in_its_setting(tmp_path: Path) -> None:
    assert against_paper_table(info_of(tmp_path / "a")) is None
    short = {**PAPER, "epochs": 20}
    assert against_paper_table(info_of(tmp_path / "b", short)) is None
    table = against_paper_table(info_of(tmp_path / "c", PAPER))
    assert table is not None
    novel = {row[0]: row for row in table.rows if row[2] == "Novel"}
    assert set(novel) == {"LPS", "ORCA", "SimCLR, k-means"}
    lps = novel["LPS"]
    assert lps[5] == 93.4
    assert lps[6] == pytest.approx(-0.3)
    half = 4.302652729911275 * 0.1 * (2 / 3) ** 0.5 + 0.05
    assert lps[7] == pytest.approx((93.1 - half, 93.1 + half))
    assert lps[8] == "consistent"
    assert {row[0] for row in table.rows if row[2] == "NMI of novel"} == {"LPS", "ORCA"}


def test_other_hyper_parameters_are_not_compared_with_the_paper(tmp_path: Path) -> None:
    arms: dict[str, dict[str, Json]] = {"lps": {"C": 3.0}, "orca": {"method": "orca"}}
    table = against_paper_table(info_of(tmp_path, PAPER, arms=arms))
    assert table is not None
    assert {row[0] for row in table.rows} == {"ORCA"}


def test_of_several_arms_of_a_method_the_first_counts(tmp_path: Path) -> None:
    arms = {"lps": {}, "simclr_kmeans": {"C": 1.0}, "orca": METHODS["orca"]}
    info = info_of(tmp_path, arms=arms)
    assert [row.label for row in info.rows] == ["LPS", "ORCA"]
    assert info.left_out == ("simclr_kmeans",)
    assert "Arms left out" in accuracy_table(info).caption


def test_missing_seeds_are_counted_and_never_emphasised(tmp_path: Path) -> None:
    info = info_of(tmp_path, fates={("orca", 1): "failed", ("simclr_kmeans", 0): "not_run"})
    table = accuracy_table(info)
    keys = [c.key for c in table.columns]
    cells = dict(zip(keys, table.rows[1], strict=True))
    assert (cells["digits_50_n"], cells["digits_50_missing"]) == ("2/3", "1 failed")
    assert table.strong == set(), "no two have three seeds in common"
    assert "No method is emphasised" in table.caption
    assert finding(info) == ""


@pytest.mark.parametrize("fate", ["not_run", "failed", "diverged"])
def test_nothing_done(tmp_path: Path, fate: str) -> None:
    (section,) = sections(view_of(tmp_path, dict(PAPER), otherwise=fate))
    main = section.tables[0]
    assert main.rows[0][1:3] == ((None, None), (None, None))
    assert main.rows[-1][2] == (93.4, None)
    assert section.findings == ()


def test_two_ratios_stand_side_by_side(tmp_path: Path) -> None:
    sweep = record({"labeled_ratio": [0.1, 0.5]}, settings=PAPER, name="m")
    made = make_ledger(tmp_path, sweep, epochs=1, finals=lambda _, seed: finals(("lps",), seed))
    info = main_info(load_view(made, "m"))
    assert info is not None
    assert [s.key for s in info.settings] == ["cifar10_10", "cifar10_50"]
    table = accuracy_table(info)
    assert [(span.first, span.last) for span in table.spans] == [
        ("cifar10_10_acc_seen", "cifar10_10_n"),
        ("cifar10_50_acc_seen", "cifar10_50_n"),
    ]
    assert table.header == (("", 1), (table.spans[0].label, 5), (table.spans[1].label, 5))
    latex = to_latex(table)
    assert r"\multicolumn{5}{c}{CIFAR-10, 10~\% labeled}" in latex
    assert r"\cmidrule(lr){2-6} \cmidrule(lr){7-11}".replace(" ", "\n") in latex
    assert r"\usepackage{xcolor}" in latex
    assert "| *LPS, paper* |" in to_markdown(table)
    row = list(csv.reader(io.StringIO(to_csv(table))))[-1]
    assert row[:3] == ["LPS, paper", "86.3", ""]


def test_sweeps_without_a_rival_have_no_section(tmp_path: Path) -> None:
    view = load_view(make_ledger(tmp_path / "a", record({"C": [1, 10]}), epochs=1), "c_tau")
    assert sections(view) == []
    search: dict[str, Json] = {"objectives": ["oracle.acc_all"], "sampler": "tpe"}
    sweep = record({"C": [1, 10]}, settings=PAPER, search=search)
    assert sections(load_view(make_ledger(tmp_path / "b", sweep, epochs=1), "c_tau")) == []


def test_the_paper_s_table_1_whole() -> None:
    table = paper_table()
    assert len(table.rows) == 10
    assert table.muted == set(range(10))
    keys = [c.key for c in table.columns]
    rows = {row[0]: dict(zip(keys, row, strict=True)) for row in table.rows}
    assert rows["LPS"]["cifar100_50_acc_novel"] == 49.9
    assert rows["LPS"]["imagenet100_10_gap"] == pytest.approx(-1.9, abs=0.05)
    assert rows["FixMatch"]["cifar10_50_gap"] == pytest.approx(49.5 - 71.5 / 3 - 2 * 50.4 / 3)


def test_hostile_names_are_only_text(tmp_path: Path) -> None:
    arms: dict[str, dict[str, Json]] = {
        "<b>=1</b>": {},
        "</script><i>": {"method": "orca"},
    }
    view = view_of(tmp_path, dict(SETTINGS), arms=arms, otherwise="not_run")
    (section,) = sections(view)
    page = to_html(section.tables[0])
    assert "<b>" not in page
    assert "<i>" not in page
    assert "LPS (&lt;b&gt;=1&lt;/b&gt;)" in page
    assert "ORCA (&lt;/script&gt;&lt;i&gt;)" in page
