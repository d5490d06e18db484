"""Real drivers, killed by SIGKILL at seeded times, while they run and while they resume."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from tests.faults.checker import check
from tests.faults.harness import DIED, KILLED, REDO, Case

pytestmark = pytest.mark.fault

Straight = tuple[Case, list[str]]


def torture(case: Case, draw: random.Random, kills: int, longest_s: float, separate: bool) -> int:
    """Kills drivers at random times; how many did not get away."""
    killed = 0
    for _ in range(kills):
        after = draw.uniform(0, longest_s)
        code = case.run(expected=(0, KILLED), kill_after_s=after, epoch_s=0.01, separate=separate)
        killed += code == KILLED
    assert case.run() == 0, case.truth.with_suffix(".out").read_text()
    return killed


def test_killed_at_seeded_times(straight: Straight, folder: Path) -> None:
    draw = random.Random(1)
    killed = 0
    for number in range(4):
        case = Case.at(folder / str(number))
        killed += torture(case, draw, kills=5, longest_s=0.1, separate=False)
        assert check(case.truth, case.results, straight[0].results) == []
    assert killed >= 8


@pytest.mark.slow
def test_processes_of_their_own_are_killed_on_a_disk(straight: Straight, tmp_path: Path) -> None:
    draw = random.Random(2)
    killed = 0
    for number in range(8):
        case = Case.at(tmp_path / str(number), redo=REDO)
        killed += torture(case, draw, kills=4, longest_s=1.5, separate=True)
        assert check(case.truth, case.results, straight[0].results) == []
    assert killed >= 8


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
