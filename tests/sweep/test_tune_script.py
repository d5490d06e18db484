"""The scripts of docs/cluster.md: interrupted, given again, imported, reported; on a real Ray."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from lps_sweep.results import Ledger
from lps_sweep.results.records import Metrics
from tests.own_process import python

pytestmark = [pytest.mark.slow, pytest.mark.integration, pytest.mark.fault]

ROOT = Path(__file__).parents[2]
INLINE = """
name: inline
preset: digits
set: {epochs: 3, pretrain_epochs: 2}
grid: {C: [1, 10]}
seeds: [0, 1]
"""


def scripts() -> list[str]:
    """Those of the section, in its order."""
    page = (ROOT / "docs" / "cluster.md").read_text(encoding="utf-8")
    section = page.partition("## A Tune script of your own")[2].partition("\n## ")[0]
    return re.findall(r"```python\n(.*?)```", section, re.DOTALL)


@pytest.fixture
def environment(tmp_path: Path) -> Iterator[dict[str, str]]:
    """Of processes that leave nothing: caches and Ray's own files lie in folders of the test."""
    temporary = tempfile.mkdtemp(prefix="lps-", dir="/tmp")  # Ray's sockets need a short path
    yield {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "RAY_TMPDIR": temporary,
        "RAY_raylet_start_wait_time_s": "300",
        "XDG_CACHE_HOME": str(tmp_path / "cache"),
    }
    kill_all(temporary)
    shutil.rmtree(temporary, ignore_errors=True)


def kill_all(mark: str) -> None:
    """Kills every process that has `mark` in its environment or command line."""
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit() and int(folder.name) != os.getpid():
            with contextlib.suppress(OSError):
                known = (folder / "environ").read_bytes() + (folder / "cmdline").read_bytes()
                if mark.encode() in known:
                    os.kill(int(folder.name), signal.SIGKILL)


def fit(script: str, folder: Path, environment: dict[str, str]) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", script],
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        start_new_session=True,
    )


def has_begun(experiment: Path) -> bool:
    """Whether trials have reported two rows, and the state knows of them."""
    rows = sum(path.read_text().count("\n") for path in experiment.glob("*/result.json"))
    states = [path.read_text() for path in experiment.glob("experiment_state-*.json")]
    return rows >= 2 and any("relative_logdir" in state for state in states)


def interrupt(process: subprocess.Popen[str], experiment: Path, number: signal.Signals) -> None:
    """Sends a signal to a script once its experiment has begun."""
    deadline = time.monotonic() + 400
    while not has_begun(experiment):
        assert process.poll() is None, "it ended too early"
        assert time.monotonic() < deadline
        time.sleep(0.1)
    process.send_signal(number)
    process.communicate(timeout=200)


def taken(results: Path, sweep: str) -> dict[str, tuple[str, Metrics, list[Metrics]]]:
    """Of each trial: its state, final metrics, and those of its epochs."""
    with Ledger.open(results) as ledger:
        return {
            row.trial_id: (
                row.status,
                row.metrics,
                [epoch.metrics for epoch in ledger.epochs_of(row.trial_id)],
            )
            for row in ledger.trial_rows(sweep, False)
        }


def lps_sweep(folder: Path, *words: str) -> str:
    ended = python("-m", "lps_sweep", *words, cwd=folder, env={**os.environ, "PYTHONPATH": ROOT})
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


def test_with_asha_it_goes_on_and_is_what_run_gives(
    tmp_path: Path, environment: dict[str, str]
) -> None:
    script, _ = scripts()
    assert len([line for line in script.splitlines() if line]) <= 20
    experiment = tmp_path / "tuned" / "margins"
    interrupt(fit(script, tmp_path, environment), experiment, signal.SIGINT)
    kill_all(environment["RAY_TMPDIR"])
    again = fit(script, tmp_path, environment)
    printed, _ = again.communicate(timeout=600)
    assert again.returncode == 0
    lps_sweep(tmp_path, "import", str(experiment), "--results", "r")
    assert (tmp_path / "r/margins/report.html").samefile(
        Path(tmp_path, lps_sweep(tmp_path, "report", "r/margins").strip())
    )
    found = taken(tmp_path / "r", "margins")
    assert {status for status, *_ in found.values()} <= {"done", "stopped"}
    done = {trial_id: one for trial_id, one in found.items() if one[0] == "done"}
    assert len(found) == 4
    assert done
    (tmp_path / "inline.yaml").write_text(INLINE)
    lps_sweep(tmp_path, "run", "inline.yaml", "--inline", "--results", "inline")
    inline = taken(tmp_path / "inline", "inline")
    assert inline.keys() == found.keys()
    for trial_id, (_, final, epochs) in found.items():
        assert epochs == inline[trial_id][2][: len(epochs)]
        assert final in ({}, inline[trial_id][1])
    assert float(printed.split()[-1]) == max(one[1]["acc_all"] or 0 for one in done.values())
    trunks = [*(tmp_path / "cache").rglob("*.pt")]
    assert len(trunks) == 1, "pre-trained once for all trials"
    known = lps_sweep(tmp_path, "run", "inline.yaml", "--inline", "--results", "r")
    assert f"{4 - len(done)} " in known


@pytest.mark.long
def test_with_optuna_seeds_are_a_list_and_a_killed_search_goes_on(
    tmp_path: Path, environment: dict[str, str]
) -> None:
    _, script = scripts()
    experiment = tmp_path / "tuned" / "searched"
    interrupt(fit(script, tmp_path, environment), experiment, signal.SIGKILL)
    kill_all(environment["RAY_TMPDIR"])
    lps_sweep(tmp_path, "import", str(experiment), "--results", "r")
    early = {status for status, *_ in taken(tmp_path / "r", "searched").values()}
    assert early - {"done"} == {"not_run"}
    again = fit(script, tmp_path, environment)
    again.communicate(timeout=600)
    assert again.returncode == 0
    lps_sweep(tmp_path, "import", str(experiment), "--results", "r")
    lps_sweep(tmp_path, "report", "r/searched")
    found = taken(tmp_path / "r", "searched")
    assert len(found) == 6
    assert {status for status, *_ in found.values()} == {"done"}
    rows = [
        json.loads(path.read_text().splitlines()[-1]) for path in experiment.glob("*/result.json")
    ]
    with Ledger.open(tmp_path / "r") as ledger:
        for row in rows:
            seeds = [m["trial_id"] for m in json.loads(row["lps_sweep"])["members"]]
            each = [found[trial_id][1]["acc_all"] or 0 for trial_id in seeds]
            assert row["oracle.acc_all"] == pytest.approx(sum(each) / 2)
            assert all(ledger.artefact(trial_id) for trial_id in seeds)
            assert row["training_iteration"] == 3


WRONG = """
from ray import tune
from lps_sweep.tune import trainable
ours = trainable(preset="digits", epochs=2, pretrain_epochs=1)
tuner = tune.Tuner(ours, param_space={"C": -1}, run_config=tune.RunConfig(storage_path=PATH))
print(tuner.fit().errors[0])
"""


def test_a_wrong_value_is_named_as_its_trial_starts(
    tmp_path: Path, environment: dict[str, str]
) -> None:
    process = fit(WRONG.replace("PATH", repr(str(tmp_path))), tmp_path, environment)
    printed, _ = process.communicate(timeout=400)
    assert process.returncode == 0
    assert "param_space: C must be" in printed
    assert not list((tmp_path / "cache").rglob("*.pt"))
