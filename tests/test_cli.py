from __future__ import annotations

import json
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from lps_sweep.cli import main
from lps_sweep.errors import ExitCode
from lps_sweep.plan import PlannedTrial, SearchSpace, expand, read_space
from lps_sweep.results import Ledger, driver_lock
from lps_sweep.sweep.content import content_of
from lps_sweep.sweep.planned import sweep_record, trial_record
from tests.own_process import python

VERBS = (
    "plan",
    "run",
    "status",
    "show",
    "compare",
    "export",
    "report",
    "select",
    "train",
    "pretrain",
    "classes",
)
HEAVY = {"torch", "torchvision", "ray", "pandas", "plotly", "scipy", "sklearn", "optuna"}
SPACE = """\
name: small
question: Does tau matter?
preset: digits
set:
  epochs: 3
grid:
  tau: [0.2, 0.4]
seeds: [0, 1, 2]
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "small.yaml"
    path.write_text(SPACE)
    return path


def run_cli(*arguments: str) -> subprocess.CompletedProcess[str]:
    return python("-m", "lps_sweep", *arguments)


def loaded_by(*arguments: str) -> tuple[int, set[str]]:
    """The exit status of a command and the top-level packages that it loaded."""
    code = (
        "import sys\n"
        "from lps_sweep.cli import main\n"
        "try:\n"
        "    status = main(sys.argv[1:])\n"
        "except SystemExit as end:\n"
        "    status = end.code or 0\n"
        "print('\\n', status, *{name.split('.')[0] for name in sys.modules})\n"
    )
    ended = python("-c", code, *arguments, check=True)
    status, *modules = ended.stdout.splitlines()[-1].split()
    return int(status), set(modules)


def planned(file: Path) -> tuple[SearchSpace, tuple[PlannedTrial, ...]]:
    space = read_space(file)
    return space, expand(space, content_of)


def record(results: Path, file: Path, done: Sequence[int], failed: Sequence[int] = ()) -> None:
    """A ledger in which these trials of the plan have their outcome."""
    space, trials = planned(file)
    with driver_lock(results), Ledger.open(results, write=True) as ledger:
        ledger.record_plan(sweep_record(space), [trial_record(trial) for trial in trials])
        for number in (*done, *failed):
            trial_id = trials[number].trial_id
            attempt = ledger.start_attempts([trial_id], f"pack-{number}", {})[trial_id]
            if number in failed:
                ledger.finish(trial_id, attempt, "failed", epoch=0, error="broken")
                continue
            for epoch in (1, 2, 3):
                ledger.add_epoch(trial_id, attempt, epoch, {"acc_all": 50.0}, seconds=2.0)
            ledger.finish(trial_id, attempt, "done", epoch=3, metrics={"acc_all": 50.0})
            checkpoint = results / "checkpoints" / trial_id / "member.pt"
            checkpoint.parent.mkdir(parents=True)
            checkpoint.write_bytes(b"x" * 1_000_000)


def plan_json(
    capsys: pytest.CaptureFixture[str], file: Path, results: Path, *more: str
) -> dict[str, Any]:
    assert main(["plan", str(file), "--json", "--results", str(results), *more]) == 0
    content: dict[str, Any] = json.loads(capsys.readouterr().out)
    return content


def test_help_loads_next_to_nothing() -> None:
    """Modules are what a start consists of: 0.1 s with these, 3 s with torch."""
    code = (
        "import argparse, importlib, sys\n"
        "before = set(sys.modules)\n"
        "from lps_sweep.cli import main\n"
        "try:\n"
        "    main(['--help'])\n"
        "except SystemExit as end:\n"
        "    print('status', end.code)\n"
        "print(*set(sys.modules) - before)\n"
    )
    ended = python("-c", code, check=True)
    *text, status, loaded = ended.stdout.splitlines()
    assert all(verb in "\n".join(text) for verb in VERBS)
    assert status == "status 0"
    modules = loaded.split()
    assert "lps_sweep.arguments" in modules
    assert {name.partition(".")[0] for name in modules}.isdisjoint(
        HEAVY | {"numpy", "yaml", "rich"}
    )
    assert sum(name.startswith("lps_sweep") for name in modules) < 12
    assert len(modules) < 60


def test_looking_loads_nothing_heavy(file: Path, tmp_path: Path) -> None:
    results = tmp_path / "results"
    record(results, file, done=[0])
    trial = planned(file)[1][0].trial_id
    plan = ["plan", str(file), "--results", str(results)]
    for verb in (plan, ["status", str(results)], ["show", str(results), trial]):
        status, modules = loaded_by(*verb)
        assert status == 0
        assert "sqlite3" in modules
        assert modules.isdisjoint(HEAVY)


@pytest.mark.parametrize(
    ("old", "new", "line", "message"),
    [
        ("epochs: 3", "epoch: 3", 5, "'epochs'"),
        ("[0.2, 0.4]", "[0.2, -1]", 7, "> 0"),
        ("epochs: 3", "seen_classes: 10", 5, "10 of 10"),
        ("epochs: 3", "seen_classes: [1, 12]", 5, "0..9"),
        ("epochs: 3", "novel_classes: 6", 5, "5 of 10"),
        ("epochs: 3", "assumed_classes: 4", 5, "5 seen classes"),
        ("epochs: 3", "batch_size: 1798", 5, "1798"),
    ],
)
def test_bad_input_ends_the_command_with_4(
    old: str,
    new: str,
    line: int,
    message: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    file = tmp_path / "bad.yaml"
    file.write_text(SPACE.replace(old, new))
    assert main(["plan", str(file), "--results", str(tmp_path / "none")]) == ExitCode.BAD_INPUT
    error = capsys.readouterr().err
    assert error.startswith(f"lps_sweep: {file}:{line}: ")
    assert message in error
    assert not (tmp_path / "none").exists()


def test_status_in_words_and_for_programs(
    file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    results = tmp_path / "results"
    record(results, file, done=[0], failed=[3])
    assert main(["status", str(results)]) == 0
    printed = capsys.readouterr().out
    assert "1 done, 0 stopped, 1 failed, 0 diverged, 0 running, 4 not run" in printed
    assert main(["status", str(results), "small", "--json"]) == 0
    counts = json.loads(capsys.readouterr().out)["small"]
    assert (counts["planned"], counts["done"], counts["not_run"]) == (6, 1, 4)


@pytest.mark.parametrize("arguments", [[], ["sweep"], ["run"], ["train", "--seed", "x"]])
def test_a_wrong_command_line_is_bad_input(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == ExitCode.BAD_INPUT
    assert "usage: lps_sweep" in capsys.readouterr().err


def test_a_relative_results_folder_is_refused_in_a_ray_job(
    file: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["plan", str(file), "--results", "results"]) == ExitCode.DONE
    job = {"runtime_env": {}, "metadata": {"job_submission_id": "raysubmit_1"}}
    monkeypatch.setenv("RAY_JOB_CONFIG_JSON_ENV_VAR", json.dumps(job))
    capsys.readouterr()
    for given in ([], ["--results", "results"]):
        assert main(["run", str(file), *given]) == ExitCode.BAD_INPUT
        said = capsys.readouterr().err
        assert len(said.splitlines()) == 1
        assert "--results" in said
    assert main(["plan", str(file), "--results", str(file.parent / "results")]) == ExitCode.DONE
