"""Who was at work when: the packs on each worker, and what was idle between them.

Times are seconds since 1970, by the driver's clock.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lps_sweep.report.escape import first_line

if TYPE_CHECKING:
    import pandas as pd

    from lps_sweep.results import Attempt

PAUSE_S, PAUSE_SHARE = 60.0, 0.02
"""What is left out: nobody at work for longer than this, and than this share of all the work."""

_WORKER = re.compile(r"(.*) (CPU|GPU \d+(?:\+\d+)*) #(\d+)", re.DOTALL)


@dataclass(frozen=True)
class Work:
    """The work of a sweep in time.

    Attributes:
        runs: The packs as `read_packs` gives them, one at a time on each worker; `stretch` is the
            number, from 1, of the stretch of time with work that a pack is in.
        stretches: By number, the length of each in seconds.
        labels: By worker, its name for people, in the order of rows; machines are numbered.
    """

    runs: pd.DataFrame
    stretches: Mapping[int, float]
    labels: Mapping[str, str]

    def hours_of(self, *workers: str) -> Mapping[str, int | float | None]:
        """Of some workers: packs, attempts in them, seconds at work and idle, its share in %.

        A worker is idle in the stretches in which it trained anything.
        """
        own = self.runs[self.runs["worker"].isin(workers)]
        there = own.drop_duplicates(["stretch", "worker"])["stretch"].map(self.stretches).sum()
        busy = float((own["end"] - own["begin"]).sum())
        idle = max(0.0, float(there) - busy)
        return {
            "packs": len(own),
            "trials": int(own["trials"].sum()),
            "busy_s": round(busy, 3),
            "idle_s": round(idle, 3),
            "idle_share": 100 * idle / (busy + idle) if busy + idle else None,
        }


def read_packs(attempts: Iterable[Attempt]) -> pd.DataFrame:
    """The packs that `attempts` were in, by their begin, once for each time on a worker.

    Columns: worker; begin; end, when the last of its trials ended, or where that was not recorded
    as far as its epochs tell; trials, how many. Another run of the driver may have used the same
    name for another pack.
    """
    import pandas as pd

    packs: dict[tuple[str, float, str], list[Attempt]] = {}
    for one in attempts:
        if one.begun_at is not None:
            packs.setdefault((one.worker or "", one.begun_at, one.pack_id), []).append(one)
    rows = []
    for (worker, begin, _), members in packs.items():
        known = [a.ended_at for a in members if a.ended_at is not None and a.ended_at >= begin]
        if len(known) < len(
            members
        ):  # an epoch's seconds are a member's share of those of the pack
            known.append(begin + math.fsum(max(0.0, a.seconds) for a in members))
        rows.append((worker, begin, max(known), len(members)))
    frame = pd.DataFrame(rows, columns=["worker", "begin", "end", "trials"])
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
    spans = _spans(runs, (gap > 0).cumsum())
    pause = max(PAUSE_S, PAUSE_SHARE * float((spans["end"] - spans["begin"]).sum()))
    runs["stretch"] = (gap > pause).cumsum()
    spans = _spans(runs, runs["stretch"])
    names = sorted(set(runs["worker"]), key=_natural)
    lengths = dict(enumerate((spans["end"] - spans["begin"]).tolist(), start=1))
    return Work(runs, lengths, dict(zip(names, _labels(names), strict=True)))


def _spans(runs: pd.DataFrame, groups: pd.Series[Any]) -> pd.DataFrame:
    """The first begin and the last end of each group."""
    return runs.groupby(groups).agg({"begin": "min", "end": "max"})


def _natural(name: str) -> list[tuple[int, str]]:
    """A key to sort by in which ``GPU 2`` comes before ``GPU 10``."""
    return [(int(part) if part.isdigit() else -1, part) for part in re.split(r"(\d+)", name)]


def _labels(workers: Sequence[str]) -> list[str]:
    """Names for people: of the machine only its number, and that only where there are several."""
    found, hosts = [], dict.fromkeys(_WORKER.sub(r"\1", worker) for worker in workers)
    for worker in workers:
        match = _WORKER.fullmatch(worker)
        if match is None:
            found.append(first_line(worker, 40))
            continue
        host, device, slot = match.groups()
        machine = f"machine {list(hosts).index(host) + 1}, " if len(hosts) > 1 else ""
        place = f"CPU worker {slot}" if device == "CPU" else f"{device}, place {slot}"
        found.append(machine + place)
    return found
