from __future__ import annotations

import json

import pytest

from lps_sweep.report.escape import (
    csv_text,
    first_line,
    html_lines,
    html_text,
    latex_text,
    markdown_text,
    plot_text,
    script_json,
)

HOSTILE = '</script><b onclick="x">\'&\x1b[31m\u202e'


def test_html_and_plotly_text_have_no_tags() -> None:
    for text in (html_text(HOSTILE), plot_text(HOSTILE)):
        assert "<" not in text
        assert "\x1b" not in text
        assert "\u202e" not in text
    assert '"' not in html_text(HOSTILE)


def test_script_json_cannot_end_its_script_and_reads_back() -> None:
    text = script_json({"a": HOSTILE})
    assert "<" not in text
    assert "&" not in text
    assert json.loads(text) == {"a": HOSTILE}


def test_script_json_refuses_what_is_no_json() -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        script_json([float("nan")])


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t=", "\r", "\uff1d"])
def test_formulas_are_quoted_in_csv(start: str) -> None:
    assert csv_text(f"{start}cmd").startswith("'")


@pytest.mark.parametrize("text", ["-1.5", "+2", "plain", "a=b", ""])
def test_numbers_and_plain_text_are_left_alone_in_csv(text: str) -> None:
    assert csv_text(text) == text


def test_latex_specials() -> None:
    assert latex_text(r"50%_\{}#$&~^") == (
        r"50\%\_\textbackslash{}\{\}\#\$\&\textasciitilde{}\textasciicircum{}"
    )
    assert latex_text("\U0001f600 \u2212 é") == "? $-$ é"
    assert latex_text("KL(a \u2016 b)") == r"KL(a $\Vert$ b)"


def test_markdown_cannot_break_its_cell() -> None:
    assert markdown_text("a|b\n<i>[x](y)") == r"a\|b &lt;i&gt;\[x\](y)"


def test_first_line_skips_blank_lines_and_is_cut() -> None:
    assert first_line("\n  \n Error: a\nmore") == "Error: a"
    assert first_line("") == ""
    assert first_line("x" * 300) == "x" * 199 + "…"


def test_indentation_is_kept_in_preformatted_text() -> None:
    assert html_lines("grid:\n  C: <1>\n") == "grid:\n  C: &lt;1&gt;"
