from __future__ import annotations

import pytest

from lps_sweep.errors import ExitCode
from lps_sweep.results import Ledger, driver_lock
from lps_sweep.sweep.planned import sweep_record, trial_record
from tests.commands.conftest import Cli
from tests.counted import counted_calls
from tests.test_cli import SPACE, loaded_by, planned, run_cli


def test_a_choice_and_a_budget_reach_the_run(cli: Cli) -> None:
    cli.file.write_text(
        "name: two\npreset: digits\nset: {epochs: 1, pretrain_epochs: 0}\n"
        "grid: {C: [1, 10, 20]}\nseeds: [0]\nresources: {max_pack_size: 1}\n"
    )
    limits = ("--only", "C=1", "--only", "C=10", "--budget", "hours=9,trials=1")
    out = cli.of_file("run", "--inline", *limits, status=ExitCode.INCOMPLETE)
    assert "2 of 3 trials chosen" in out
    assert "two: 3 planned, 1 done, 2 not run" in out
    assert "the budget is spent (trials=1 is reached: 1 came to an end)" in out
    out = cli.of_file("run", "--inline", "--limit", "1", status=ExitCode.INCOMPLETE)
    assert "two: 3 planned, 2 done, 1 not run" in out
    assert "the budget is spent" not in out
    cli.of_file("run", "--inline", "--retry", "failed,diverged")


@pytest.mark.slow
def test_a_finished_sweep_of_500_trials_answers_and_starts_nothing(cli: Cli) -> None:
    levels = [(i + 1) / 100 for i in range(100)]
    text = SPACE.replace("[0.2, 0.4]", str(levels)).replace("[0, 1, 2]", "[0, 1, 2, 3, 4]")
    cli.file.write_text(text)
    space, trials = planned(cli.file)
    assert len(trials) == 500
    metrics = {f"acc_{part}": 50.0 for part in ("seen", "novel", "all")}
    with driver_lock(cli.results), Ledger.open(cli.results, write=True) as ledger:
        ledger.record_plan(sweep_record(space), [trial_record(trial) for trial in trials])
        with ledger.transaction():
            ids = [trial.trial_id for trial in trials]
            for trial_id, attempt in ledger.start_attempts(ids, "pack", {}).items():
                for epoch in range(1, 21):
                    ledger.add_epoch(trial_id, attempt, epoch, metrics, seconds=2.0)
                ledger.finish(trial_id, attempt, "done", epoch=20, metrics=metrics)
    asked = ("run", str(cli.file), "--results", str(cli.results))
    assert run_cli(*asked).returncode == ExitCode.DONE, "which also builds the report"
    ended = run_cli(*asked)
    assert (ended.returncode, "500 planned, 500 done" in ended.stdout) == (ExitCode.DONE, True)
    assert "pre-training" not in ended.stdout
    status, modules = loaded_by(*asked)
    assert status == ExitCode.DONE
    assert modules.isdisjoint({"ray", "torch", "plotly"}), "nothing is trained or drawn again"
    with counted_calls() as calls:
        cli(*asked)
    assert calls.number < 500 * 4000
