"""Ledgers for the tests of the trackers, and what these are to hold of them."""

from __future__ import annotations

from pathlib import Path

from lps_sweep.results import Json, Ledger
from lps_sweep.tracking import SweepHistory, Tracker, read_history
from tests.report.report_cases import make_ledger, record

FATES = {(5, 0): "failed", (5, 1): "diverged", (10, 0): "running", (10, 1): "not_run"}
EPOCHS = 4


def ledger(folder: Path) -> Path:
    """Two seeds at C = 1, 5, 10: done; failed and diverged; running and not run."""
    axes: dict[str, list[Json]] = {"C": [1, 5, 10]}
    return make_ledger(folder, record(axes, [0, 1], name="c"), FATES, epochs=EPOCHS)


def history(folder: Path) -> SweepHistory:
    """The sweep of `ledger`."""
    return read_history(folder, "c")


def send(tracker: Tracker, results: Path) -> int:
    """Sends the sweep of `ledger` and nothing else; the number of epochs that were new."""
    return sum(tracker.update(trial) for trial in history(results).begun)


def train_on(folder: Path, trial: str = "t00004") -> None:
    """Two more epochs of the trial that runs, and its end."""
    with Ledger.open(folder, write=True) as opened, opened.transaction():
        for epoch in (4, 5):
            assert opened.add_epoch(trial, 1, epoch, {"acc_novel": 90.0 + epoch, "pc": 0.5}, 0.1)
        assert opened.finish(trial, 1, "done", epoch=5, metrics={"acc_novel": 95.0})
