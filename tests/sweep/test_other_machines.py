"""What the default data set says does not hang on last bits: the number of threads changes them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from lps_sweep.report.averages import read_averages, trends
from lps_sweep.results import SweepView, load_view

SPACE = """\
name: reduced
preset: numbers
set: {epochs: 8, pretrain_epochs: 15}
grid: {C: [1, 20], tau: [0.3, 0.5]}
seeds: [0, 1, 2]
"""
THREADS = (1, 2)


def accuracies_of(view: SweepView) -> list[float]:
    return [float(value) for value in view.trials["acc_novel"]]


@pytest.mark.slow
def test_seen_accuracy_falls_with_c_whatever_the_number_of_threads(tmp_path: Path) -> None:
    space = tmp_path / "reduced.yaml"
    space.write_text(SPACE)
    runs = [
        subprocess.Popen(
            [
                *(sys.executable, "-m", "lps_sweep", "run", str(space), "--inline"),
                *("--results", str(tmp_path / str(threads))),
                *("--resources", f"cpus_per_pack={threads}"),
            ],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for threads in THREADS
    ]
    for run in runs:
        printed, _ = run.communicate()
        assert run.returncode == 0, printed

    views = [load_view(tmp_path / str(threads), "reduced") for threads in THREADS]

    first, second = map(accuracies_of, views)
    assert len(first) == len(second) == 12
    assert first != second, "the last bits are the same: this compares nothing"
    for view in views:
        (average,) = read_averages(view, "C")
        rise, ends = trends(average)["acc_seen"]
        assert rise < 0
        assert ends is not None
        assert ends[1] < 0
