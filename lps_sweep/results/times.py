"""When attempts began and ended, and at which worker, as far as the ledger knows."""

from __future__ import annotations

import datetime
import sqlite3
from dataclasses import dataclass

LATEST = 253402300799
"""The last second of the year 9999; a time after it, or before 1970, counts as not recorded."""

TIMES = f"""
SELECT a.trial_id, a.attempt, a.pack_id, coalesce(a.worker, ''), a.begun_at,
    CASE WHEN a.ended_at BETWEEN 0 AND {LATEST} THEN a.ended_at END, coalesce(a.ended, ''),
    (SELECT total(seconds) FROM epochs e
        WHERE e.trial_id = a.trial_id AND e.attempt = a.attempt)
FROM planned p JOIN attempts a USING (trial_id)
WHERE p.sweep = ? AND p.position IS NOT NULL AND a.begun AND a.begun_at BETWEEN 0 AND {LATEST}
ORDER BY a.begun_at, p.position, a.attempt
"""


def utc(at: float) -> str:
    """A time of the ledger for people, to the minute; one that no clock has as it is."""
    if not 0 <= at <= LATEST:
        return str(at)
    return datetime.datetime.fromtimestamp(at, datetime.UTC).strftime("%Y-%m-%d %H:%M UTC")


@dataclass(frozen=True)
class AttemptTimes:
    """An attempt that a worker has begun. Times are seconds since 1970, by the driver's clock.

    Attributes:
        trial_id: Its trial.
        attempt: Its number, from 1.
        pack_id: The pack that it was in; packs of different runs may have the same.
        worker: The place that it was trained at, one pack at a time; empty where none is recorded.
        begun_at: When the driver learnt of its begin; the same for all of a pack.
        ended_at: When it learnt of its end. None while the attempt is open, and for one whose
            driver died. Before `begun_at` where the clock was set back meanwhile.
        ended: How it ended, see `AttemptRecord`.
        seconds: Durations of its epochs added up, its share of the pack's time.
    """

    trial_id: str
    attempt: int
    pack_id: str
    worker: str
    begun_at: float
    ended_at: float | None
    ended: str
    seconds: float


def attempt_times(connection: sqlite3.Connection, sweep: str) -> list[AttemptTimes]:
    """The begun attempts at planned trials of `sweep` by their begin; none of older ledgers."""
    return [AttemptTimes(*row) for row in connection.execute(TIMES, (sweep,))]
