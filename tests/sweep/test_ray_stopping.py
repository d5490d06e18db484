"""Early stopping and a budget on a real Ray, where packs run side by side."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from lps_sweep.results import Ledger, Stop
from tests.sweep.test_ray import SPACE, finals, rows_of, run

pytestmark = [pytest.mark.slow, pytest.mark.integration]

RULE = "stopping: {rule: RULE, metric: oracle.acc_all, first_epoch: 1, reduction: 2}\n"


def stops(results: Path) -> dict[str, Stop | None]:
    with Ledger.open(results) as ledger:
        return ledger.stops()


def lengths(results: Path) -> dict[str, int]:
    rows = rows_of(results, "SELECT trial_id, count(DISTINCT epoch) FROM epochs GROUP BY trial_id")
    return {str(trial): int(str(number)) for trial, number in rows}


@pytest.mark.long
def test_halving_decides_on_ray_what_it_decides_inline(tmp_path: Path) -> None:
    space = tmp_path / "tiny.yaml"
    text = SPACE.replace("EPOCHS", "3").replace("[0, 1]", "[0]")
    space.write_text(text + RULE.replace("RULE", "halving"))
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
    space.write_text(SPACE.replace("EPOCHS", "5") + RULE.replace("RULE", "asha"))
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


def test_running_packs_drain_and_the_next_run_completes(tmp_path: Path) -> None:
    space, results = tmp_path / "tiny.yaml", tmp_path / "r"
    text = SPACE.replace("EPOCHS", "3").replace("max_pack_size: 2", "max_pack_size: 1")
    space.write_text(text)
    spent = run(space, results, "--budget", "trials=2")
    assert spent.returncode == 6, spent.stderr
    assert "the budget is spent (trials=2 is reached: 2 came to an end)" in spent.stdout
    ends = "SELECT ended, begun, count(*) FROM attempts GROUP BY ended, begun ORDER BY ended"
    (done, not_started) = rows_of(results, ends)
    assert done[:2] == ("done", 1)
    assert not_started[:2] == ("not started: a budget was spent", 0)
    num_done, num_left = int(str(done[2])), int(str(not_started[2]))
    assert num_done + num_left == 8
    assert num_done >= 2, "those that ran came to their end"
    assert num_left >= 1
    before = finals(results)
    assert len(before) == num_done
    assert run(space, results).returncode == 0
    after = finals(results)
    assert len(after) == 8
    assert before.items() <= after.items()
    attempts = "SELECT count(*) FROM attempts WHERE begun"
    assert rows_of(results, attempts) == [(8,)], "nothing runs twice"
    repeated = "SELECT count(*) - count(DISTINCT trial_id || epoch) FROM epochs"
    assert rows_of(results, repeated) == [(0,)]
    assert not (results / "driver.lock.orders").exists()
