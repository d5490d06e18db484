"""What every benchmark is made of: sides timed in turns, ratios, checks, and reasons to skip.

A benchmark is a module with a `BENCHMARK`. Each of its cases gives one `Measurement`: the times of
a baseline and of this project in alternating turns of one process, and the checks that both did the
same work. A check that fails voids the timing.
"""

from __future__ import annotations

import functools
import gc
import math
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch

MIN_PAIRS = 5
"""Pairs of a full measurement; a quick one may have fewer, and is no result."""


class SkipError(Exception):
    """Why a case cannot be measured here."""


@dataclass(frozen=True)
class Setting:
    """How to measure.

    Attributes:
        device: Where.
        quick: Reduced sizes and few pairs, to try the code out: no result.
    """

    device: torch.device
    quick: bool = False

    @property
    def on_cuda(self) -> bool:
        """Whether it is a GPU."""
        return self.device.type == "cuda"

    @property
    def pairs(self) -> int:
        """Timed pairs."""
        return 2 if self.quick else MIN_PAIRS


@dataclass(frozen=True)
class Ratio:
    """Times of a baseline over times of ours, pair by pair.

    Attributes:
        baseline: What is compared with, in a few words.
        ours: What is measured.
        baseline_s: Seconds of each turn.
        ours_s: Likewise, of the same pairs.
        low: The gate: what the median should reach at least.
        high: What it should not exceed.
    """

    baseline: str
    ours: str
    baseline_s: tuple[float, ...]
    ours_s: tuple[float, ...]
    low: float | None = None
    high: float | None = None

    @property
    def values(self) -> list[float]:
        """Baseline over ours, per pair."""
        return [b / a for a, b in zip(self.ours_s, self.baseline_s, strict=True)]

    @property
    def median(self) -> float:
        """Of the pairs."""
        return statistics.median(self.values)

    @property
    def shows_difference(self) -> bool:
        """Whether all pairs lie on one side of 1; otherwise no speed-up may be claimed."""
        return min(self.values) > 1 or max(self.values) < 1

    @property
    def reaches_gate(self) -> bool | None:
        """Whether the median keeps within the gate; None without one."""
        if self.low is None and self.high is None:
            return None
        above = self.low is None or self.median >= self.low
        return above and (self.high is None or self.median <= self.high)

    def facts(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "baseline": self.baseline,
            "ours": self.ours,
            "ratio": self.median,
            "range": [min(self.values), max(self.values)],
            "pairs": len(self.values),
            "shows_difference": self.shows_difference,
            "gate": [self.low, self.high],
            "reaches_gate": self.reaches_gate,
            "baseline_s": list(self.baseline_s),
            "ours_s": list(self.ours_s),
        }


@dataclass(frozen=True)
class Check:
    """That something is as it must be: `low` <= `value` <= `high`.

    Attributes:
        name: What is compared.
        value: What was found; not a number fails.
        high: The largest value that passes, 0 for equality to the bit.
        low: The smallest, so that a comparison of nothing with nothing cannot pass.
    """

    name: str
    value: float
    high: float = 0.0
    low: float = -math.inf

    @property
    def passes(self) -> bool:
        """Whether it is."""
        return self.low <= self.value <= self.high

    def facts(self) -> dict[str, Any]:
        """For JSON, which knows no infinity."""
        return {
            "name": self.name,
            "value": self.value if math.isfinite(self.value) else str(self.value),
            "low": self.low if math.isfinite(self.low) else None,
            "high": self.high if math.isfinite(self.high) else None,
            "passes": self.passes,
        }


@dataclass(frozen=True)
class Measurement:
    """What a case found.

    Attributes:
        checks: At least one.
        ratios: Of the timings; void if a check fails.
        facts: What else was measured or counted, for JSON and the table.
        clock: What the seconds are.
    """

    checks: Sequence[Check]
    ratios: Sequence[Ratio] = ()
    facts: Mapping[str, Any] = field(default_factory=dict)
    clock: str = ""

    @property
    def valid(self) -> bool:
        """Whether there are checks and all of them pass."""
        return bool(self.checks) and all(check.passes for check in self.checks)


@dataclass(frozen=True)
class Case:
    """One measurement of a benchmark.

    Attributes:
        name: In a word.
        title: What is timed, at which size.
        measure: Does it; may raise `SkipError`.
        needs_cuda: Whether it makes sense on a GPU alone.
    """

    name: str
    title: str
    measure: Callable[[Setting], Measurement]
    needs_cuda: bool = False

    def obstacle(self, setting: Setting) -> str:
        """Why it cannot be measured in `setting`; empty if it can."""
        return "needs a CUDA device" if self.needs_cuda and not setting.on_cuda else ""


@dataclass(frozen=True)
class Benchmark:
    """A named group of cases; `cases` gives those of a setting, also the ones to be skipped."""

    title: str
    cases: Callable[[Setting], Sequence[Case]]


Side = Callable[[int], object]
"""A turn of one side; the number of the pair is given, -1 for the untimed first one."""


def clock_name(device: torch.device) -> str:
    """What `seconds` measures there."""
    return "CUDA events" if device.type == "cuda" else "CPU time"


def seconds(call: Callable[[], object], device: torch.device) -> float:
    """Time of one call: between CUDA events on a GPU, CPU time of the process elsewhere."""
    if device.type != "cuda":
        started = time.process_time()
        call()
        return time.process_time() - started
    begin, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))  # type: ignore[no-untyped-call]
    torch.cuda.synchronize(device)
    begin.record()
    call()
    end.record()
    torch.cuda.synchronize(device)
    return float(begin.elapsed_time(end)) / 1000


def in_turns(
    sides: Mapping[str, Side],
    pairs: int,
    device: torch.device,
    clock: Callable[[Callable[[], object], torch.device], float] = seconds,
) -> dict[str, tuple[float, ...]]:
    """Seconds of every side in `pairs` turns, after one untimed turn each.

    The order of the sides changes from pair to pair.
    """
    for side in sides.values():
        side(-1)
    found: dict[str, list[float]] = {name: [] for name in sides}
    for pair in range(pairs):
        gc.collect()
        names = list(sides) if pair % 2 else list(sides)[::-1]
        for name in names:
            found[name].append(clock(functools.partial(sides[name], pair), device))
    return {name: tuple(values) for name, values in found.items()}
