"""What one call of `run` may spend, and what of it is used."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from lps_sweep.config import check_value, find_fields
from lps_sweep.errors import BadInputError
from lps_sweep.params import param, section_fields
from lps_sweep.plan.entries import read_settings
from lps_sweep.sweep.rows import MemberRow, PackBegun, Row, TrunkRow
from lps_sweep.train.events import Finished

Limits = TypeVar("Limits")


@dataclass(frozen=True)
class Budget:
    """Limits of one call of `run`; where one is reached, no pack is started any more.

    What runs then goes on to its end, so that a little more than the budget is used.
    """

    hours: float | None = param(None, "hours of wall-clock time", low=0, open_low=True)
    gpu_hours: float | None = param(
        None,
        "hours of GPUs: of each pack from its beginning to its latest report, times its GPUs",
        low=0,
        open_low=True,
    )
    trials: int | None = param(None, "trials that came to an end, however they did", low=1)
    failure_rate: float | None = param(
        None,
        "share of the trials begun that failed or diverged; exceeded by two of them at the "
        "least, and at 0 by the first",
        low=0,
        high=1,
        open_high=True,
    )


def read_limits(texts: Sequence[str], limits: type[Limits]) -> Limits:
    """The dataclass `limits` with what ``name=value`` texts describe, several in a text by commas.

    Raises:
        BadInputError: For an unknown name, one given twice, or a value out of range.
    """
    table = {info.name: info for info in section_fields(limits.__name__.lower(), limits)}
    settings = [part for text in texts for part in text.split(",")]
    found = find_fields(table, read_settings(settings))
    values: dict[str, Any] = {}
    for name, (info, located) in found.items():
        if located.plain() in (None, ""):
            raise BadInputError(f"{name} is given without a value", located.where)
        values[name] = check_value(name, info, located)
    return limits(**values)


class Meter:
    """What a run has used of its budget.

    Args:
        budget: The budget.
        gpus_per_pack: GPUs that a pack holds while it runs, a fraction where it shares one.
        clock: Seconds, for tests.
    """

    def __init__(
        self, budget: Budget, gpus_per_pack: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._budget = budget
        self._gpus = gpus_per_pack
        self._clock = clock
        self._started = clock()
        self._packs: dict[str, str] = {}
        self._spans: dict[str, tuple[float, float]] = {}
        self._begun: set[str] = set()
        self._ended: dict[str, str] = {}

    def note(self, rows: Sequence[Row]) -> None:
        """Counts what `rows`, all of them recorded, say."""
        now = self._clock()
        for row in rows:
            if isinstance(row, PackBegun):
                name = " ".join(f"{t}-{a}" for t, a in row.attempts.items())
                self._packs.update(dict.fromkeys(row.attempts, name))
                self._begun.update(row.attempts)
                self._report(name, now)
            elif isinstance(row, TrunkRow):
                self._report(row.trunk, now)
            elif isinstance(row, MemberRow):
                trial_id = row.event.trial_id
                self._report(self._packs.get(trial_id, trial_id), now)
                if isinstance(row.event, Finished):
                    self.ended(row.event)

    def ended(self, event: Finished) -> None:
        """Counts the outcome of a trial."""
        self._begun.add(event.trial_id)
        self._ended[event.trial_id] = event.status

    def spent(self) -> str:
        """Which limit is reached, in words; empty while there is some of everything left."""
        budget = self._budget
        hours = (self._clock() - self._started) / 3600
        if budget.hours is not None and hours >= budget.hours:
            return f"hours={budget.hours:g} have passed"
        gpu_hours = sum(last - first for first, last in self._spans.values()) * self._gpus / 3600
        if budget.gpu_hours is not None and gpu_hours >= budget.gpu_hours:
            return f"gpu_hours={budget.gpu_hours:g} are used"
        if budget.trials is not None and len(self._ended) >= budget.trials:
            return f"trials={budget.trials} is reached: {len(self._ended)} came to an end"
        rate, begun = budget.failure_rate, len(self._begun)
        lost = sum(status in ("failed", "diverged") for status in self._ended.values())
        if rate is not None and lost > max(1 if rate else 0, rate * begun):
            return f"failure_rate={rate:g} is exceeded: {lost} of {begun} trials begun were lost"
        return ""

    def _report(self, job: str, now: float) -> None:
        first, _ = self._spans.get(job, (now, now))
        self._spans[job] = first, now
