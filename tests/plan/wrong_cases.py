"""One line of a right search space spoiled, and how that is to be refused."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import pytest

from lps_sweep.cli import main


class Wrong(NamedTuple):
    """Line `line` replaced by `text`; the error is to be at line `at`, or else at `line`."""

    line: int
    text: str
    message: str
    at: int = 0

    @property
    def name(self) -> str:
        """What the test of this case is called."""
        return f"{self.line}:{self.text.strip()[:40]}"


def assert_refused(
    right: str, case: Wrong, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """`right`, spoiled by `case`, ends with exit code 4 and a message at the line in question."""
    file = tmp_path / "wrong.yaml"
    lines = right.splitlines()
    lines[case.line - 1] = case.text
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")

    assert main(["plan", str(file), "--results", str(tmp_path / "none")]) == 4

    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.startswith(f"lps_sweep: {file}:{case.at or case.line}: ")
    assert case.message in printed.err.replace(str(file), "FILE")
    assert "Located(" not in printed.err
