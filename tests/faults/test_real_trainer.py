"""The real trainer, killed while it saves checkpoints and trunks, ends with the same results."""

from __future__ import annotations

import json
import os
import sqlite3
from pathlib import Path

import pytest

from tests.faults.harness import DIED
from tests.faults.recorded import read_ledger
from tests.own_process import python

pytestmark = [pytest.mark.fault, pytest.mark.slow]

SPACE = """\
name: real
preset: digits
set: {epochs: 3, pretrain_epochs: 3}
grid: {C: [1, 10]}
seeds: [0]
resources: {checkpoint_interval_s: 0}
"""


def run(space: Path, results: Path, failpoint: str = "") -> int:
    words = ("-m", "lps_sweep", "run", space, "--inline", "--results", results)
    ended = python(*words, env={**os.environ, "LPS_FAILPOINT": failpoint})
    assert ended.returncode in (0, DIED), ended.stderr
    return ended.returncode


def weights(results: Path) -> dict[tuple[str, int], tuple[str, str]]:
    """SHA-256 of the two parts of each trial's last checkpoint."""
    with sqlite3.connect(results / "ledger.sqlite") as connection:
        rows = connection.execute(
            "SELECT trial_id, epoch, member_sha256, run_sha256 FROM checkpoints WHERE epoch = 3"
        )
        found = {(trial, epoch): (member, run) for trial, epoch, member, run in rows}
    connection.close()
    return found


def test_weights_and_metrics_are_those_of_an_uninterrupted_run(tmp_path: Path) -> None:
    space = tmp_path / "real.yaml"
    space.write_text(SPACE)
    assert run(space, tmp_path / "straight") == 0
    places = (
        *("trunk.state:1", "trunk.state:2"),
        *("trunk.facts:1", "checkpoint.save:1", "checkpoint.part:2", "checkpoint.saved:3"),
        *("outcome.inserted:1", "report.write:1", "report.manifest:1"),
    )
    for place in places:
        assert run(space, tmp_path / "killed", place) == DIED, place
    assert run(space, tmp_path / "killed") == 0
    straight, killed = read_ledger(tmp_path / "straight"), read_ledger(tmp_path / "killed")
    assert killed.table() == straight.table()
    assert weights(tmp_path / "killed") == weights(tmp_path / "straight")
    assert len(weights(tmp_path / "killed")) == 2
    assert killed.damaged == []
    assert killed.left_over == []
    manifest = json.loads((tmp_path / "killed/real/report.json").read_text())
    assert "report.html" in manifest["files"]
