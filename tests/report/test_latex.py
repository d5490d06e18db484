"""The LaTeX tables compile, all of a report in one document, also with hostile names in them."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from lps_sweep.report import write_tables
from lps_sweep.report.tables import Cell, Column, Span, Table, to_latex
from tests.report.report_cases import C_TAU, PAPER, ablation_record, make_ledger, record

HOSTILE = r"\input{/etc/passwd} $x_1^2$ % & # ~ {a} \\ [b] | <c> é “ß” 漢 ± \end{tabular}"

NEEDED = re.compile(r"\\usepackage(?:\[\w+\])?\{\w+\}")
typeset = pytest.mark.skipif(not shutil.which("pdflatex"), reason="no pdflatex on the path")


def compiled(folder: Path, tables: list[Path]) -> tuple[int, str]:
    """The exit status and the log of a document with all `tables` and the packages they name."""
    texts = [path.read_text(encoding="utf-8") for path in tables]
    needed = sorted({name for text in texts for name in NEEDED.findall(text.splitlines()[0])})
    document = "\n".join(
        [r"\documentclass{article}", *needed, r"\begin{document}", "\n\\clearpage\n".join(texts)]
    )
    document += "\n\\end{document}\n"
    (folder / "all.tex").write_text(document, encoding="utf-8")
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "-no-shell-escape"]
    done = subprocess.run(
        [*command, "all.tex"], cwd=folder, capture_output=True, text=True, errors="replace"
    )
    return done.returncode, done.stdout


@pytest.mark.slow
@typeset
@pytest.mark.parametrize("name", ["c_tau", "ablation"])
def test_every_table_of_a_report_compiles(tmp_path: Path, name: str) -> None:
    if name == "c_tau":
        sweep = record(C_TAU, settings=PAPER, question=HOSTILE, margin=0.5)
        make_ledger(tmp_path, sweep, {(1, 0.2, 0): "failed"}, epochs=3, error=HOSTILE)
    else:
        arms = {"full": {}, HOSTILE: {"dataset": HOSTILE}}
        sweep = ablation_record(arms=list(arms))
        make_ledger(tmp_path, sweep, epochs=3, arms=arms)
    tables = [path for path in write_tables(tmp_path, name) if path.suffix == ".tex"]
    assert len(tables) > 8
    status, log = compiled(tmp_path, tables)
    assert status == 0, log[-3000:]
    assert "root:x:0" not in log
    assert re.findall(r"Overfull .hbox.*|.*too large for page.*", log) == []
    assert (tmp_path / "all.pdf").stat().st_size > 20_000


@typeset
def test_a_table_that_is_not_escaped_does_not_compile(tmp_path: Path) -> None:
    table = tmp_path / "t.tex"
    table.write_text("\\begin{tabular}{l}\na_b & 50% \\\\\n\\end{tabular}\n", encoding="utf-8")
    assert compiled(tmp_path, [table])[0] != 0


NUMBERS = tuple(Column(f"v{i}", f"Value {i} ± sd", "mean_sd") for i in range(12))
PAIR = (99.25, 0.31)


def made(rows: int, columns: int, *, text: str = "a") -> str:
    """A table of so many rows and columns of numbers, beside one of words."""
    shown = (Column("what", "What"), *NUMBERS[:columns])
    row: tuple[Cell, ...] = (text, *[PAIR] * columns)
    return to_latex(Table("t", "c", shown, (row,) * rows))


def test_a_small_table_is_plain() -> None:
    lines = made(3, 3).splitlines()
    assert lines[0] == r"% needs \usepackage{booktabs} and \usepackage[T1]{fontenc}"
    assert r"\begin{tabular}{lrrr}" in lines
    assert not any(line.startswith(("\\small", "\\foot", "\\setlength{\\tabc")) for line in lines)


def test_a_wide_table_is_smaller_and_then_turned() -> None:
    assert r"\begin{table}" in made(3, 5)
    assert r"\footnotesize" in made(3, 5)
    turned = made(3, 8)
    assert r"\begin{sidewaystable}" in turned
    assert r"\usepackage{rotating}" in turned.splitlines()[0]


def test_what_is_too_wide_even_so_comes_in_parts() -> None:
    text = made(3, 12)
    assert r"\caption{c (Part 1 of 2.)}" in text
    assert r"\caption{c (Part 2 of 2.)}" in text
    assert r"\label{tab:t}" in text
    assert r"\label{tab:t-2}" in text
    assert [text.count(f"Value {i} ") for i in range(12)] == [1] * 12, "no column is lost"
    assert text.count("What") == 2, "the first column leads both"


def test_the_columns_that_tell_rows_apart_lead_every_part() -> None:
    columns = (Column("a", "Accuracy"), Column("b", "Level", "value"), *NUMBERS)
    rows = tuple((a, b, *[PAIR] * 12) for a in ("Seen", "Novel") for b in (1, 2))
    text = to_latex(Table("t", "c", columns, rows))
    assert text.count("Seen & 2 & ") == text.count("Part ") == 2


def test_spans_are_cut_with_their_columns() -> None:
    spans = (Span("Left", "v0", "v5"), Span("Right", "v6", "v11"))
    row: tuple[Cell, ...] = ("x", *[PAIR] * 12)
    columns = (Column("what", "What"), *NUMBERS)
    text = to_latex(Table("t", "c", columns, (row,), spans=spans))
    assert text.count(r"\multicolumn{6}{c}{Left}") == text.count(r"\multicolumn{6}{c}{Right}") == 1


def test_a_span_wider_than_its_columns_counts() -> None:
    columns = (Column("what", "What"), Column("a", "n", "value"))
    table = Table("t", "c", columns, (("x", 1),), spans=(Span("wide " * 14, "a", "a"),))
    assert r"\begin{table}" in to_latex(table)
    assert r"\footnotesize" in to_latex(table) or r"\small" in to_latex(table)


def test_a_table_higher_than_a_page_is_long() -> None:
    assert r"\begin{table}" in made(30, 2)
    long = made(60, 2)
    assert r"\begin{longtable}{lrr}" in long
    assert r"\usepackage{longtable}" in long.splitlines()[0]
    lines = long.splitlines()
    rules = [line for line in lines if line.startswith((r"\top", r"\mid", r"\end", r"\bottom"))]
    head = [r"\toprule", r"\midrule"]
    end = [r"\bottomrule", r"\endfoot", r"\end{longtable}", r"\endgroup"]
    assert rules == [*head, r"\endfirsthead", *head, r"\endhead", *end], "a head on each page"
    assert r"\begin{landscape}" in made(60, 8)


def test_long_words_are_broken_into_lines() -> None:
    text = made(2, 2, text="some words that take more than a line " * 3 + "0123456789" * 4)
    assert r">{\raggedright\arraybackslash}p{" in text
    assert r"01234567\allowbreak{}89012345" in text
    assert r"\usepackage{array}" in text.splitlines()[0]


def test_links_of_the_page_are_left_out() -> None:
    columns = (Column("a", "A"), Column("b", "B", "link"))
    text = to_latex(Table("t", "c", columns, (("x", "pace_figure"),)))
    assert "pace" not in text
    assert "x" in text
