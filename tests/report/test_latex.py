"""The LaTeX tables compile, all of a report in one document, also with hostile names in them."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from lps_sweep.report import write_tables
from lps_sweep.report.model import Cell, Column, Table
from lps_sweep.report.render.latex import to_latex
from tests.report.report_cases import C_TAU, PAPER, ablation_record, make_ledger, record

HOSTILE = r"\input{/etc/passwd} $x_1^2$ % & # ~ {a} \\ [b] | <c> é “ß” 漢 ± \end{tabular}"

NEEDED = re.compile(r"\\usepackage(?:\[\w+\])?\{\w+\}")


def has_latex() -> bool:
    """Whether there is a LaTeX that can fit tables to a page."""
    if not shutil.which("pdflatex") or not shutil.which("kpsewhich"):
        return False
    return subprocess.run(["kpsewhich", "adjustbox.sty"], capture_output=True).returncode == 0


typeset = pytest.mark.skipif(not has_latex(), reason="no pdflatex with adjustbox on the path")


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


def environments(text: str, name: str) -> int:
    """How many environments `name` there are, each with its end."""
    begun, ended = (text.count(rf"\{word}{{{name}}}") for word in ("begin", "end"))
    assert begun == ended
    return begun


def test_a_table_is_fitted_to_the_page() -> None:
    text = made(3, 3)
    assert environments(text, "table") == environments(text, "adjustbox") == 1
    assert r"\begin{tabular}{lrrr}" in text
    assert text.count("99.2 ") == 3 * 3


def test_long_rows_lie_on_their_side() -> None:
    text = made(3, 12)
    assert (environments(text, "table"), environments(text, "sidewaystable")) == (0, 1)
    assert r"\usepackage{rotating}" in text.splitlines()[0]


def test_a_table_higher_than_a_page_comes_in_parts() -> None:
    parts = environments(made(100, 2), "table")
    assert parts > 1
    text = made(100, 2)
    assert text.count("What") == text.count(r"\midrule") == text.count(r"\caption{") == parts
    assert text.count("99.2 ") == 2 * 100, "no row is lost"
    labels = re.findall(r"\\label\{(.*?)\}", text)
    assert labels == ["tab:t", *(f"tab:t-{number}" for number in range(2, parts + 1))]


def test_an_empty_table_has_its_headings() -> None:
    text = made(0, 2)
    assert (environments(text, "tabular"), text.count("What")) == (1, 1)


def test_long_words_are_broken_into_lines() -> None:
    text = made(2, 2, text="some words that take more than a line " * 3 + "0123456789" * 4)
    assert r"p{45mm}" in text
    assert r"01234567\allowbreak{}89012345" in text


def test_links_of_the_page_are_left_out() -> None:
    columns = (Column("a", "A"), Column("b", "B", "link"))
    text = to_latex(Table("t", "c", columns, (("x", "pace_figure"),)))
    assert "pace" not in text
    assert "x" in text
