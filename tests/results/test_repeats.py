"""Epochs trained twice are compared with their first training."""

from __future__ import annotations

from pathlib import Path

import pytest

from lps_sweep.report.figures.health import health_info, repeats_text
from lps_sweep.results import Ledger, load_view
from lps_sweep.results.repeats import NO_REPEATS, Repeats
from tests.report.report_cases import epoch_metrics, final_metrics, make_ledger, record


def trained_again(folder: Path, change: float) -> Path:
    """A trial is trained for three epochs, and then again for the first two with a change."""
    sweep = record({"C": [1, 10]}, [0])
    make_ledger(folder, sweep, {(10, 0): "running"})
    final = final_metrics((10,), 0)
    with Ledger.open(folder, write=True) as ledger, ledger.transaction():
        attempt = ledger.start_attempts(["t00001"], "again", {})["t00001"]
        ledger.begin_attempt("t00001", attempt, {})
        for epoch in (1, 2):
            metrics = epoch_metrics(final, epoch, 20)
            metrics["acc_all"] += change * epoch
            ledger.add_epoch("t00001", attempt, epoch, metrics, 99.0)
    return folder


@pytest.mark.parametrize(
    ("change", "expected", "words"),
    [
        (0.0, Repeats(2, 0, {}), "same numbers to the last digit"),
        (0.25, Repeats(2, 2, {"acc_all": 0.5}), "2 of them with other numbers (largest"),
    ],
)
def test_the_second_training_is_compared(
    tmp_path: Path, change: float, expected: Repeats, words: str
) -> None:
    view = load_view(trained_again(tmp_path, change), "c_tau")
    assert view.repeats == expected
    assert view.repeated_epochs == 2
    assert words in repeats_text(health_info(view).repeats)


def test_nothing_twice_says_nothing(tmp_path: Path) -> None:
    view = load_view(make_ledger(tmp_path, record({"C": [1, 10]}, [0])), "c_tau")
    assert view.repeats == NO_REPEATS
    assert repeats_text(view.repeats) == ""


def test_a_second_attempt_that_goes_on_is_no_repeat(tmp_path: Path) -> None:
    make_ledger(tmp_path, record({"C": [1]}, [0]), otherwise="running")
    with Ledger.open(tmp_path, write=True) as ledger, ledger.transaction():
        attempt = ledger.start_attempts(["t00000"], "again", {})["t00000"]
        ledger.begin_attempt("t00000", attempt, {})
        ledger.add_epoch("t00000", attempt, 4, {"acc_all": 1.0}, 1.0)
    assert load_view(tmp_path, "c_tau").repeats == NO_REPEATS
