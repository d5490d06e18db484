"""The command line with an S3-compatible server (moto's) on loopback."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from lps_sweep.errors import ExitCode
from lps_sweep.results import Ledger

pytestmark = pytest.mark.slow

SPACE = """
name: small
preset: digits
set: {epochs: 12, pretrain_epochs: 1}
grid: {C: [1, 5, 10]}
seeds: [0]
resources: {max_pack_size: 1, checkpoint_interval_s: 0}
"""


def start(folder: Path, ledger: str, address: str) -> subprocess.Popen[str]:
    (folder / "space.yaml").write_text(SPACE)
    command = [sys.executable, "-m", "lps_sweep", "run", "space.yaml", "--inline"]
    return subprocess.Popen(
        [*command, "--results", address, "--ledger", ledger],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def ended(process: subprocess.Popen[str]) -> tuple[int, str]:
    output, _ = process.communicate(timeout=600)
    return process.returncode, output


def wait_until_one_is_done(results: Path, process: subprocess.Popen[str]) -> str:
    """The first finished trial, when a second one has trained for some epochs."""
    while process.poll() is None:
        if (results / "ledger.sqlite").exists():
            with Ledger.open(results) as ledger:
                done = ledger.finished() if ledger.sweeps() else {}
                if done and any(ledger.checkpoints(t)[4:] for t in ledger.known() if t not in done):
                    return next(iter(done))
        time.sleep(0.2)
    pytest.fail(ended(process)[1])


def test_killed_and_gone_on_with_elsewhere(tmp_path: Path, s3: str) -> None:
    first = start(tmp_path, "head", s3)
    finished = wait_until_one_is_done(tmp_path / "head", first)
    code, output = ended(start(tmp_path, "second", s3))
    assert code == ExitCode.OWNED, output
    assert f"process {first.pid} on" in output
    assert first.poll() is None, "the first was at work all the time"
    first.send_signal(signal.SIGKILL)
    ended(first)
    (tmp_path / "head").rename(tmp_path / "gone")
    code, output = ended(start(tmp_path, "other", s3))
    assert code == ExitCode.DONE, output
    assert "alive" in output
    assert (tmp_path / "other" / "small" / "report.html").exists()
    assert not (tmp_path / "other" / "checkpoints").exists()
    with Ledger.open(tmp_path / "other") as ledger, Ledger.open(tmp_path / "gone") as gone:
        assert set(ledger.finished()) == set(ledger.known())
        assert ledger.finished()[finished] == gone.finished()[finished], "not trained again"
        ledger.verify()
    again = ended(start(tmp_path, "other", s3))
    assert again[0] == ExitCode.DONE
    check = [sys.executable, "-m", "lps_sweep", "check", "other"]
    assert subprocess.run(check, cwd=tmp_path, stdin=subprocess.DEVNULL).returncode == 0


def test_a_bucket_that_is_not_there_is_named(tmp_path: Path, s3: str) -> None:
    code, output = ended(start(tmp_path, "head", s3.replace("bucket", "nowhere")))
    assert code == ExitCode.STORAGE
    assert "s3://nowhere/x" in output
    assert len(output.strip().splitlines()) == 1, output
