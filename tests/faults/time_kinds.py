"""Faults of time: epochs that do not end, workers that wake too late, clocks that jump."""

from __future__ import annotations

import random

from tests.faults import disorder, truth
from tests.faults.clock import Jumping, scatter_times
from tests.faults.harness import DIED, Case
from tests.faults.setting import EPOCHS, Kind, Setting
from tests.faults.waking import fall_asleep

LIMIT_S = 0.3


def hangs(case: Case, draw: random.Random, setting: Setting, number: int) -> tuple[int, int]:
    """Three epochs hang, one after the other, each until its time is over."""
    del setting, number
    limits = {"epoch_time_limit_s": LIMIT_S, "max_attempts": 50}
    case.resources(max_pack_size=2, checkpoint_interval_s=1, **limits)
    for _ in range(3):
        disorder.plan(case.truth, "sleep", skip=draw.randrange(2 * EPOCHS // 3))
        case.run(failpoint="outcome.inserted:1", expected=(0, DIED))
    return sum(event["kind"] == "disorder" for event in truth.read(case.truth)), 0


def wakes_late(case: Case, draw: random.Random, setting: Setting, number: int) -> tuple[int, int]:
    """Packs are given up for lost, and hand over rows when others have gone on with their work."""
    del setting, number
    case.resources(max_pack_size=2, checkpoint_interval_s=1, max_attempts=100)
    case.run(prepare=fall_asleep(case, draw))
    return sum(event["kind"] == "woke" for event in truth.read(case.truth)), 0


def clock_jumps(case: Case, draw: random.Random, setting: Setting, number: int) -> tuple[int, int]:
    """Three drivers are killed, and each lives with a wall clock that is wrong at each look.

    So are the times of all files, which such a clock would have given them.
    """
    del number
    longest = len(setting.passed) // 2
    for _ in range(3):
        place = f"*:{draw.randint(1, longest)}"
        case.run(place, expected=(0, DIED), prepare=Jumping(draw).install)
        scatter_times(case.results, draw)
    case.run(prepare=Jumping(draw).install)
    return 4, 0


TIME_KINDS = {
    "epoch hangs": Kind(hangs, 30, 4),
    "worker wakes late": Kind(wakes_late, 100, 10),
    "clock jumps": Kind(clock_jumps, 60, 6),
}
