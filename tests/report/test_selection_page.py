"""The page "Chosen without novel labels"."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from lps_sweep.report import build_report
from lps_sweep.report.model import Section
from lps_sweep.report.pages.selection import sections
from lps_sweep.report.render.csv import to_csv
from lps_sweep.results import load_view
from tests.report.report_cases import make_ledger, record
from tests.sweep.test_confirmation import settings


def finals(point: Sequence[Any], seed: int) -> Mapping[str, float]:
    """Accuracy rises with C and the silhouette; the balance falls."""
    found = {"acc_seen": 90.0, "acc_novel": 60.0, "acc_all": 50.0 + point[0] + seed % 2}
    return {**found, "silhouette": point[0] / 100 + seed / 1e4, "balance": 1 - point[0] / 100}


def page(folder: Path, seeds: int, levels: Sequence[float] = (5, 10, 20)) -> list[Section]:
    sweep = record({"C": list(levels)}, list(range(seeds)), settings=settings(), name="c")
    return sections(load_view(make_ledger(folder, sweep, finals=finals), "c"))  # type: ignore[arg-type]


def rows_of(section: Section, number: int) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(to_csv(section.tables[number]))))


def test_both_halves_of_each_rule(tmp_path: Path) -> None:
    (section,) = page(tmp_path, 6)
    rows = {(r["rule"], r["chosen_on"]): r for r in rows_of(section, 0)}
    for half, mean in (("0 2 4", 71), ("1 3 5", 70)):
        silhouette, balance = rows["silhouette", half], rows["balance", half]
        assert silhouette["configuration"] == "C = 20"
        assert float(silhouette["accuracy"]) == mean
        assert (float(silhouette["regret"]), float(silhouette["gain"])) == (0, 10)
        assert (float(balance["regret"]), float(balance["gain"])) == (15, -5)
        assert silhouette["gain_interval_low"] != ""
        assert silhouette["told"] == "yes"
        assert rows["held-out maximum", half]["configuration"] == "C = 20"
    said = [block for block in section.blocks if isinstance(block, str)]
    assert [("balance" in text, "5.0 points" in text) for text in said[1:]] == [(True, True)]
    assert "silhouette" in section.findings[0]


def test_ranks_and_seeds_of_each_rule(tmp_path: Path) -> None:
    (section,) = page(tmp_path, 6)
    rows = {row["rule"]: row for row in rows_of(section, 1)}
    assert [float(rows[name]["tau"]) for name in ("silhouette", "balance")] == [1, -1]
    assert rows["silhouette"]["n"] == "6"
    assert float(rows["silhouette"]["seed_gain"]) == 0.5
    assert rows["balance"]["seed_gain"] == "", "its seeds are all the same"
    (figure, *_) = section.figures
    panels = {panel.title: panel for panel in figure.draw()}
    drawn = [len(trace["x"]) for trace in panels["silhouette"].plot.data]
    assert drawn == [12, 6]
    assert panels["silhouette"].figure


def test_few_seeds_have_no_interval_and_one_no_halves(tmp_path: Path) -> None:
    (section,) = page(tmp_path / "5", 5)
    assert {row["gain_interval_low"] for row in rows_of(section, 0)} == {""}
    (section,) = page(tmp_path / "1", 1)
    assert [table.slug for table in section.tables] == ["selection_rules"]
    assert page(tmp_path / "two", 6, (5, 10)) == []


def test_it_is_part_of_the_report(tmp_path: Path) -> None:
    page(tmp_path, 6)
    report = build_report(tmp_path, "c")
    assert "Chosen without novel labels" in report.read_text()
    assert (report.parent / "tables" / "selection.csv").exists()
