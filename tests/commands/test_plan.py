"""`plan` and `run`: what they show, what they ask, and what it costs to show it."""

from __future__ import annotations

import pytest

from lps_sweep.config import field_table
from lps_sweep.errors import ExitCode
from lps_sweep.results import Ledger, driver_lock
from lps_sweep.sweep.planned import sweep_record, trial_record
from tests.commands.conftest import Cli
from tests.counted import counted_calls
from tests.test_cli import SPACE, loaded_by, planned, record, run_cli

AXES = ("C", "tau", "eta1", "eta2")
SHORT = SPACE.replace("epochs: 3", "epochs: 1\n  pretrain_epochs: 0")


def test_before_anything_ran(cli: Cli) -> None:
    shown = cli.plan()
    assert (shown["name"], shown["question"]) == ("small", "Does tau matter?")
    assert (shown["num_trials"], shown["num_configurations"]) == (6, 2)
    assert (shown["seeds"], shown["outcomes"]) == ([0, 1, 2], {})
    assert sum(shown["pack_sizes"]) == 6
    assert list(shown["trunks"].values()) == [False]
    assert shown["epochs_left"] == 18
    assert shown["cost"] == dict.fromkeys(["hours", "gpu_hours", "size", "pretrain_hours"])
    assert [c["tau"] for c in shown["configurations"]] == [0.2, 0.4]
    for configuration in shown["configurations"]:
        assert (configuration["method"], configuration["epochs"]) == ("lps", 3)
        assert (configuration["network"], configuration["C"]) == ("small_cnn", 10.0)
    title, varied, departures, facts = cli.of_file("plan").split("\n\n")
    assert title.startswith("small: Does tau matter?\n6 trials: 2 configurations at seeds 0, 1, 2")
    assert varied.splitlines()[1].split() == ["tau", "tau", "grid", "0.4", "0.2,", "0.4"]
    assert departures.splitlines()[1].split() == ["epochs", "3", "20"]
    assert "to run: 6, all new" in facts
    assert not cli.results.exists()


def test_whole_configurations_are_shown_on_request(cli: Cli) -> None:
    for more, number in ([], 1), (["2"], 2), (["3"], 2):
        blocks = cli.of_file("plan", "--configurations", *more).split("\n\n")[4:]
        assert len(blocks) == number
        values = dict(line.split(maxsplit=1) for line in blocks[0].splitlines())
        shown = {key for key, info in field_table("lps").items() if not info.param.beside}
        assert set(values) == {"configuration", "method", *shown}
        assert (values["tau"], values["epochs"], values["network"]) == ("0.2", "3", "small_cnn")
    assert len(cli.plan("--configurations")["configurations"]) == 1
    with pytest.raises(SystemExit) as ended:
        cli.of_file("plan", "--configurations", "none")
    assert ended.value.code == ExitCode.BAD_INPUT


def test_after_a_part_ran(cli: Cli) -> None:
    record(cli.results, cli.file, done=[0, 1, 2], failed=[3])
    shown = cli.plan()
    assert shown["outcomes"] == {"done": 3, "failed": 1}
    assert sum(shown["pack_sizes"]) == 2
    assert shown["epochs_left"] == 6
    assert 0 < shown["cost"]["hours"] <= 6 * 2.0 / 3600
    assert (shown["cost"]["size"], shown["estimated_from"]) == (2_000_000, "records")
    printed = cli.of_file("plan")
    assert "3 done, 1 failed; to run: 2" in printed
    assert "--retry failed" in printed


def test_after_the_file_was_changed(cli: Cli) -> None:
    record(cli.results, cli.file, done=[0, 1, 2, 3])
    gone = [trial for trial in planned(cli.file)[1] if trial.swept["tau"] == 0.2]
    cli.file.write_text(SPACE.replace("tau: [0.2, 0.4]", "tau: [0.4, 0.6, 0.8]"))
    shown = cli.plan()
    assert shown["change"] == {"added": 6, "shared": 0, "orphaned": 3}
    assert shown["outcomes"] == {"done": 1}
    assert [(old["swept"], old["seed"]) for old in shown["left_out"]] == [
        ({"tau": 0.2}, trial.seed) for trial in sorted(gone, key=lambda t: t.trial_id)
    ]
    printed = " ".join(cli.of_file("plan").split())
    assert "1 done; to run: 8, 6 of them new 3 trials no longer in the plan" in printed


