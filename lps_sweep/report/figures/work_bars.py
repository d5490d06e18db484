"""The bars that are drawn of the work of a sweep, and where on the axis they are."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from lps_sweep.report.figures.work_info import GRAVEST, PackRun, WorkInfo

MOST_BARS = 1500
"""Bars of the figure; where there are more packs, those near to each other are one bar."""
MOST_ROWS = 48
"""Workers of the figure."""


@dataclass(frozen=True)
class Bar:
    """What is drawn of one or several packs of a worker, in seconds along the axis.

    Attributes:
        row: Of its worker.
        begin_s: Where it begins on the axis.
        end_s: Where it ends; several packs are as long as they took together.
        begun_at: When its first pack began.
        unknown: Packs whose end is not recorded.
        packs: Its packs by their gravest end.
        trials: Its trials by their end.
    """

    row: int
    begin_s: float
    end_s: float
    begun_at: float
    unknown: int
    packs: Counter[str]
    trials: Counter[str]

    @property
    def known(self) -> bool:
        """Whether most of its ends are recorded."""
        return 2 * self.unknown <= self.packs.total()

    @property
    def kind(self) -> str:
        """The end of most of its packs, of two the graver one."""
        return max(reversed(GRAVEST), key=lambda kind: (self.packs[kind], -GRAVEST.index(kind)))


def bars(info: WorkInfo, most: int = MOST_BARS) -> tuple[list[Bar], float]:
    """The bars of the first workers, at the most `most`.

    Also within how many seconds packs of a worker began that are one bar; 0 where each has its own.
    """
    rows = {worker: row for row, worker in enumerate(info.workers[:MOST_ROWS])}
    left = left_ends(info)
    found = [_bar(run, rows[run.worker], info, left) for run in info.runs if run.worker in rows]
    if len(found) <= most:
        return found, 0.0
    slot = max(info.total_s, 1e-3) / (most // len(rows))
    joined: dict[tuple[int, int], Bar] = {}
    for bar in found:
        place = bar.row, int(min(bar.begin_s / slot, most // len(rows) - 1))
        joined[place] = _joined(joined[place], bar) if place in joined else bar
    return list(joined.values()), slot


def _bar(run: PackRun, row: int, info: WorkInfo, left: Sequence[float]) -> Bar:
    where = info.stretch(run.begun_at)
    begin = left[where] + run.begun_at - info.stretches[where][0]
    end = begin + run.seconds
    return Bar(row, begin, end, run.begun_at, int(not run.known), Counter([run.end]), run.ends)


def _joined(a: Bar, b: Bar) -> Bar:
    end = a.end_s + b.end_s - b.begin_s
    unknown = a.unknown + b.unknown
    return Bar(a.row, a.begin_s, end, a.begun_at, unknown, a.packs + b.packs, a.trials + b.trials)


def left_ends(info: WorkInfo) -> list[float]:
    """Where each stretch begins on the axis, in seconds: one after the other."""
    lengths = [end - begin for begin, end in info.stretches[:-1]]
    return [0.0, *itertools.accumulate(lengths)]
