"""The LaTeX tables compile, all of a report in one document, also with hostile names in them."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from lps_sweep.report import write_tables
from tests.report.report_cases import C_TAU, PAPER, ablation_record, make_ledger, record

HOSTILE = r"\input{/etc/passwd} $x_1^2$ % & # ~ {a} \\ [b] | <c> é “ß” 漢 ± \end{tabular}"

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not shutil.which("pdflatex"), reason="no pdflatex on the path"),
]


def compiled(folder: Path, tables: list[Path]) -> tuple[int, str]:
    """The exit status and the log of a document with all `tables`."""
    texts = "\n\\clearpage\n".join(path.read_text(encoding="utf-8") for path in tables)
    document = (
        "\\documentclass{article}\n\\usepackage[T1]{fontenc}\n\\usepackage{booktabs}\n"
        "\\usepackage{xcolor}\n\\begin{document}\n" + texts + "\n\\end{document}\n"
    )
    (folder / "all.tex").write_text(document, encoding="utf-8")
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "-no-shell-escape"]
    done = subprocess.run(
        [*command, "all.tex"], cwd=folder, capture_output=True, text=True, errors="replace"
    )
    return done.returncode, done.stdout


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
    assert (tmp_path / "all.pdf").stat().st_size > 20_000


def test_a_table_that_is_not_escaped_does_not_compile(tmp_path: Path) -> None:
    table = tmp_path / "t.tex"
    table.write_text("\\begin{tabular}{l}\na_b & 50% \\\\\n\\end{tabular}\n", encoding="utf-8")
    assert compiled(tmp_path, [table])[0] != 0
