"""Tables as CSV, Markdown, LaTeX and HTML."""

from __future__ import annotations

import csv
import io
import re

import pytest

from lps_sweep.report.model import Column, Table
from lps_sweep.report.numbers import cell_text, number_text, value_text
from lps_sweep.report.render.csv import to_csv
from lps_sweep.report.render.html import PAGE_ROWS, to_html
from lps_sweep.report.render.latex import to_latex
from lps_sweep.report.render.markdown import to_markdown

TABLE = Table(
    slug="t",
    caption="Mean & spread, in %",
    columns=(
        Column("C", "C", "value"),
        Column("novel", "Novel ± sd", "mean_sd"),
        Column("gap", "Difference", "signed"),
        Column("ci", "Interval", "interval"),
        Column("note", "Note"),
        Column("raw", "Raw", "number", 4, hidden=True),
    ),
    rows=(
        (10, (95.04, 1.26), -0.04, (-1.5, 2.25), "a_b | <i>", 0.1),
        (0.5, (90.0, None), 1.25, None, "=1+2", None),
    ),
    marked=frozenset({0}),
)
SPANS = Table(
    slug="s",
    caption="Two settings",
    columns=(
        Column("method", "Method"),
        Column("a_seen", "Seen", "number", span="A & B"),
        Column("a_note", "Note", hidden=True, span="A & B"),
        Column("a_all", "All", "number", span="A & B"),
        Column("b_all", "All", "number", span="C"),
        Column("n", "n", "value"),
    ),
    rows=(("ours", 1.0, "x", 2.0, 3.0, 3), ("theirs", 4.0, "", 5.0, None, None)),
    muted=frozenset({1}),
    strong=frozenset({(0, "a_all"), (0, "a_note")}),
)


def test_csv_has_every_column_and_raw_numbers() -> None:
    assert list(csv.reader(io.StringIO(to_csv(TABLE)))) == [
        ["C", "novel_mean", "novel_sd", "gap", "ci_low", "ci_high", "note", "raw"],
        ["10", "95.04", "1.26", "-0.04", "-1.5", "2.25", "a_b | <i>", "0.1"],
        ["0.5", "90.0", "", "1.25", "", "", "'=1+2", ""],
    ]
    assert to_csv(SPANS).splitlines()[0] == "method,a_seen,a_note,a_all,b_all,n"


def test_markdown_whole() -> None:
    assert to_markdown(TABLE).splitlines() == [
        "Mean &amp; spread, in %",
        "",
        "| C | Novel ± sd | Difference | Interval | Note |",
        "| --: | --: | --: | --: | :-- |",
        r"| **10** | 95.0 ± 1.3 | 0.0 | \[" + "\u22121.5, 2.2" + r"\] | a\_b \| &lt;i&gt; |",
        "| 0.5 | 90.0 | +1.2 | — | =1+2 |",
    ]
    lines = to_markdown(SPANS).splitlines()
    assert lines[2] == "| Method | A &amp; B: Seen | A &amp; B: All | C: All | n |"
    assert lines[4] == "| ours | 1.0 | **2.0** | 3.0 | 3 |"
    assert lines[5] == "| *theirs* | *4.0* | *5.0* | — | — |"


def test_latex_is_booktabs_and_escaped() -> None:
    lines = to_latex(TABLE).splitlines()
    assert r"\caption{Mean \& spread, in \%}" in lines
    assert r"\begin{tabular}{rrrrl}" in lines
    rules = [line for line in lines if line.endswith("rule")]
    assert rules == [r"\toprule", r"\midrule", r"\bottomrule"]
    first = (
        r"\textbf{10} & 95.0 $\pm$ 1.3 & 0.0 & [$-$1.5, 2.2] "
        r"& a\_b \textbar{} \textless{}i\textgreater{} \\"
    )
    assert first in lines
    text = to_latex(SPANS)
    assert r"\multicolumn{1}{c}{} & \multicolumn{2}{c}{A \& B}" in text
    assert "\\cmidrule(lr){2-3}\n\\cmidrule(lr){4-4}" in text
    assert r"\textbf{2.0}" in text
    assert r"\textcolor{gray}{theirs}" in text
    assert r"\usepackage{xcolor}" in text


