from __future__ import annotations

import io
from pathlib import Path

import pytest
from rich.console import Console

from lps_sweep.plan import PlannedTrial, expand
from lps_sweep.sweep.content import content_of
from lps_sweep.sweep.progress import Progress
from tests.sweep.cases import space_of
from tests.sweep.fakes import metrics_of


def trials_in(folder: Path) -> tuple[PlannedTrial, ...]:
    return expand(space_of(folder), content_of)


def test_plain_lines_say_counts_and_mark_accuracies_as_oracle(tmp_path: Path) -> None:
    output = io.StringIO()
    trials = trials_in(tmp_path)
    first, *others = (trial.trial_id for trial in trials)
    with Progress(Console(file=output, width=200), trials, {others[0]: "done"}) as progress:
        progress.epoch(first, 4, metrics_of(first, 4))
        progress.outcome(first, "done", metrics_of(first, 4))
        progress.outcome(others[1], "diverged", {})
        progress.outcome(others[2], "done", metrics_of(others[2], 4))
    lines = output.getvalue().splitlines()
    assert lines[0].startswith("1/4 done, 1 running, 0 failed | oracle: seen ")
    assert f"trial {others[1]} diverged: C=10.0 tau=0.2 seed=0" in lines
    assert lines[-1].startswith("3/4 done, 0 running, 1 failed")
    assert "best all" in lines[-1]


@pytest.mark.parametrize(("width", "oracle"), [(80, "oracle all "), (160, "best all ")])
def test_a_terminal_gets_one_bar_with_an_eta(tmp_path: Path, width: int, oracle: str) -> None:
    output = io.StringIO()
    trials = trials_in(tmp_path)
    console = Console(file=output, force_terminal=True, width=width)
    with Progress(console, trials, {}) as progress:
        for trial in trials:
            progress.epoch(trial.trial_id, 4, metrics_of(trial.trial_id, 4))
            progress.outcome(trial.trial_id, "done", metrics_of(trial.trial_id, 4))
    shown = output.getvalue()
    assert "4/4 done" in shown
    assert "100%" in shown
    assert "ETA" in shown
    assert oracle in shown
    assert "…" not in shown, "nothing is cut off"
