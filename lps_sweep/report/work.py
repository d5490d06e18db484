"""How busy the workers were: the packs on each, and what lay between them.

Times are seconds since 1970, by the driver's clock.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

    from lps_sweep.results import Attempt

SPLIT = "The time of an epoch is split evenly among the trials of its pack"
PAUSE_S, PAUSE_SHARE = 60.0, 0.02
"""What is left out: nobody at work for longer than this, and than this share of all the work."""


@dataclass(frozen=True)
class Work:
    """The work of a sweep in time.

    Attributes:
        workers: How many trained anything.
        length_s: Seconds of all stretches of time with work.
        busy_s: Seconds at work, of all workers.
        there_s: Seconds of the stretches in which a worker trained anything, of all workers.
    """

    workers: int
    length_s: float
    busy_s: float
    there_s: float

    @property
    def busy_share(self) -> float:
        """Share, in percent, of the time in which the workers were there."""
        return 100 * self.busy_s / (max(self.busy_s, self.there_s) or 1.0)


def read_packs(attempts: Iterable[Attempt]) -> pd.DataFrame:
    """The packs that `attempts` were in, by their begin, once for each time on a worker.

    Columns: worker; begin; end, when the last of its trials ended, or where that was not recorded
    as far as its epochs tell. Another run of the driver may have used the same name for another
    pack.
    """
    import pandas as pd

    packs: dict[tuple[str, float, str], list[Attempt]] = {}
    for one in attempts:
        if one.begun_at is not None:
            packs.setdefault((one.worker or "", one.begun_at, one.pack_id), []).append(one)
    rows = []
    for (worker, begin, _), members in packs.items():
        known = [a.ended_at for a in members if a.ended_at is not None and a.ended_at >= begin]
        if len(known) < len(members):
            # An epoch's seconds are a member's share of those of the pack.
            known.append(begin + math.fsum(max(0.0, a.seconds) for a in members))
        rows.append((worker, begin, max(known)))
    frame = pd.DataFrame(rows, columns=["worker", "begin", "end"])
    return frame.sort_values(["begin", "worker"], ignore_index=True)


def newest(attempts: Iterable[Attempt]) -> float | None:
    """The time of the newest record, as far as it is known; None of an older ledger."""
    return max(read_packs(attempts)["end"].tolist(), default=None)


def read_work(attempts: Iterable[Attempt]) -> Work | None:
    """The work of those `attempts` whose worker is recorded; None where there are none."""
    runs = read_packs(one for one in attempts if one.worker)
    if runs.empty:
        return None
    # A worker has one pack at a time: one ends when the next begins, if not before.
    following = runs.groupby("worker")["begin"].shift(-1).fillna(math.inf)
    runs["end"] = runs["end"].clip(upper=following)
    gap = runs["begin"] - runs["end"].cummax().shift(fill_value=-math.inf)
    pause = max(PAUSE_S, PAUSE_SHARE * float(_lengths(runs, (gap > 0).cumsum()).sum()))
    runs["stretch"] = (gap > pause).cumsum()
    lengths = _lengths(runs, runs["stretch"])
    there = runs.drop_duplicates(["stretch", "worker"])["stretch"].map(lengths)
    busy = float((runs["end"] - runs["begin"]).sum())
    return Work(runs["worker"].nunique(), float(lengths.sum()), busy, float(there.sum()))


def _lengths(runs: pd.DataFrame, groups: pd.Series[Any]) -> pd.Series[Any]:
    """From the first begin to the last end of each group, in seconds."""
    spans = runs.groupby(groups).agg({"begin": "min", "end": "max"})
    return spans["end"] - spans["begin"]
