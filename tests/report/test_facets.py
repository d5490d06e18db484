"""What the page can be narrowed to, and what bars of means can show."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from lps_sweep.report import build_report
from lps_sweep.report.facets import attributes, choices, column_facets, panel_facets, row_facets
from lps_sweep.report.figures.bars import INTERVAL, mean_bars
from lps_sweep.report.table_model import Column, Span, Table
from lps_sweep.results.statistics import describe
from tests.report.report_cases import C_TAU, ablation_record, make_ledger, record

SPANS = (
    Span("A", "a_acc_seen", "a_n", {"dataset": "a", "ratio": "0.1"}),
    Span("B", "b_nmi_novel", "b_nmi_novel", {"dataset": "b", "ratio": "0.1"}),
)
COLUMNS = (
    Column("method", "Method"),
    Column("a_acc_seen", "Seen", "number"),
    Column("a_n", "n", "value"),
    Column("b_nmi_novel", "NMI", "number"),
    Column("acc_novel_strict_interval95", "Novel, strict", "interval"),
)
TABLE = Table("t", "T.", COLUMNS, (), spans=SPANS)


def test_columns_are_of_the_longest_metric_in_their_key_and_of_their_span() -> None:
    assert [column_facets(TABLE, i) for i in range(5)] == [
        {},
        {"dataset": "a", "ratio": "0.1", "metric": "seen"},
        {"dataset": "a", "ratio": "0.1"},
        {"dataset": "b", "ratio": "0.1", "metric": "nmi_novel"},
        {"metric": "novel_strict"},
    ]


def test_rows_are_of_what_their_cells_say() -> None:
    columns = (Column("accuracy", "Accuracy"), Column("labeled_ratio", "r", "value"))
    rows = (("Novel, strict", 0.5), ("another", 1.0))
    table = Table("trials", "T.", columns, rows)
    assert row_facets(table, 0) == {"metric": "novel_strict", "ratio": "0.5"}
    assert row_facets(table, 1) == {"ratio": "1"}
    assert panel_facets("All") == {"metric": "all"}
    assert panel_facets("Seen and novel") == {}
    assert attributes({"dataset": '"x'}) == ' data-dataset="&quot;x"'
    (choice,) = choices([], [table])
    assert (choice.name, choice.values) == ("ratio", (("0.5", "0.5"), ("1", "1")))


def test_data_sets_of_other_tables_are_no_choice() -> None:
    (choice,) = choices([], [TABLE])
    assert (choice.name, [value for value, _ in choice.values]) == ("dataset", ["a", "b"])
    columns = (Column("dataset", "Data set"),)
    assert choices([], [Table("paper", "T.", columns, (("cifar10",), ("cifar100",)))]) == ()


def test_bars_of_means_have_the_interval_and_the_sd_and_stay_in_percent() -> None:
    stats = [describe([90.0, 91.0, 92.0]), describe([98.0, 99.0, 100.0]), describe([50.0, 60.0])]
    found = mean_bars(stats, "ink")
    bars, sd = found["error_y"], found["meta"]["sd"]
    half = 4.302653 / 3**0.5
    assert bars["array"] == pytest.approx([half, 1.0, 0.0], abs=1e-4)
    assert bars["arrayminus"] == pytest.approx([half, half, 0.0], abs=1e-4)
    assert sd == {"array": [1.0, 1.0, 0.0], "arrayminus": [1.0, 1.0, 0.0]}


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
    assert changing == {"sensitivity_C_figure", "sensitivity_tau_figure"}
    assert words["sensitivity_C_figure"] == [INTERVAL]
    assert "ablation_figure" in words
    assert 'name="interval"' not in pages["ablation"], "it draws differences only"
    assert 'name="metric"' in pages["ablation"]
