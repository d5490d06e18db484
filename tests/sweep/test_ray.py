"""The executor on a real Ray, with real but tiny training."""

from __future__ import annotations

import itertools
import json
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest

from lps_sweep.results import Ledger
from lps_sweep.sweep.executor import usable_cpus
from tests.faults.recorded import ends_by_c
from tests.own_process import python, under_limit

pytestmark = [pytest.mark.slow, pytest.mark.integration]

SPACE = """
name: tiny
preset: digits
set: {epochs: EPOCHS, pretrain_epochs: 1}
grid:
  C: [1, 10]
  tau: [0.2, 0.4]
seeds: [0, 1]
resources: {max_pack_size: 2, checkpoint_interval_s: 0}
"""
HUNGRY = os.pathsep.join([str(Path(__file__).parent / "hungry"), os.environ.get("PYTHONPATH", "")])


def space_of(folder: Path, epochs: int) -> Path:
    path = folder / "tiny.yaml"
    path.write_text(SPACE.replace("EPOCHS", str(epochs)))
    return path


def words(space: Path, results: Path, *options: str) -> list[str]:
    """What Python is given to run a sweep."""
    return ["-m", "lps_sweep", "run", str(space), "--results", str(results), *options]


def run(
    space: Path, results: Path, *options: str, **environment: str
) -> subprocess.CompletedProcess[str]:
    return python(*words(space, results, *options), env={**os.environ, **environment})


