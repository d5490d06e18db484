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


def space_of(folder: Path, epochs: int) -> Path:
    path = folder / "tiny.yaml"
    path.write_text(SPACE.replace("EPOCHS", str(epochs)))
    return path


def command(space: Path, results: Path, *options: str) -> list[str]:
    return [
        *(sys.executable, "-m", "lps_sweep", "run", str(space)),
        *("--results", str(results), *options),
    ]


def run(space: Path, results: Path, *options: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command(space, results, *options), capture_output=True, text=True, timeout=240
    )


def finals(results: Path) -> dict[str, dict[str, float]]:
    with sqlite3.connect(results / "ledger.sqlite") as connection:
        rows = connection.execute("SELECT trial_id, metrics FROM outcomes WHERE status = 'done'")
        return {trial_id: json.loads(metrics) for trial_id, metrics in rows}


def rows_of(results: Path, sql: str) -> list[tuple[object, ...]]:
    with sqlite3.connect(results / "ledger.sqlite") as connection:
        return connection.execute(sql).fetchall()


def wait_for(results: Path, sql: str, at_least: int, process: subprocess.Popen[bytes]) -> None:
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
    started = time.monotonic()
    again = run(space, tmp_path / "ray")
    assert again.returncode == 0
    assert "on Ray" not in again.stdout
    assert time.monotonic() - started < 10


def check_times(results: Path) -> set[str]:
    """That no worker had two packs at a time; the workers."""
    with Ledger.open(results) as ledger:
        times = ledger.attempt_times("tiny")
    assert len(times) == 8
    packs = {(t.worker, t.begun_at, t.pack_id): 0.0 for t in times}
    for one in times:
        place = one.worker, one.begun_at, one.pack_id
        assert one.ended_at is not None
        packs[place] = max(packs[place], one.ended_at)
    for ((worker, begun, _), ended), ((other, following, _), _) in itertools.pairwise(
        sorted(packs.items())
    ):
        assert begun < ended
        assert worker != other or ended <= following
    return {worker for worker, *_ in packs}


@pytest.mark.fault
def test_a_killed_driver_goes_on_where_it_was(tmp_path: Path) -> None:
    space, results = space_of(tmp_path, epochs=6), tmp_path / "r"
    with subprocess.Popen(
        command(space, results), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as driver:
        wait_for(results, "SELECT count(*) FROM outcomes", 2, driver)
        driver.send_signal(signal.SIGKILL)
    before = rows_of(results, "SELECT * FROM outcomes ORDER BY trial_id")
    assert 2 <= len(before) < 8
    resumed = run(space, results)
    assert resumed.returncode == 0, resumed.stderr
    after = rows_of(results, "SELECT * FROM outcomes ORDER BY trial_id")
    assert set(before) <= set(after)
    assert len(after) == 8
    assert run(space, tmp_path / "straight", "--inline").returncode == 0
    assert finals(results) == finals(tmp_path / "straight")


@pytest.mark.fault
def test_a_killed_worker_is_replaced(tmp_path: Path) -> None:
    space, results = space_of(tmp_path, epochs=8), tmp_path / "r"
    with subprocess.Popen(
        command(space, results), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as driver:
        wait_for(results, "SELECT count(*) FROM epochs", 3, driver)  # type: ignore[arg-type]
        os.kill(a_worker_of(driver.pid), signal.SIGKILL)
        output, _ = driver.communicate(timeout=240)
    assert driver.returncode == 0, output
    assert len(finals(results)) == 8
    lost = rows_of(results, "SELECT count(*) FROM attempts WHERE ended LIKE '%died%'")
    assert int(str(lost[0][0])) >= 1


def a_worker_of(driver: int) -> int:
    """A process that trains: its command line is Ray's name of the Tune actor."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        for folder in Path("/proc").iterdir():
            if not folder.name.isdigit():
                continue
            try:
                line = (folder / "cmdline").read_bytes()
                parents = ancestors(int(folder.name))
            except OSError:
                continue
            if b"ray::ImplicitFunc" in line and driver in parents:
                return int(folder.name)
        time.sleep(0.1)
    pytest.fail("no worker was found")


def ancestors(pid: int) -> set[int]:
    found: set[int] = set()
    while pid > 1:
        pid = int((Path("/proc") / str(pid) / "stat").read_text().rsplit(")", 1)[1].split()[1])
        found.add(pid)
    return found


@pytest.mark.fault
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_in_order(tmp_path: Path, number: signal.Signals, code: int) -> None:
    space, results = space_of(tmp_path, epochs=30), tmp_path / "r"
    with subprocess.Popen(
        command(space, results), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as driver:
        wait_for(results, "SELECT count(*) FROM epochs", 2, driver)  # type: ignore[arg-type]
        driver.send_signal(number)
        output, _ = driver.communicate(timeout=60)
    assert driver.returncode == code, output
    assert "same command again" in output


def test_a_cluster_of_two_nodes_with_a_shared_folder(tmp_path: Path) -> None:
    token = {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": "0123456789abcdef" * 4}
    environment = {**os.environ, **token, "RAY_USAGE_STATS_ENABLED": "0"}
    space, results = space_of(tmp_path, epochs=2), tmp_path / "r"
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
        asked = command(space, results, "--address", address)
        stranger = {**environment, "RAY_AUTH_TOKEN": "f" * 64}
        refused = subprocess.run(asked, capture_output=True, text=True, env=stranger, timeout=240)
        joined = subprocess.run(asked, capture_output=True, text=True, env=environment, timeout=240)
        cluster.communicate("")
    assert refused.returncode == 4, refused.stderr
    assert "RAY_AUTH_TOKEN" in refused.stderr
    assert joined.returncode == 0, joined.stderr
    assert "2 nodes" in joined.stdout
    assert len(finals(results)) == 8


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
    environment = {
        **os.environ,
        "PYTHONPATH": str(Path(__file__).parent / "hungry"),
        "RAY_memory_usage_threshold": f"{min(0.97, 1 - free / total + 0.25):.3f}",
    }
    done = subprocess.run(
        command(space, results), capture_output=True, text=True, env=environment, timeout=280
    )
    assert done.returncode == 2, done.stderr
    outcomes = rows_of(
        results,
        "SELECT json_extract(config, '$.C'), status, error FROM outcomes JOIN trials"
        " USING (trial_id) ORDER BY 1",
    )
    assert [row[:2] for row in outcomes] == [(1.0, "done"), (10.0, "done"), (99.0, "failed")]
    assert "memory" in str(outcomes[2][2])
