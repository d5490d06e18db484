"""Work that is counted instead of timed: a count is the same on every machine."""

from __future__ import annotations

import contextlib
import cProfile
from collections.abc import Iterator
from dataclasses import dataclass


@dataclass
class Calls:
    """Calls of functions, those written in C among them.

    Attributes:
        number: How many there were, once they are counted.
    """

    number: int = 0


@contextlib.contextmanager
def counted_calls() -> Iterator[Calls]:
    """Counts the calls that this thread makes inside."""
    calls, profile = Calls(), cProfile.Profile()
    profile.enable()
    try:
        yield calls
    finally:
        profile.disable()
        calls.number = sum(entry.callcount for entry in profile.getstats())
