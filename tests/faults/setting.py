"""What the faults of `tests.faults` have in common."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tests.faults.harness import Case

EPOCHS = 6


@dataclass(frozen=True)
class Setting:
    """What all cases share: an undisturbed sweep, the failpoints that it passed, and the seed.

    `real` is a folder for an undisturbed sweep of the real trainer, run when it is first needed.
    """

    straight: Case
    passed: list[str]
    seed: int
    real: Path

    def reference(self, *, real: bool) -> Path:
        """The results of an undisturbed sweep."""
        if not real:
            return self.straight.results
        if not self.real.exists():
            from tests.faults.processes import run_straight

            run_straight(self.real, EPOCHS)
        return self.real / "results"


Fault = Callable[[Case, random.Random, Setting, int], tuple[int, int]]
"""Disturbs a case; how many faults took effect, and how many repairs were needed so far."""


@dataclass(frozen=True)
class Kind:
    """A kind of fault.

    Attributes:
        fault: Disturbs a case, whose last run is the caller's.
        many: Number of cases.
        few: Number of cases of the quick matrix.
        damages: A trial in training may have to begin again.
        real: The trainer is the real one.
    """

    fault: Fault
    many: int
    few: int
    damages: bool = False
    real: bool = False
