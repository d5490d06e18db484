"""Who was at work when: the packs on each worker, and what was idle between them."""

from __future__ import annotations

import itertools
import math
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from lps_sweep.report.escape import first_line

if TYPE_CHECKING:
    from lps_sweep.results.times import AttemptTimes

PAUSE_S, PAUSE_SHARE = 60.0, 0.02
"""What is left out: nobody at work for longer than this, and than this share of all the work."""

GRAVEST = ("failed", "diverged", "given_up", "lost", "open", "waits", "stopped", "done")
"""How an attempt can end; one end for a pack is the first of these that one of its trials had."""

_WORKER = re.compile(r"(.*) (CPU|GPU \d+(?:\+\d+)*) #(\d+)", re.DOTALL)


@dataclass(frozen=True)
class PackRun:
    """A pack on a worker, once. Times are seconds since 1970, by the driver's clock.

    Attributes:
        worker: As the ledger has it.
        pack_id: Its name; another run of the driver may have used it for another pack.
        begun_at: When it began.
        ended_at: When the last of its trials ended.
        known: Whether that was recorded; if not, `ended_at` is as far as its epochs tell.
        ends: How its trials ended, by `GRAVEST`, and how many did.
        idle_s: Seconds for which the worker had nothing to do before it.
    """

    worker: str
    pack_id: str
    begun_at: float
    ended_at: float
    known: bool
    ends: Counter[str]
    idle_s: float = 0.0

    @property
    def end(self) -> str:
        """The gravest end among its trials."""
        return next(kind for kind in GRAVEST if self.ends[kind])

    @property
    def seconds(self) -> float:
        """How long it took."""
        return self.ended_at - self.begun_at


@dataclass(frozen=True)
class WorkInfo:
    """The work of a sweep in time.

    Attributes:
        workers: Names of the workers as the ledger has them, in the order of the rows.
        labels: Their names for people; machines are numbered.
        runs: The packs of all workers, by their begin.
        stretches: Begin and end of each stretch of time in which there was work.
        busy_s: By worker, seconds at work.
        there_s: By worker, the length of the stretches in which it did anything.
    """

    workers: tuple[str, ...]
    labels: tuple[str, ...]
    runs: tuple[PackRun, ...]
    stretches: tuple[tuple[float, float], ...]
    busy_s: tuple[float, ...]
    there_s: tuple[float, ...]

    @property
    def total_s(self) -> float:
        """The length of all stretches."""
        return math.fsum(end - begin for begin, end in self.stretches)

    @property
    def idle_s(self) -> float:
        """Seconds of all workers without work."""
        return max(0.0, math.fsum(self.there_s) - math.fsum(self.busy_s))

    @property
    def busy_share(self) -> float | None:
        """The part of their time for which workers were at work; None where none has passed."""
        there = math.fsum(self.there_s)
        return min(1.0, math.fsum(self.busy_s) / there) if there else None

    @property
    def last_workers(self) -> int:
        """How many workers did anything in the last stretch."""
        return len({run.worker for run in self.runs if run.begun_at >= self.stretches[-1][0]})

    def stretch(self, at: float) -> int:
        """The number, from 0, of the stretch that a begin or an end is in."""
        return next(n for n, (_, end) in enumerate(self.stretches) if at <= end)


def end_kind(ended: str) -> str:
    """Which of `GRAVEST` the ledger's word for the end of an attempt is."""
    word = ended.partition(",")[0]
    if word in ("done", "stopped", "failed", "diverged", "lost"):
        return word
    if not ended:
        return "open"
    return "waits" if ended.startswith("waits after epoch") else "given_up"


def pack_runs(attempts: Iterable[AttemptTimes]) -> list[PackRun]:
    """The packs that `attempts` were in, by their begin, each on its worker."""
    packs: dict[tuple[str, str, float], list[AttemptTimes]] = {}
    for one in attempts:
        packs.setdefault((one.worker, one.pack_id, one.begun_at), []).append(one)
    runs = [_pack_run(members) for members in packs.values()]
    return sorted(runs, key=lambda run: (run.begun_at, run.worker, run.pack_id))


