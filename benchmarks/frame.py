"""What every benchmark is made of: sides timed in turns, ratios, checks, and reasons to skip.

A benchmark is a module with a function `cases`. Each case gives one `Measurement`: the times of
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

ANSWER_S = 120.0
"""Seconds that another process has for an answer; the longest, an epoch, takes a few."""


class SkipError(Exception):
    """Why a case cannot be measured here."""


@dataclass(frozen=True)
class Setting:
    """How to measure.

    Attributes:
        device: Where.
        quick: Reduced sizes and few pairs, to try the code out: no result.
        sizes: Of a benchmark that has a say in how much it measures; the others read none.
    """

    device: torch.device
    quick: bool = False
    sizes: Mapping[str, int] = field(default_factory=dict)

    @property
    def on_cuda(self) -> bool:
        """Whether it is a GPU."""
        return self.device.type == "cuda"

    @property
    def pairs(self) -> int:
        """Timed pairs."""
        return 2 if self.quick else MIN_PAIRS


@dataclass(frozen=True)
class Check:
    """That something is as it must be: `low` <= `value` <= `high`.

    Attributes:
        name: What is compared.
        value: What was found; not a number fails.
        high: The largest value that passes, 0 for equality to the bit.
        low: The smallest.
    """

    name: str
    value: float
    high: float = 0.0
    low: float = -math.inf

    @classmethod
    def above(cls, name: str, value: float, low: float) -> Check:
        """At least `low`, so that a comparison of nothing with nothing cannot pass."""
        return cls(name, value, math.inf, low)

    @classmethod
    def number(cls, name: str, value: float, wanted: float) -> Check:
        """Exactly `wanted`."""
        return cls(name, value, wanted, wanted)

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
class Measurement:
    """What a case found.

    Attributes:
        checks: At least one.
        ratios: Of the timings; void if a check fails.
        facts: What else was measured or counted.
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
class Times:
    """Seconds of each turn by side, the baseline first, and what clock they were taken by."""

    sides: Mapping[str, tuple[float, ...]]
    clock: str

    def ms(self, side: str, number: int = 1) -> float:
        """Milliseconds of the fastest turn of `side`, a turn being `number` of something."""
        return 1000 * min(self.sides[side]) / number

    def measurement(
        self,
        checks: Sequence[Check],
        facts: Mapping[str, Any] | None = None,
        low: float | None = None,
        high: float | None = None,
        versus: Sequence[tuple[str, str]] = (),
    ) -> Measurement:
        """With the ratio of the baseline to each other side, or those of (baseline, ours) given.

        The gate, `low` to `high`, is that of the first ratio.
        """
        baseline, *others = self.sides
        pairs = versus or [(baseline, other) for other in others]
        gates = [(low, high)] + [(None, None)] * len(pairs)
        ratios = [
            Ratio(theirs, ours, self.sides[theirs], self.sides[ours], *gate)
            for (theirs, ours), gate in zip(pairs, gates, strict=False)
        ]
        return Measurement(checks, ratios, facts or {}, self.clock)


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
    sides: Mapping[str, Callable[[int], object]],
    setting: Setting,
    clock: Callable[[Callable[[], object], torch.device], float] = seconds,
    clock_name: str = "",
) -> Times:
    """Seconds of every side, the baseline first, turn by turn after one untimed turn each.

    A side is given the number of the pair, -1 for the untimed one. The order of the sides changes
    from pair to pair.
    """
    for side in sides.values():
        side(-1)
    found: dict[str, list[float]] = {name: [] for name in sides}
    for pair in range(setting.pairs):
        gc.collect()
        for name in list(sides) if pair % 2 else list(sides)[::-1]:
            found[name].append(clock(functools.partial(sides[name], pair), setting.device))
    name = clock_name or ("CUDA events" if setting.on_cuda else "CPU time")
    return Times({name: tuple(values) for name, values in found.items()}, name)
