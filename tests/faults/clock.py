"""A wall clock that jumps, in this process, and what it would have left on files."""

from __future__ import annotations

import datetime
import os
import random
import time
from pathlib import Path

HOUR_S = 3600.0
YEAR_S = 365.25 * 24 * HOUR_S
JUMPS_S = (-HOUR_S, HOUR_S, 10 * YEAR_S, -10 * YEAR_S, -0.5, 0.0)
"""Seconds that the clock is wrong by: a change to or from summer time, a dead battery, a step."""

_time = time.time


class Jumping:
    """A clock that is wrong by another of `JUMPS_S` at each look."""

    def __init__(self, draw: random.Random) -> None:
        self._draw = draw
        self.looks = 0

    def seconds(self) -> float:
        """In place of `time.time`."""
        self.looks += 1
        return _time() + self._draw.choice(JUMPS_S)

    def install(self) -> None:
        """Takes the place of the clock in this process."""
        clock = self

        class Datetime(datetime.datetime):
            @classmethod
            def now(cls, tz: datetime.tzinfo | None = None) -> Datetime:
                return cls.fromtimestamp(clock.seconds(), tz)

        time.time = self.seconds
        time.time_ns = lambda: int(self.seconds() * 1e9)
        datetime.datetime = Datetime  # type: ignore[misc]
        os.environ["TZ"] = self._draw.choice(("Europe/Berlin", "America/New_York", "UTC"))
        time.tzset()


def scatter_times(folder: Path, draw: random.Random) -> int:
    """Gives each file below `folder` a time that such a clock may have had; how many there are."""
    count = 0
    for path in sorted(folder.rglob("*")):
        when = max(0.0, _time() + draw.choice(JUMPS_S))
        os.utime(path, (when, when))
        count += 1
    return count
