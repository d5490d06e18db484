from __future__ import annotations

from pathlib import Path

import pytest

from lps_sweep.cli import main
from lps_sweep.errors import ExitCode
from lps_sweep.results import Ledger, driver_lock
from lps_sweep.sweep.planned import sweep_record, trial_record
from tests.counted import counted_calls
from tests.test_cli import SPACE, loaded_by, plan_json, planned, record, run_cli


def test_plan_after_the_file_was_changed(
    file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    results = tmp_path / "results"
    record(results, file, done=[0, 1, 2, 3])
    gone = [trial for trial in planned(file)[1] if trial.swept["tau"] == 0.2]
    file.write_text(SPACE.replace("tau: [0.2, 0.4]", "tau: [0.4, 0.6, 0.8]"))
    shown = plan_json(capsys, file, results)
    assert shown["change"] == {"added": 6, "shared": 0, "orphaned": 3}
    assert shown["outcomes"] == {"done": 1}
    assert main(["plan", str(file), "--results", str(results)]) == 0
    facts = capsys.readouterr().out.split("\n\n")[3].replace("\n  ", " ").splitlines()
    assert facts[0] == "already recorded: 1 done; to run: 8, 6 of them new"
    assert facts[1].startswith("3 trials no longer in the plan: kept, and left out: tau=0.2 seed=")
    assert [(old["swept"], old["seed"]) for old in shown["left_out"]] == [
        ({"tau": 0.2}, trial.seed) for trial in sorted(gone, key=lambda t: t.trial_id)
    ]


def test_a_choice_and_a_budget_reach_the_run(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    file, results = tmp_path / "two.yaml", tmp_path / "r"
    file.write_text(
        "name: two\npreset: digits\nset: {epochs: 1, pretrain_epochs: 0}\n"
        "grid: {C: [1, 10, 20]}\nseeds: [0]\nresources: {max_pack_size: 1}\n"
    )
    asked = ["run", str(file), "--inline", "--results", str(results)]
    limits = ["--only", "C=1", "--only", "C=10", "--budget", "hours=9,trials=1"]
    assert main([*asked, *limits]) == ExitCode.INCOMPLETE
    out = capfd.readouterr().out
    assert "2 of 3 trials chosen; the others are not run now" in out
    assert "two: 3 planned, 1 done, 2 not run" in out
    spent = "the budget is spent (trials=1 is reached: 1 came to an end); without it, `run` goes on"
    assert spent in out
    assert main([*asked, "--limit", "1"]) == ExitCode.INCOMPLETE
    out = capfd.readouterr().out
    assert "two: 3 planned, 2 done, 1 not run" in out
    assert "the budget is spent" not in out
    assert main([*asked, "--retry", "failed,diverged"]) == 0


@pytest.mark.slow
def test_a_finished_sweep_of_500_trials_answers_and_starts_nothing(
    file: Path, tmp_path: Path
) -> None:
    levels = [(i + 1) / 100 for i in range(100)]
    text = SPACE.replace("[0.2, 0.4]", str(levels)).replace("[0, 1, 2]", "[0, 1, 2, 3, 4]")
    file.write_text(text)
    results = tmp_path / "results"
    space, trials = planned(file)
    assert len(trials) == 500
    metrics = {f"acc_{part}": 50.0 for part in ("seen", "novel", "all")}
    with driver_lock(results), Ledger.open(results, write=True) as ledger:
        ledger.record_plan(sweep_record(space), [trial_record(trial) for trial in trials])
        with ledger.transaction():
            ids = [trial.trial_id for trial in trials]
            for trial_id, attempt in ledger.start_attempts(ids, "pack", {}).items():
                for epoch in range(1, 21):
                    ledger.add_epoch(trial_id, attempt, epoch, metrics, seconds=2.0)
                ledger.finish(trial_id, attempt, "done", epoch=20, metrics=metrics)
    asked = ("run", str(file), "--results", str(results))
    assert run_cli(*asked).returncode == ExitCode.DONE, "which also builds the report"
    ended = run_cli(*asked)
    assert (ended.returncode, "500 planned, 500 done" in ended.stdout) == (ExitCode.DONE, True)
    assert "pre-training" not in ended.stdout
    status, modules = loaded_by(*asked)
    assert status == ExitCode.DONE
    assert modules.isdisjoint({"ray", "torch", "plotly"}), "nothing is trained or drawn again"
    with counted_calls() as calls:
        assert main([*asked]) == ExitCode.DONE
    assert calls.number < 500 * 4000
