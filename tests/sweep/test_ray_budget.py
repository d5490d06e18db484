"""A budget on a real Ray, where all packs of a round are handed over at once."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.sweep.test_ray import SPACE, finals, rows_of, run

pytestmark = [pytest.mark.slow, pytest.mark.integration]


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
