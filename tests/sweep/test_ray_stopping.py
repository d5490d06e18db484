"""Early stopping on a real Ray, where packs run side by side and orders travel by a file."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from lps_sweep.results import Ledger, Stop
from tests.sweep.test_ray import finals, rows_of, run

pytestmark = [pytest.mark.slow, pytest.mark.integration]

SPACE = """
name: tiny
preset: digits
set: {epochs: 5, pretrain_epochs: 1}
grid:
  C: [1, 10]
  tau: [0.2, 0.4]
seeds: [0, 1]
resources: {max_pack_size: 2, checkpoint_interval_s: 0}
stopping: {rule: RULE, metric: oracle.acc_all, first_epoch: 1, reduction: 2}
"""


def stops(results: Path) -> dict[str, Stop | None]:
    with Ledger.open(results) as ledger:
        return ledger.stops()


def lengths(results: Path) -> dict[str, int]:
    rows = rows_of(results, "SELECT trial_id, count(DISTINCT epoch) FROM epochs GROUP BY trial_id")
    return {str(trial): int(str(number)) for trial, number in rows}


@pytest.mark.long
def test_halving_decides_on_ray_what_it_decides_inline(tmp_path: Path) -> None:
    space = tmp_path / "tiny.yaml"
    text = SPACE.replace("RULE", "halving").replace("epochs: 5", "epochs: 3")
    space.write_text(text.replace("[0, 1]", "[0]"))
    on_ray = run(space, tmp_path / "ray")
    assert on_ray.returncode == 0, on_ray.stderr
    inline = run(space, tmp_path / "inline", "--inline")
    assert inline.returncode == 0, inline.stderr
    assert stops(tmp_path / "ray") == stops(tmp_path / "inline")
    assert finals(tmp_path / "ray") == finals(tmp_path / "inline")
    assert lengths(tmp_path / "ray") == lengths(tmp_path / "inline"), "all heard of it at once"
    assert len(finals(tmp_path / "ray")) == 1
    attempts = "SELECT count(*) FROM attempts WHERE waits_after IS NOT NULL"
    assert int(str(rows_of(tmp_path / "ray", attempts)[0][0])) >= 3, "packs waited for others"
    assert run(space, tmp_path / "ray").returncode == 0
    assert not (tmp_path / "ray" / "driver.lock.orders").exists()


def test_asha_ends_members_of_packs_that_run_side_by_side(tmp_path: Path) -> None:
    space, results = tmp_path / "tiny.yaml", tmp_path / "ray"
    space.write_text(SPACE.replace("RULE", "asha"))
    done = run(space, results)
    assert done.returncode == 0, done.stderr
    found = stops(results)
    assert found
    trained = lengths(results)
    for trial, stop in found.items():
        assert stop is not None
        assert stop.epoch == trained[trial] in (1, 2, 4), "it left its pack at the rung"
        assert stop.rank > stop.compared // 2
    with (results / "tiny" / "tables" / "trials.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert {row["status"] for row in rows} == {"done", "stopped"}
    for row in rows:
        assert bool(row["acc_all"]) == (row["status"] == "done")
    with (results / "tiny" / "tables" / "stopped.csv").open(newline="") as file:
        assert {row["trial_id"] for row in csv.DictReader(file)} == set(found)
