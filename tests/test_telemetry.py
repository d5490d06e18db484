"""Nobody is counted: dependencies tell their makers nothing, and a run leaves a home as it was."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from lps_sweep import TELEMETRY_OFF
from tests.own_process import python

SPACE = """
name: tiny
preset: digits
set: {epochs: 1, pretrain_epochs: 1}
grid: {C: [5, 10]}
seeds: [0, 1]
"""


KEPT = ("HOME", "LANG", "PATH", "PYTHONPATH", "TMPDIR")
"""All else may tell a dependency that it is being tested, and is not passed on."""


def environment(**given: str) -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name in KEPT} | given


def asked(code: str, **given: str) -> str:
    return python("-c", code, env=environment(**given), check=True).stdout.strip()


SHOW = f"import os; print({{name: os.environ.get(name) for name in {sorted(TELEMETRY_OFF)}}})"


@pytest.mark.parametrize("chosen", [{}, {"MLFLOW_DISABLE_TELEMETRY": "false"}])
def test_the_package_turns_it_off_and_who_turned_it_on_keeps_it(chosen: dict[str, str]) -> None:
    expected = dict(sorted({**TELEMETRY_OFF, **chosen}.items()))
    assert asked(f"import lps_sweep; {SHOW}", **chosen) == str(expected)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("module", "question"),
    [
        ("mlflow", "from mlflow.telemetry.utils import is_telemetry_disabled as off; print(off())"),
        (
            "ray",
            "from ray._common.usage.usage_lib import usage_stats_enabled as on; print(not on())",
        ),
        ("wandb", "from wandb.env import error_reporting_enabled as on; print(not on())"),
    ],
)
def test_the_dependencies_obey(module: str, question: str) -> None:
    pytest.importorskip(module)
    assert asked(f"import lps_sweep; {question}") == "True"


@pytest.mark.slow
@pytest.mark.long
@pytest.mark.integration
def test_a_run_in_an_empty_home_leaves_nothing_there(tmp_path: Path) -> None:
    """Under Ray, with whatever trackers are installed; then the other verbs and a script."""
    home, results = tmp_path / "home", tmp_path / "results"
    home.mkdir()
    space = tmp_path / "tiny.yaml"
    space.write_text(SPACE)
    script = Path(__file__).parents[1] / "analysis" / "sensitivity.py"
    verb, exported = ["-m", "lps_sweep"], ["export", str(results), "tiny", "--format"]
    for command in (
        [*verb, "run", str(space), "--results", str(results)],
        [*verb, *exported, "tables", "--to", str(tmp_path / "t")],
        [*verb, *exported, "optuna", "--to", str(tmp_path / "s.db")],
        [*verb, *exported, "wandb", "--to", "p"],
        [*verb, "report", str(results), "--images"],
        [str(script), str(results / "tiny")],
    ):
        alone = environment(HOME=str(home), WANDB_MODE="offline")
        ended = python(*command, env=alone, cwd=tmp_path)
        assert ended.returncode == 0, ended.stderr
        assert sorted(home.rglob("*")) == [], command