@pytest.mark.parametrize("form", [[], ["--json"]])
def test_the_calls_of_a_plan_grow_with_its_trials_and_are_few(form: list[str], cli: Cli) -> None:
    """Before a point only changed its arm's configuration they were 842 a trial, and 1417."""
    numbers = []
    for number in (2, 2, 10, 20):  # the first also loads what is loaded once
        levels = [(i + 1) / number for i in range(number)]
        grid = "\n".join(f"  {axis}: {levels}" for axis in AXES[:2])
        cli.file.write_text(f"name: large\npreset: digits\ngrid:\n{grid}\nseeds: [0]\n")
        with counted_calls() as calls:
            cli.of_file("plan", *form)
        numbers.append(calls.number)
    _, *numbers = numbers
    first, second = (numbers[1] - numbers[0]) / (100 - 4), (numbers[2] - numbers[1]) / (400 - 100)
    assert 0 < second < 1.1 * first
    assert second < 842 / 2


@pytest.mark.slow
def test_a_probe_measures_and_leaves_nothing(cli: Cli) -> None:
    cli.file.write_text(f"{SPACE}arms: {{lps: {{}}, clusters: {{C: 0}}}}\n")
    shown = cli.plan("--probe")
    assert shown["estimated_from"] == "probe"
    assert 0 < shown["cost"]["pretrain_hours"] < shown["cost"]["hours"] < 1
    assert 12 * 100_000 < shown["cost"]["size"] < 12 * 2_000_000
    line = cli.of_file("plan", "--probe").partition("estimate: ")[2].replace("\n  ", " ")
    assert "on this machine (no GPU here), from a probe, " in line
    assert "of it pre-training; " in line
    assert not cli.results.exists()


@pytest.mark.parametrize("limit", ["trials=5", "hours=0.001"])
def test_much_is_started_only_when_it_is_allowed(cli: Cli, limit: str) -> None:
    if limit.startswith("hours"):
        record(cli.results, cli.file, done=[0])
        assert cli.plan("--set", "epochs=9")["cost"]["hours"] > 0.001
    asked = ("--inline", "--set", "epochs=9", "--ask-above", limit)
    error = cli.of_file("run", *asked, status=ExitCode.BAD_INPUT)
    assert "6 trials are to be started" in error
    assert "--yes" in error
    assert cli.results.exists() == limit.startswith("hours")


@pytest.mark.slow
@pytest.mark.parametrize(("answer", "status"), [("", 6), ("n", 6), ("y", 0), ("Yes", 0)])
def test_at_a_terminal_it_is_asked_for(
    cli: Cli, answer: str, status: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    questions: list[str] = []

    def answered(question: str) -> str:
        questions.append(question)
        return answer

    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    monkeypatch.setattr("builtins.input", answered)
    cli.file.write_text(SHORT.replace("[0, 1, 2]", "[0]"))
    cli.of_file("run", "--inline", "--ask-above=trials=1", status=status)
    assert questions == ["2 trials are to be started, more than 1. Start them? [y/N] "]
    assert cli.results.exists() == (status == 0)
    if status == 0:
        cli.of_file("run", "--inline", "--ask-above=trials=1")
        assert len(questions) == 1, "nothing is left that could be much"


@pytest.mark.slow
def test_a_budget_of_gpu_hours_without_a_gpu_is_told(cli: Cli) -> None:
    pytest.importorskip("torch")
    cli.file.write_text(f"{SHORT}resources: {{gpus_per_pack: 0}}\n")
    told = cli.of_file("run", "--inline", "--budget", "gpu_hours=1")
    assert "no GPU is used here, so that the budget gpu_hours is never" in told


def test_twins_are_named(cli: Cli) -> None:
    cli.file.write_text("name: s\npreset: digits\ngrid: {novel_classes: [0, 5, 2]}\nseeds: [0]\n")
    shown = " ".join(cli.of_file("plan").split())
    assert "2 trials" in shown
    assert "novel_classes=5 is novel_classes=0" in shown
    assert "novel_classes=2 is" not in shown


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
