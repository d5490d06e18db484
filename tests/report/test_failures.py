"""Failures as a reader meets them: on the first screen, and each with its error."""

from __future__ import annotations

from pathlib import Path

from lps_sweep.report.pages.failures import sections
from lps_sweep.results import load_view
from tests.report.report_cases import make_ledger, record

TRACEBACK = """Traceback (most recent call last):
  File "train.py", line 3, in step
    loss.backward()
ValueError: <b>no</b> loss"""


def test_the_first_screen_says_how_many_failed_and_of_what(tmp_path: Path) -> None:
    fates = {(1, 0): "failed", (1, 2): "diverged"}
    view = load_view(make_ledger(tmp_path, record({"C": [1, 10]}), fates, error=TRACEBACK), "c_tau")
    (section,) = sections(view)
    assert section.findings == (
        "2 of 6 trials failed or diverged, 2 of them with: ValueError: <b>no</b> loss",
    )