def test_html_has_caption_scopes_sort_keys_and_escapes() -> None:
    page = to_html(TABLE)
    assert page.startswith('<table id="table-t"><caption><span>Mean &amp; spread, in %</span>')
    assert page.count('<th scope="col"') == page.count('aria-sort="none"') == 5
    assert page.count('<button type="button">') == 5
    assert '<tr id="row-t-10" class="marked"><th scope="row" class="value">10</th>' in page
    assert 'data-sort="95.04">95.0 ± 1.3</td>' in page
    assert "a_b | &lt;i&gt;" in page
    assert "<i>" not in page
    assert "Raw" not in page


def test_spans_are_column_groups_with_the_sort_buttons_below() -> None:
    assert SPANS.spans(SPANS.shown) == (("", 1), ("A & B", 2), ("C", 1), ("", 1))
    page = to_html(SPANS)
    first, second = page[page.index("<thead>") : page.index("</thead>")].split("</tr>")[:2]
    assert first.endswith(
        '<tr><td colspan="1"></td>'
        '<th scope="colgroup" class="span" colspan="2">A &amp; B</th>'
        '<th scope="colgroup" class="span" colspan="1">C</th><td colspan="1"></td>'
    )
    assert second.count("aria-sort") == 5
    assert re.search('<tr[^>]* class="muted"[^>]*><th scope="row" class="text">theirs', page)
    assert page.count(" strong") == 1, "a hidden cell is not emphasised"


def test_a_row_of_the_wrong_length_is_refused() -> None:
    with pytest.raises(ValueError, match="2 cells for 1 columns"):
        Table("t", "", (Column("a", "A"),), ((1, 2),))


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.4, "0.4"), (10.0, "10"), (True, "true"), (None, "none"), ([1, 2], "[1, 2]"), ("a", "a")],
)
def test_values_are_written_as_people_write_them(value: object, text: str) -> None:
    assert value_text(value) == text


def test_numbers_are_written_as_people_read_them() -> None:
    assert number_text(-0.04, 1, signed=True) == "0.0"
    assert number_text(-0.06, 1, signed=True) == "-0.1"
    assert number_text(float("nan"), 1) == "—"
    assert cell_text(Column("i", "I", "interval"), (1.0, None)) == "—"
    assert cell_text(Column("n", "N", "number"), float("inf")) == "—"
    assert cell_text(Column("i", "I", "interval", percent=True), (-3.0, 120.0)) == "[0.0, 100.0]"
    assert cell_text(Column("i", "I", "interval"), (-3.0, 1.0)) == "[-3.0, 1.0]"


def test_a_link_leads_to_a_place_on_the_page() -> None:
    columns = (Column("claim", "Claim"), Column("figure", "Figure", "link"))
    table = Table("t", "", columns, (("a", 'f"<-1'), ("b", None)))
    page = to_html(table)
    assert '<a href="#f&quot;&lt;-1">see</a>' in page
    assert page.count("<a ") == 1
    assert to_csv(table).splitlines()[1:] == ['a,"f""<-1"', "b,"]


def test_rows_beyond_a_page_have_a_body_of_their_own_and_trials_an_address() -> None:
    columns = (Column("trial_id", "Trial", "trial"), Column("n", "n", "value"))
    rows = tuple((f"t{i}", i) for i in range(PAGE_ROWS + 5))
    page = to_html(Table("trials", "", columns, rows))
    assert page.count("<tbody") == 2
    assert page.index('<tbody class="more">') < page.index('<tr id="trial-t200">')
    assert page.index('<tr id="trial-t199">') < page.index('<tbody class="more">')
    assert '<a href="#trial-t7">t7</a>' in page
    other = to_html(Table("failures", "", columns, rows[:2]))
    assert '<tr id="failures-trial-t1">' in other


def test_rows_of_one_name_have_addresses_of_their_own() -> None:
    table = Table("t", "", (Column("a", "A"),), (("x y",), ("x y",), ("z",)))
    found = re.findall(r'<tr id="([^"]+)"', to_html(table))
    assert found == ["row-t-x_y", "row-t-x_y-2", "row-t-z"]


def test_a_column_reads_the_attribute_of_its_key_or_what_it_says() -> None:
    columns = (
        Column("real", "R", "number"),
        Column("i", "I", "number", of="imag"),
        Column("size", "S", "number", of=abs),
        Column("name", "N", of="__class__.__name__"),
    )
    table = Table.of("t", "c", columns, [3 + 4j], notes="n")
    assert table.rows == ((3.0, 4.0, 5.0, "complex"),)
    assert table.full_caption == "c n"
