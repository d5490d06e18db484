"""The paper's search spaces, run on the digits into one results folder."""

from __future__ import annotations

from pathlib import Path

import pytest

from lps_sweep.cli import main
from lps_sweep.errors import ExitCode
from lps_sweep.results import Ledger
from tests.plan.test_paper_spaces import FOLDER, NAMES, NUM_DISTINCT, NUM_TRIALS, OPEN

DIGITS = ["--preset", "digits", "--set", "epochs=2", "--set", "pretrain_epochs=1"]


@pytest.mark.slow
@pytest.mark.long
@pytest.mark.timeout(900)
def test_the_files_run_on_the_digits_and_what_they_share_runs_once(
    tmp_path: Path,
) -> None:
    results = tmp_path / "results"
    known: set[str] = set()
    for name in NAMES:
        file = str(FOLDER / f"{name}.yaml")
        assert main(["run", file, *DIGITS, "--inline", "--results", str(results)]) == ExitCode.DONE
        with Ledger.open(results) as ledger:
            found = ledger.outcomes(name)
        assert len(found) == NUM_TRIALS[name]
        assert set(found.values()) == {"done"}
        shared = len(found.keys() & known)
        assert shared == NUM_SHARED[name]
        known |= found.keys()
        report = (results / name / "report.html").read_text()
        assert f"{len(found)} of {len(found)} planned trials are done." in report
    assert len(known) == NUM_DISTINCT
    with Ledger.open(results) as ledger:
        assert all(len(ledger.attempts(trial)) == 1 for trial in known)
        assert [ledger.repeats(name).pairs for name in NAMES] == [0] * len(NAMES)


NUM_SHARED = {
    **{"table1": 0, "table2": 6 * OPEN, "table3": 0, "table9": 0, "figure6": 6 * OPEN},
    **dict.fromkeys(["table4", "table5", "table6", "table7", "table8"], 3),
    **dict.fromkeys(["figure2", "figure4", "figure5"], 3 * OPEN),
}
"""Trials of each file that those before it have run."""
