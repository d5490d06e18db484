"""A driver killed, or starved of disk, at every durable write goes on to the same results."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from lps_sweep import failpoints
from lps_sweep.failpoints import Plan, failpoint
from tests.counted import counted_calls
from tests.faults.checker import check
from tests.faults.harness import DIED, Case

pytestmark = pytest.mark.fault

Straight = tuple[Case, list[str]]
NAMES = set(re.findall(r"^``([a-z]+\.[a-z]+)`` +\S", str(failpoints.__doc__), re.MULTILINE))
OF_REPORT = {"report.write", "report.manifest"}
OF_STOPPING = {"stop.insert", "stop.tell", "stop.told"}
OF_REAL_TRAINING = {"trunk.state"}
OF_OLD_LEDGERS = {"ledger.migrate"}
NOT_PASSED = OF_REPORT | OF_STOPPING | OF_REAL_TRAINING | OF_OLD_LEDGERS
FULL = "No space left on device"


def finish(case: Case, straight: Straight) -> None:
    """Runs to the end, and asks the checker."""
    assert case.run() == 0, case.truth.with_suffix(".out").read_text()
    assert check(case.truth, case.results, straight[0].results) == []


def kill_and_resume(case: Case, straight: Straight, *failpoints: str) -> int:
    """Kills one driver after the other at these places, then lets one finish; how many died."""
    died = [case.run(place, expected=(0, DIED)) for place in failpoints]
    finish(case, straight)
    return died.count(DIED)


def fill_and_resume(case: Case, straight: Straight, place: str) -> None:
    """Fills the disk at a place, then frees it."""
    code = case.run(f"{place}:enospc", expected=(5,), says=FULL)
    assert code == 5, (place, case.truth.with_suffix(".out").read_text())
    finish(case, straight)


def test_a_run_comes_to_every_failpoint_but_the_reports(straight: Straight) -> None:
    assert set(straight[1]) == NAMES - NOT_PASSED
    assert len(NAMES) == 21


def test_the_names_are_those_in_the_code() -> None:
    package = Path(failpoints.__file__).parent
    calls = re.compile(r'(?:failpoint|_pass)\(\s*"([a-z.]+)"')
    found = {name for path in package.rglob("*.py") for name in calls.findall(path.read_text())}
    assert found | {"checkpoint.saved"} == NAMES


@pytest.mark.parametrize("name", sorted(NAMES - NOT_PASSED))
def test_killed_at_the_first_the_middle_and_the_last_passage(
    name: str, straight: Straight, folder: Path
) -> None:
    count = straight[1].count(name)
    for k in sorted({1, (count + 1) // 2, count}):
        assert kill_and_resume(Case.at(folder / str(k)), straight, f"{name}:{k}") == 1


@pytest.mark.parametrize("name", ["file.write", "file.fsync", "file.rename", "ledger.commit"])
def test_a_disk_that_is_full_pauses_the_sweep(name: str, straight: Straight, folder: Path) -> None:
    count = straight[1].count(name)
    for k in sorted({1, count // 3, count // 2, count}):
        fill_and_resume(Case.at(folder / str(k)), straight, f"{name}:{k}")


@pytest.mark.slow
def test_killed_at_every_failpoint_in_turn(straight: Straight, folder: Path) -> None:
    for k in range(1, len(straight[1]) + 1):
        assert kill_and_resume(Case.at(folder / str(k)), straight, f"*:{k}") == 1


@pytest.mark.slow
def test_a_full_disk_at_every_write(straight: Straight, folder: Path) -> None:
    writes = [k for k, name in enumerate(straight[1], 1) if name.startswith(("file.", "ledger."))]
    assert len(writes) > 100
    for k in writes:
        fill_and_resume(Case.at(folder / str(k)), straight, f"*:{k}")


@pytest.mark.parametrize("text", ["x", "x:", "x:0", "x:-1", "x:one", ":1", "x:1:full"])
def test_a_wrong_plan_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="LPS_FAILPOINT must be"):
        Plan(text)


def test_a_failpoint_costs_next_to_nothing() -> None:
    with counted_calls() as calls:
        for _ in range(1000):
            failpoint("file.write")
    assert 1000 <= calls.number < 1100, "nothing is called where none is armed"


def test_the_environment_reaches_a_driver_of_its_own(straight: Straight, folder: Path) -> None:
    case = Case.at(folder / "case")
    assert case.run("outcome.inserted:2", expected=(DIED,), separate=True) == DIED
    assert case.run("file.rename:3:enospc", expected=(5,), says="No space", separate=True) == 5
    assert case.run(separate=True) == 0
    assert check(case.truth, case.results, straight[0].results) == []


def test_what_a_killed_driver_left_of_ray_is_cleared_away(straight: Straight, folder: Path) -> None:
    case = Case.at(folder / "case")
    assert case.run() == 0
    (case.results / "ray" / "1-1").mkdir(parents=True)
    rules = {found.rule for found in check(case.truth, case.results, straight[0].results)}
    assert rules == {"I8"}
    assert case.run() == 0
    assert check(case.truth, case.results, straight[0].results) == []
