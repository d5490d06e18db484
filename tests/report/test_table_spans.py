from __future__ import annotations

import re

import pytest

from lps_sweep.report.tables import Column, Span, Table, to_csv, to_html, to_latex, to_markdown

TABLE = Table(
    slug="t",
    caption="Two settings",
    columns=(
        Column("method", "Method"),
        Column("a_seen", "Seen", "number"),
        Column("a_note", "Note"),
        Column("a_all", "All", "number"),
        Column("b_all", "All", "number"),
        Column("n", "n", "value"),
    ),
    rows=(("ours", 1.0, "x", 2.0, 3.0, 3), ("theirs", 4.0, "", 5.0, None, None)),
    hidden=frozenset({"a_note"}),
    muted=frozenset({1}),
    strong=frozenset({(0, "a_all"), (0, "a_note")}),
    spans=(Span("A & B", "a_seen", "a_all"), Span("C", "b_all", "b_all")),
)


def test_the_row_of_spans_covers_the_shown_columns() -> None:
    assert TABLE.header == (("", 1), ("A & B", 2), ("C", 1), ("", 1))
    headings = [TABLE.heading(key) for key in ("method", "a_seen", "a_all", "b_all", "n")]
    assert headings == ["Method", "A & B: Seen", "A & B: All", "C: All", "n"]


def test_html_has_column_groups_and_keeps_the_sort_buttons_below() -> None:
    page = to_html(TABLE)
    head = page[page.index("<thead>") : page.index("</thead>")]
    first, second = head.split("</tr>")[:2]
    assert first.endswith(
        '<tr><td colspan="1"></td>'
        '<th scope="colgroup" class="span" colspan="2">A &amp; B</th>'
        '<th scope="colgroup" class="span" colspan="1">C</th><td colspan="1"></td>'
    )
    assert second.count("aria-sort") == 5
    assert re.search('<tr[^>]* class="muted"[^>]*><th scope="row" class="text">theirs', page)
    assert page.count(" strong") == 1, "a hidden cell is not emphasised"


def test_markdown_names_the_span_in_each_heading() -> None:
    lines = to_markdown(TABLE).splitlines()
    assert lines[2] == "| Method | A &amp; B: Seen | A &amp; B: All | C: All | n |"
    assert lines[4] == "| ours | 1.0 | **2.0** | 3.0 | 3 |"
    assert lines[5] == "| *theirs* | *4.0* | *5.0* | — | — |"


def test_latex_has_multicolumns_rules_and_grey_rows() -> None:
    text = to_latex(TABLE)
    assert r"{} & \multicolumn".replace("{}", r"\multicolumn{1}{c}{}") in text
    assert r"\multicolumn{2}{c}{A \& B}" in text
    assert "\\cmidrule(lr){2-3}\n\\cmidrule(lr){4-4}" in text
    assert r"\textbf{2.0}" in text
    assert r"\textcolor{gray}{theirs}" in text
    assert r"\usepackage{xcolor}" in text


def test_csv_has_every_column_and_no_span() -> None:
    assert to_csv(TABLE).splitlines()[0] == "method,a_seen,a_note,a_all,b_all,n"


def test_a_span_over_a_hidden_column_is_an_error() -> None:
    table = Table(
        "t", "c", TABLE.columns, TABLE.rows, hidden=frozenset({"a_all"}), spans=TABLE.spans
    )
    with pytest.raises(ValueError, match="a_all"):
        to_html(table)
