"""The checker can go red on real losses: those of plain Ray Tune under five faults.

Should one of these turn green, Ray Tune has learnt to survive it, which is worth knowing.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.faults import truth
from tests.faults.checker import judge
from tests.faults.recorded import Metrics, Recorded

pytestmark = [pytest.mark.slow, pytest.mark.integration, pytest.mark.fault]

TRIALS, EPOCHS = 6, 8
SCRIPT = Path(__file__).parent / "plain_tune.py"


def recorded(storage: Path) -> Recorded:
    """Tune's own files as claims; a trial is called by the name that it reported."""
    planned: list[tuple[str, str]] = []
    outcomes: list[tuple[str, str, Metrics]] = []
    epochs: list[tuple[str, int, int, Metrics]] = []
    for folder in sorted(path for path in (storage / "plain").glob("*") if path.is_dir()):
        config = _config(folder / "params.json")
        rows = _lines(folder / "result.json")
        if config is None and not rows:
            continue
        name = f"x={config.get('x', 'default')}" if config is not None else str(rows[0]["name"])
        planned.append((name, json.dumps(config)))
        for row in rows:
            epochs.append((str(row["name"]), int(row["epoch"]), 1, {"loss": float(row["loss"])}))
        outcomes += [(t, "done", m) for t, epoch, _, m in epochs[-len(rows) :] if epoch == EPOCHS]
    return Recorded(planned, outcomes, epochs)


def _config(path: Path) -> dict[str, Any] | None:
    try:
        return dict(json.loads(path.read_text()))
    except (OSError, ValueError):
        return None


def _lines(path: Path) -> list[dict[str, Any]]:
    found = []
    for line in path.read_text().splitlines() if path.exists() else ():
        with contextlib.suppress(ValueError):
            found.append(dict(json.loads(line)))
    return found


def red(file: Path, storage: Path) -> dict[str, list[str]]:
    """The broken rules, with what broke them."""
    found: dict[str, list[str]] = {}
    for finding in judge(truth.read(file), recorded(storage)):
        found.setdefault(finding.rule, []).append(finding.fact)
    return found


@pytest.fixture
def file(tmp_path: Path) -> Path:
    truth.write(tmp_path / "truth.jsonl", "plan", trials=TRIALS, epochs=EPOCHS, redo=1)
    return tmp_path / "truth.jsonl"


@contextlib.contextmanager
def tune(
    verb: str, storage: Path, file: Path, search: str = "grid", **environment: str
) -> Iterator[subprocess.Popen[str]]:
    """Plain Tune in a session of its own, of which nothing is left afterwards."""
    temporary = tempfile.mkdtemp(prefix="lps-")
    process = subprocess.Popen(
        [sys.executable, str(SCRIPT), verb, str(storage), str(file), search],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        start_new_session=True,
        env={**os.environ, "RAY_USAGE_STATS_ENABLED": "0", "TMPDIR": temporary, **environment},
    )
    try:
        yield process
    finally:
        for child in _session(process.pid):
            with contextlib.suppress(ProcessLookupError):
                os.kill(child, signal.SIGKILL)
        process.communicate()
        subprocess.run(["rm", "-rf", temporary], check=True)


def _session(leader: int) -> list[int]:
    """All processes of a session, and their sessions' processes: Ray starts some of its own."""
    parents: dict[int, tuple[int, int]] = {}
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            with contextlib.suppress(OSError):
                fields = (folder / "stat").read_text().rsplit(")", 1)[1].split()
                parents[int(folder.name)] = (int(fields[1]), int(fields[3]))
    found = {leader}
    while (
        more := {pid for pid, (parent, session) in parents.items() if {parent, session} & found}
        - found
    ):
        found |= more
    return sorted(found)


def until(condition: Callable[[], bool], process: subprocess.Popen[str]) -> None:
    deadline = time.monotonic() + 120
    while not condition():
        assert process.poll() is None, "Tune ended too early"
        assert time.monotonic() < deadline
        time.sleep(0.02)


def count(file: Path, kind: str) -> int:
    return sum(event["kind"] == kind for event in truth.read(file))


def test_an_undisturbed_sweep_is_green(tmp_path: Path, file: Path) -> None:
    with tune("fit", tmp_path / "s", file) as process:
        assert process.wait(timeout=200) == 0
    assert red(file, tmp_path / "s") == {}


def test_a1_a_driver_killed_at_once_loses_the_search_space(tmp_path: Path, file: Path) -> None:
    with tune("fit", tmp_path / "s", file) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "fitting\n"
        time.sleep(0.5)
        process.kill()
    with tune("restore", tmp_path / "s", file) as process:
        process.wait(timeout=200)
    found = red(file, tmp_path / "s")
    assert "I1" in found, found
    assert any("not 6" in fact for fact in found["I1"])


def test_a3_finished_trials_of_a_search_are_run_again(tmp_path: Path, file: Path) -> None:
    with tune("fit", tmp_path / "s", file, "optuna") as process:
        until(lambda: count(file, "finished") >= 3, process)
        process.kill()
    with tune("restore", tmp_path / "s", file, "optuna") as process:
        process.wait(timeout=200)
    found = red(file, tmp_path / "s")
    assert {"I1", "I2", "I4"} & set(found), found


def test_a5_one_trial_out_of_memory_ends_the_sweep(tmp_path: Path, file: Path) -> None:
    facts = dict(line.split(":")[:2] for line in Path("/proc/meminfo").read_text().splitlines())
    total, free = (int(facts[name].split()[0]) for name in ("MemTotal", "MemAvailable"))
    limit = {"RAY_memory_usage_threshold": f"{min(0.97, 1 - free / total + 0.08):.3f}"}
    with tune("fit", tmp_path / "s", file, "hungry", **limit) as process:
        code = process.wait(timeout=200)
    assert code != 0, "fit() raised"
    assert "I1" in red(file, tmp_path / "s")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount a small disk")
def test_a12_a_full_disk_loses_what_was_reported(tmp_path: Path, file: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=6m", "tmpfs", str(disk)]
    if subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("a small disk cannot be mounted here")
    try:
        with tune("fit", disk / "s", file) as process:
            process.wait(timeout=200)
        assert "I2" in red(file, disk / "s")
    finally:
        subprocess.run(["umount", "-l", str(disk)], check=True)


def test_a18_a_terminated_sweep_loses_what_was_reported(tmp_path: Path, file: Path) -> None:
    with tune("fit", tmp_path / "s", file) as process:
        until(lambda: count(file, "acknowledged") >= 6, process)
        process.terminate()
        process.wait(timeout=120)
    assert "I2" in red(file, tmp_path / "s")
