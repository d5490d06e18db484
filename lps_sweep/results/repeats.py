"""Epochs that were trained twice after an interruption: did they give the same numbers?"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

from lps_sweep.results.parsing import parse_metrics

_ROWS = """
SELECT e.trial_id, e.epoch, e.metrics FROM planned p JOIN epochs e USING (trial_id)
WHERE p.sweep = ? AND p.position IS NOT NULL AND p.trial_id IN (
    SELECT trial_id FROM attempts GROUP BY trial_id HAVING count(*) > 1)
ORDER BY p.position, e.epoch, e.attempt
"""


@dataclass(frozen=True)
class Repeats:
    """The same seed, configuration and epoch, trained more than once.

    Attributes:
        pairs: Trainings of an epoch beyond its first.
        different: Those of them with a number that is not the first one's to the last digit.
        largest: By metric, the largest absolute difference to the first; of those with any.
    """

    pairs: int
    different: int
    largest: dict[str, float]


NO_REPEATS = Repeats(0, 0, {})


def repeats(connection: sqlite3.Connection, path: Path, sweep: str) -> Repeats:
    """Compares the epochs of the planned trials of `sweep` that several attempts have trained."""
    pairs = different = 0
    largest: dict[str, float] = {}
    rows = connection.execute(_ROWS, (sweep,)).fetchall()
    for _, group in groupby(rows, key=lambda row: row[:2]):
        first, *others = (parse_metrics(text, path) for *_, text in group)
        for other in others:
            pairs += 1
            different += first != other
            for name, difference in _differences(first, other):
                largest[name] = max(difference, largest.get(name, 0.0))
    return Repeats(pairs, different, largest)


def _differences(
    first: Mapping[str, float | None], other: Mapping[str, float | None]
) -> Iterator[tuple[str, float]]:
    for name in sorted(first.keys() & other.keys()):
        a, b = first[name], other[name]
        if a is not None and b is not None and a != b:
            yield name, abs(a - b)
