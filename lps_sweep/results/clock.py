"""The time of day, which is noted for people and decides nothing."""

from __future__ import annotations

import time


def now() -> float:
    """Seconds since 1970 in UTC by this machine's clock, which may jump; to the millisecond."""
    return round(time.time(), 3)