def start(space: Path, results: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, *words(space, results)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def finals(results: Path) -> dict[str, dict[str, float]]:
    with sqlite3.connect(results / "ledger.sqlite") as connection:
        rows = connection.execute("SELECT trial_id, metrics FROM outcomes WHERE status = 'done'")
        return {trial_id: json.loads(metrics) for trial_id, metrics in rows}


def rows_of(results: Path, sql: str) -> list[tuple[object, ...]]:
    with sqlite3.connect(results / "ledger.sqlite") as connection:
        return connection.execute(sql).fetchall()


def wait_for(results: Path, sql: str, at_least: int, process: subprocess.Popen[str]) -> None:
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        assert process.poll() is None, "the driver ended too early"
        try:
            if int(str(rows_of(results, sql)[0][0])) >= at_least:
                return
        except sqlite3.OperationalError:
            pass
        time.sleep(0.05)
    pytest.fail(f"{sql} did not reach {at_least}")


def test_ray_gives_the_rows_that_inline_gives(tmp_path: Path) -> None:
    space = space_of(tmp_path, epochs=2)
    on_ray = run(space, tmp_path / "ray")
    assert on_ray.returncode == 0, on_ray.stderr
    inline = run(space, tmp_path / "inline", "--inline")
    assert inline.returncode == 0, inline.stderr
    assert finals(tmp_path / "ray") == finals(tmp_path / "inline")
    assert len(finals(tmp_path / "ray")) == 8
    assert "Ray 2" in on_ray.stdout
    assert "oracle" in on_ray.stdout
    assert on_ray.stderr == ""
    assert not (tmp_path / "ray" / "ray").exists(), "Tune's own files are gone"
    assert check_times(tmp_path / "inline") == {f"{socket.gethostname()} CPU #1"}
    names = {f"{socket.gethostname()} CPU #{n + 1}" for n in range(usable_cpus())}
    assert check_times(tmp_path / "ray") <= names
    again = run(space, tmp_path / "ray")
    assert again.returncode == 0
    assert "on Ray" not in again.stdout


def check_times(results: Path) -> set[str]:
    """That no worker had two packs at a time; the workers."""
    with Ledger.open(results) as ledger:
        times = ledger.begun_attempts("tiny")
    assert len(times) == 8
    packs: dict[tuple[str, float, str], float] = {}
    for one in times:
        place = str(one.worker), one.begun_at or 0.0, one.pack_id
        assert one.ended_at is not None
        packs[place] = max(packs.get(place, 0.0), one.ended_at)
    for ((worker, begun, _), ended), ((other, following, _), _) in itertools.pairwise(
        sorted(packs.items())
    ):
        assert begun < ended
        assert worker != other or ended <= following
    return {worker for worker, *_ in packs}


@pytest.mark.fault
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_in_order(tmp_path: Path, number: signal.Signals, code: int) -> None:
    space, results = space_of(tmp_path, epochs=30), tmp_path / "r"
    with start(space, results) as driver:
        wait_for(results, "SELECT count(*) FROM epochs", 2, driver)
        driver.send_signal(number)
        output, _ = driver.communicate(timeout=120)
    assert driver.returncode == code, output
    assert "same command again" in output


def one_trial(folder: Path) -> Path:
    path = folder / "one.yaml"
    path.write_text("name: one\npreset: digits\nset: {epochs: 1, pretrain_epochs: 1}\nseeds: [0]\n")
    return path


def test_a_long_tmpdir_is_no_obstacle(tmp_path: Path) -> None:
    long = tmp_path / ("x" * 60)
    long.mkdir()
    done = run(one_trial(tmp_path), tmp_path / "r", TMPDIR=str(long))
    assert done.returncode == 0, done.stderr
    assert len(finals(tmp_path / "r")) == 1
    assert list(long.glob("lps-ray-*")) == []


@pytest.mark.parametrize("limit_kb", [2_000_000, 3_000_000])  # of the second it needs a part later
def test_under_a_limit_of_memory_one_line_says_why_ray_cannot_start(
    limit_kb: int, tmp_path: Path
) -> None:
    asked = words(one_trial(tmp_path), tmp_path / "r")
    ended = under_limit(limit_kb, *asked, cwd=tmp_path)
    assert ended.returncode == 4, ended.stderr
    (line,) = ended.stderr.splitlines()
    for word in ("ulimit -v", "TMPDIR", "--inline"):
        assert word in line


@pytest.mark.parametrize(
    "remote",
    [
        pytest.param(False, id="a shared folder"),
        pytest.param(True, id="s3", marks=pytest.mark.long),
    ],
)
def test_a_cluster_of_two_nodes(
    tmp_path: Path, remote: bool, request: pytest.FixtureRequest
) -> None:
    space, results, place = space_of(tmp_path, epochs=2), tmp_path / "r", list[str]()
    if remote:  # its keys are in the environment of all from here on
        place = ["--results", request.getfixturevalue("s3"), "--ledger", str(results)]
    token = {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": "0123456789abcdef" * 4}
    environment = {**os.environ, **token, "RAY_USAGE_STATS_ENABLED": "0"}
    with subprocess.Popen(
        [sys.executable, str(Path(__file__).parent / "two_nodes.py")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env=environment,
    ) as cluster:
        assert cluster.stdout is not None
        lines = iter(cluster.stdout.readline, "")
        address = next(line.strip() for line in lines if ":" in line and line[0].isdigit())
        other = {**token, "RAY_AUTH_TOKEN": "f" * 64}
        refused = run(space, results, *place, "--address", address, **other)
        joined = run(space, results, *place, "--address", address, **token)
        cluster.communicate("")
    assert refused.returncode == 4, refused.stderr
    assert "RAY_AUTH_TOKEN" in refused.stderr
    assert joined.returncode == 0, joined.stderr
    assert "2 nodes" in joined.stdout
    assert len(finals(results)) == 8
    assert (results / "checkpoints").exists() is not remote
    assert (results / "tiny" / "report.html").exists()


@pytest.mark.fault
def test_one_trial_out_of_memory_does_not_end_the_sweep(tmp_path: Path) -> None:
    space, results = tmp_path / "hungry.yaml", tmp_path / "r"
    space.write_text(
        "name: hungry\npreset: digits\nset: {epochs: 2, pretrain_epochs: 1}\n"
        "grid: {C: [1, 99, 10]}\nseeds: [0]\nresources: {max_pack_size: 1, max_attempts: 1}\n"
    )
    facts = dict(
        line.split(":")[:2] for line in Path("/proc/meminfo").read_text().splitlines() if line
    )
    total, free = (int(facts[name].split()[0]) for name in ("MemTotal", "MemAvailable"))
    limit = f"{min(0.97, 1 - free / total + 0.25):.3f}"
    done = run(space, results, PYTHONPATH=HUNGRY, RAY_memory_usage_threshold=limit)
    assert done.returncode == 2, done.stderr
    outcomes = ends_by_c(results)
    assert [row[:2] for row in outcomes] == [(1.0, "done"), (10.0, "done"), (99.0, "failed")]
    assert "memory" in str(outcomes[2][2])


@pytest.mark.long
@pytest.mark.fault
def test_a_pack_whose_device_broke_is_tried_again_in_another_process(tmp_path: Path) -> None:
    space, results = tmp_path / "broken.yaml", tmp_path / "r"
    space.write_text(
        "name: broken\npreset: digits\nset: {epochs: 1, pretrain_epochs: 0}\n"
        "grid: {C: [98]}\nseeds: [0]\nresources: {max_attempts: 2}\n"
    )
    done = run(space, results, PYTHONPATH=HUNGRY, BROKEN_NOTE=str(tmp_path / "note"))
    assert done.returncode == 0, done.stderr
    assert rows_of(results, "SELECT status FROM outcomes") == [("done",)]
    ((end,),) = rows_of(results, "SELECT ended FROM attempts WHERE ended != 'done'")
    assert "device-side assert" in str(end)


@pytest.mark.fault
def test_neither_ignored_signals_nor_lost_output_end_a_run(tmp_path: Path) -> None:
    ignored = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1)

    def ignore() -> None:
        for number in ignored:
            signal.signal(number, signal.SIG_IGN)

    space, results = one_trial(tmp_path), tmp_path / "r"
    reader, writer = os.pipe()
    with subprocess.Popen(
        [sys.executable, *words(space, results)],
        stdout=writer,
        stderr=subprocess.PIPE,
        preexec_fn=ignore,
        text=True,
    ) as driver:
        os.close(writer)
        os.close(reader)
        while driver.poll() is None:
            for number in ignored:
                # Ray's end leaves SIGTERM to nobody for some 0.2 ms: this is no matter of luck.
                if number != signal.SIGTERM or not any(results.glob("artefacts/*-1.npz")):
                    driver.send_signal(number)
            time.sleep(0.05)
        assert driver.stderr is not None
        error = driver.stderr.read()
    assert driver.returncode == 0, error
    assert len(finals(results)) == 1
    assert [line for line in error.splitlines() if "standard output" not in line] == []
    assert len(error.splitlines()) == 1
