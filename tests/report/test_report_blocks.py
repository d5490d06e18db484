"""The report of each way to vary: the search space as planned, with made-up outcomes."""

from __future__ import annotations

from pathlib import Path

import pytest

from lps_sweep.plan import expand
from lps_sweep.report import build_report
from lps_sweep.results import Ledger, driver_lock
from lps_sweep.sweep.planned import sweep_record, trial_record
from tests.plan.space_cases import no_content, space_of

HEAD = "name: s\npreset: digits\nset: {epochs: 1}\n"


def report_of(blocks: str, results: Path) -> str:
    """The report of a sweep over two seeds, all trials of which are done."""
    space = space_of(f"{HEAD}{blocks}seeds: [0, 1]\n")
    trials = expand(space, no_content)
    with driver_lock(results), Ledger.open(results, write=True) as ledger, ledger.transaction():
        ledger.record_plan(sweep_record(space), [trial_record(trial) for trial in trials])
        for number, trial in enumerate(trials):
            attempt = ledger.start_attempts([trial.trial_id], "pack", {})[trial.trial_id]
            accuracy = {f"acc_{part}": 50.0 + number for part in ("seen", "novel", "all")}
            ledger.add_epoch(trial.trial_id, attempt, 1, accuracy, seconds=1.0)
            ledger.finish(trial.trial_id, attempt, "done", epoch=1, metrics=accuracy)
    return build_report(results, "s").read_text()


def rows(name: str, results: Path) -> list[list[str]]:
    lines = (results / "s" / "tables" / f"{name}.csv").read_text().splitlines()
    return [line.split(",")[:2] for line in lines[1:]]


def test_one_at_a_time(tmp_path: Path) -> None:
    page = report_of("one_at_a_time:\n  eta1: [0.6]\n  eta2: [1, 1.4, 1.2]\n", tmp_path)
    assert "8 of 8 planned trials are done." in page
    assert "eta1 = 1, eta2 = 1" in page
    assert rows("sensitivity_eta1", tmp_path) == [["0.6", "52.5"], ["1.0", "50.5"]]
    assert rows("sensitivity_eta2", tmp_path) == [
        ["1.0", "50.5"],
        ["1.2", "56.5"],
        ["1.4", "54.5"],
    ]
    assert "not planned" not in page


def test_arms(tmp_path: Path) -> None:
    page = report_of("arms:\n  full: {}\n  without_margin: {C: 0}\n", tmp_path)
    assert "arm = full" in page
    assert rows("ablation", tmp_path) == [["full", "50.5"], ["without_margin", "52.5"]]


@pytest.mark.parametrize(
    "lists",
    ["  tau: [0.2, 0.3]\n  C: [10, 5]\n", "  tau: [0.2, 0.3, 0.4]\n  C: [1, 10, 5]\n"],
    ids=["without the default", "with each default in another row"],
)
def test_zip_whose_rows_have_no_default(lists: str, tmp_path: Path) -> None:
    page = report_of(f"zip:\n{lists}one_at_a_time: {{eta1: [0.5]}}\n", tmp_path)
    assert "planned trials are done." in page
    assert "not planned" in page