def _pack_run(members: Sequence[AttemptTimes]) -> PackRun:
    first = members[0]
    recorded = [a.ended_at for a in members if a.ended_at is not None and a.ended_at >= a.begun_at]
    known = len(recorded) == len(members)
    if not known:  # an epoch's seconds are a member's share of those of the pack
        recorded.append(first.begun_at + math.fsum(max(0.0, a.seconds) for a in members))
    ends = Counter(end_kind(a.ended) for a in members)
    return PackRun(first.worker, first.pack_id, first.begun_at, max(recorded), known, ends)


def newest(attempts: Iterable[AttemptTimes]) -> float | None:
    """The time of the newest record, as far as it is known; None of an older ledger."""
    return max((run.ended_at for run in pack_runs(attempts)), default=None)


def work_info(attempts: Iterable[AttemptTimes]) -> WorkInfo | None:
    """The work of those `attempts` whose worker is recorded; None where there are none."""
    runs = _one_at_a_time(pack_runs(one for one in attempts if one.worker))
    if not runs:
        return None
    stretches = _stretches(runs)
    workers = tuple(sorted({run.worker for run in runs}, key=_row_order))
    found: list[PackRun] = []
    busy, there = [], []
    for worker in workers:
        own = [run for run in runs if run.worker == worker]
        in_it = [(s, [r for r in own if s[0] <= r.begun_at <= s[1]]) for s in stretches]
        for (begin, _), some in in_it:
            free = [begin, *(run.ended_at for run in some)]
            found += [
                replace(run, idle_s=max(0.0, run.begun_at - since))
                for since, run in zip(free, some, strict=False)
            ]
        busy.append(math.fsum(run.seconds for run in own))
        there.append(math.fsum(end - begin for (begin, end), some in in_it if some))
    found.sort(key=lambda run: (run.begun_at, workers.index(run.worker)))
    return WorkInfo(workers, _labels(workers), tuple(found), stretches, tuple(busy), tuple(there))


def _one_at_a_time(runs: Sequence[PackRun]) -> list[PackRun]:
    """A worker has one pack at a time: one ends when the next begins, if not before."""
    following: dict[str, float] = {}
    cut = []
    for run in reversed(runs):
        end = min(run.ended_at, following.get(run.worker, math.inf))
        cut.append(replace(run, ended_at=end))
        following[run.worker] = run.begun_at
    return cut[::-1]


def _stretches(runs: Sequence[PackRun]) -> tuple[tuple[float, float], ...]:
    merged: list[tuple[float, float]] = []
    for run in runs:
        if merged and run.begun_at <= merged[-1][1]:
            merged[-1] = merged[-1][0], max(merged[-1][1], run.ended_at)
        else:
            merged.append((run.begun_at, run.ended_at))
    pause = max(PAUSE_S, PAUSE_SHARE * math.fsum(end - begin for begin, end in merged))
    found = merged[:1]
    for (_, before), (begin, end) in itertools.pairwise(merged):
        if begin - before > pause:
            found.append((begin, end))
        else:
            found[-1] = found[-1][0], end
    return tuple(found)


def _parts(worker: str) -> tuple[str, str, int]:
    match = _WORKER.fullmatch(worker)
    return (match[1], match[2], int(match[3])) if match else (worker, "", 0)


def _row_order(worker: str) -> tuple[str, list[int], str, int]:
    host, device, slot = _parts(worker)
    return host, [int(n) for n in re.findall(r"\d+", device)], device, slot


def _labels(workers: Sequence[str]) -> tuple[str, ...]:
    """Names for people: of the machine only its number, and that only where there are several."""
    parts = [_parts(worker) for worker in workers]
    hosts = list(dict.fromkeys(host for host, *_ in parts))
    slots = Counter((host, device) for host, device, _ in parts)
    found = []
    for host, device, slot in parts:
        name = device or first_line(host, 40)
        if device == "CPU":
            name = f"CPU worker {slot}"
        elif slots[host, device] > 1:
            name += f", place {slot}"
        machine = f"machine {hosts.index(host) + 1}, " if len(hosts) > 1 and device else ""
        found.append(machine + name)
    return tuple(found)
