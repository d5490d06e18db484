"""Epochs that hang, workers that wake late, and clocks that jump."""

from __future__ import annotations

import ast
import random
import time
from pathlib import Path

import pytest

import lps_sweep
from lps_sweep.results import CheckpointRecord, Ledger, ledger
from tests.faults import disorder
from tests.faults.checker import check
from tests.faults.clock import JUMPS_S, Jumping, scatter_times
from tests.faults.harness import DIED, KILLED, Case, in_child
from tests.faults.recorded import ends_by_c
from tests.faults.waking import fall_asleep

pytestmark = pytest.mark.fault

Straight = tuple[Case, list[str]]


@pytest.mark.slow
def test_trials_that_always_hang_fail_and_their_peers_do_not(
    straight: Straight, folder: Path
) -> None:
    del straight
    case = Case.at(folder / "case")
    case.resources(max_pack_size=4, epoch_time_limit_s=1, max_attempts=1)
    disorder.plan(case.truth, "sleep", only=10)
    assert case.run(expected=(2,)) == 2, case.truth.with_suffix(".out").read_text()
    found = ends_by_c(case.results)
    assert [row[:2] for row in found] == [(1.0, "done")] * 2 + [(10.0, "failed")] * 2
    for *_, error in found[2:]:
        assert error.startswith("no epoch ended within 1 s; it stood here:")
        assert "disorder.py" in error


def test_the_checker_sees_a_ledger_that_takes_rows_that_come_late(
    straight: Straight, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fence = "FROM attempts WHERE trial_id = ? AND attempt = ?"
    monkeypatch.setattr(ledger, "_OPEN", fence)
    facts: list[str] = []
    for number in range(6):
        case = Case.at(folder / str(number))
        case.resources(max_pack_size=2, checkpoint_interval_s=1, max_attempts=100)
        case.run(prepare=fall_asleep(case, random.Random(number)))
        found = check(case.truth, case.results, straight[0].results)
        facts += [finding.fact for finding in found]
    assert any("came late, from attempt" in fact for fact in facts)


def test_the_checker_sees_a_choice_by_the_clock(
    straight: Straight, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    checkpoints = Ledger.checkpoints

    def by_the_clock(self: Ledger, trial_id: str) -> list[CheckpointRecord]:
        paths = {one: self.path.parent / one.run.path for one in checkpoints(self, trial_id)}
        there = [one for one, path in paths.items() if path.exists()]
        return sorted(there, key=lambda one: paths[one].stat().st_mtime, reverse=True)

    monkeypatch.setattr(Ledger, "checkpoints", by_the_clock)
    draw, rules, number = random.Random(0), set(), 0
    while "I5" not in rules and number < 100:
        number += 1
        case = Case.at(folder / str(number), epochs=6)
        case.run(f"*:{draw.randint(1, 2 * len(straight[1]))}", expected=(0, DIED))
        scatter_times(case.results, draw)
        case.run()
        rules |= {found.rule for found in check(case.truth, case.results)}
    assert "I5" in rules, "an old checkpoint was taken for the newest"


@pytest.mark.slow
def test_the_checker_sees_a_hang_that_nobody_ends(straight: Straight, folder: Path) -> None:
    case = Case.at(folder / "case")
    disorder.plan(case.truth, "sleep", skip=2)
    assert case.run(kill_after_s=3) == KILLED
    rules = {found.rule for found in check(case.truth, case.results, straight[0].results)}
    assert {"I1", "I7", "I9"} <= rules


def test_the_clock_really_jumps(folder: Path) -> None:
    def work() -> int:
        clock = Jumping(random.Random(0))
        clock.install()
        import datetime

        years = {datetime.datetime.now(datetime.UTC).year for _ in range(100)}
        return len(years) if {int(time.time() < 1e9 * j) for j in (1, 3)} else 0

    assert in_child(work, folder / "out")[1] == 3, "ten years back, now, and in ten years"
    assert {-3600.0, 3600.0} < set(JUMPS_S)


def wall_clock_reads(source: str) -> list[str]:
    """The expressions of a module that ask for the time of day."""
    names = {"time.time", "time.time_ns", "time.localtime", "time.gmtime", "datetime.now"}
    names |= {"datetime.datetime.now", "datetime.date.today", "datetime.utcnow", "date.today"}
    calls = (node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call))
    return [ast.unparse(call.func) for call in calls if ast.unparse(call.func) in names]


def test_nothing_but_notes_for_people_asks_for_the_time_of_day() -> None:
    package = Path(lps_sweep.__file__).parent
    found = {
        str(path.relative_to(package)): reads
        for path in sorted(package.rglob("*.py"))
        if (reads := wall_clock_reads(path.read_text()))
    }
    assert set(found) <= NOTES_FOR_PEOPLE, found
    assert "results/lock.py" in found


NOTES_FOR_PEOPLE = {
    *("results/times.py", "results/lock.py", "sweep/claim.py", "tracking/mlflow.py"),
    *("cluster/spot.py", "sweep/remote.py"),  # a cloud's notice has a time; files of a cache age
}
"""Modules that write down when something was, and decide nothing of a sweep by it."""
