"""What the page can be narrowed to, and what bars of means can show."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from lps_sweep.report import build_report
from lps_sweep.report.facets import attributes, choices, row_facets
from lps_sweep.report.marks import INTERVAL, mean_bars
from lps_sweep.report.model import Column, Table
from lps_sweep.results.statistics import describe
from tests.report.report_cases import C_TAU, ablation_record, make_ledger, record


def test_rows_are_of_what_their_cells_say() -> None:
    columns = (
        Column("accuracy", "Accuracy", says="metric"),
        Column("labeled_ratio", "r", "value", says="ratio"),
    )
    rows = (("Novel, strict", 0.5), ("another", 1.0))
    table = Table("trials", "T.", columns, rows)
    assert row_facets(table, 0) == {"metric": "novel_strict", "ratio": "0.5"}
    assert row_facets(table, 1) == {"ratio": "1"}
    assert attributes({"dataset": '"x'}) == ' data-dataset="&quot;x"'
    (choice,) = choices([], [table])
    assert (choice.name, choice.values) == ("ratio", (("0.5", "0.5"), ("1", "1")))


def test_data_sets_of_other_tables_are_no_choice() -> None:
    facets = ({"dataset": "a", "ratio": "0.1", "metric": "seen"}, {"dataset": "b", "ratio": "0.1"})
    columns = (*(Column(f"c{i}", "", facets=f) for i, f in enumerate(facets)),)
    (choice,) = choices([], [Table("t", "T.", columns, ())])
    assert (choice.name, [value for value, _ in choice.values]) == ("dataset", ["a", "b"])
    says = (Column("dataset", "Data set", says="dataset"),)
    assert choices([], [Table("paper", "T.", says, (("cifar10",), ("cifar100",)))]) == ()


def test_bars_of_means_have_the_interval_and_the_sd_and_stay_in_percent() -> None:
    stats = [describe([90.0, 91.0, 92.0]), describe([98.0, 99.0, 100.0]), describe([50.0, 60.0])]
    found = mean_bars(stats, "ink")
    bars, sd = found["error_y"], found["meta"]["sd"]
    half = 4.302653 / 3**0.5
    assert bars["array"] == [pytest.approx(half, abs=1e-4), 1.0, None]
    assert bars["arrayminus"] == [*[pytest.approx(half, abs=1e-4)] * 2, None]
    assert sd == {"array": [1.0, 1.0, None], "arrayminus": [1.0, 1.0, None]}


def test_only_figures_with_bars_of_means_have_words_that_change(tmp_path: Path) -> None:
    words: dict[str, list[str]] = {}
    pages: dict[str, str] = {}
    for sweep in (record(C_TAU), ablation_record()):
        folder = make_ledger(tmp_path / sweep.name, sweep, epochs=1)
        pages[sweep.name] = page = build_report(folder, sweep.name).read_text(encoding="utf-8")
        figures = re.findall(r'<figure id="([^"]+)">.*?<ul class="keys">(.*?)</ul>', page, re.S)
        words |= {name: re.findall(r'<span class="bars">([^<]+)<', keys) for name, keys in figures}
        assert "95 % t interval" not in re.sub(r'<span class="bars">[^<]+', "", str(figures))
    changing = {name for name, found in words.items() if found}
    assert changing == {
        f"{what}_{of}_figure" for what in ("main_effect", "sensitivity") for of in ("C", "tau")
    }
    assert words["sensitivity_C_figure"] == [INTERVAL]
    assert "ablation_figure" in words
    assert 'name="interval"' not in pages["ablation"], "it draws differences only"
    assert 'name="metric"' in pages["ablation"]
