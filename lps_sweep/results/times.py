"""The time of day, which is noted for people and decides nothing."""

from __future__ import annotations

import datetime
import time

LATEST = 253402300799
"""The last second of the year 9999; a time after it, or before 1970, counts as not recorded."""


def now() -> float:
    """Seconds since 1970 in UTC by this machine's clock, which may jump; to the millisecond."""
    return round(time.time(), 3)


def utc(at: float) -> str:
    """A time of the ledger for people, to the minute; one that no clock has as it is."""
    if not 0 <= at <= LATEST:
        return str(at)
    return datetime.datetime.fromtimestamp(at, datetime.UTC).strftime("%Y-%m-%d %H:%M UTC")
