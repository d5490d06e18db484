"""From outstanding trials to packs: trials that train together, sized so that no worker idles."""

from __future__ import annotations

import heapq
from collections import defaultdict
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import ceil

SHARED_COST = 1.1
"""Cost of what a pack shares (batches, views, frozen trunk) in units of one member's own cost,
as measured for a ResNet-18 with three frozen stages."""

LARGEST_PACK = 32
"""Beyond this a larger pack saves next to nothing, and a crash repeats more."""

REACH = 9
"""A pack of this many times `shared_cost` members saves nine tenths of what one without end would:
K members cost (K + r) / K each, where one alone costs 1 + r."""


@dataclass(frozen=True)
class Outstanding:
    """A trial to run: `group` is what it must have in common with those beside it."""

    trial_id: str
    group: Hashable


def make_packs(
    outstanding: Iterable[Outstanding],
    *,
    num_workers: int,
    max_pack_size: int | None = None,
    shared_cost: float = SHARED_COST,
) -> list[tuple[str, ...]]:
    """Packs of trial ids of one group each, the largest first.

    Args:
        outstanding: The trials, in the order of the plan.
        num_workers: How many packs run at the same time, at least 1.
        max_pack_size: Upper limit, from 1 to `LARGEST_PACK`; the size taken is the one with the
            shortest expected time.
        shared_cost: r, the cost of what a pack shares in units of one member's own cost.
    """
    groups: dict[Hashable, list[str]] = defaultdict(list)
    for trial in outstanding:
        groups[trial.group].append(trial.trial_id)
    largest = LARGEST_PACK if max_pack_size is None else min(max_pack_size, LARGEST_PACK)
    sizes = range(1, largest + 1)
    lengths = [len(members) for members in groups.values()]
    best = min(sizes, key=lambda size: (_duration(lengths, size, num_workers, shared_cost), -size))
    packs = [pack for members in groups.values() for pack in _cut(members, best)]
    return sorted(packs, key=len, reverse=True)


def _cut(members: Sequence[str], size: int) -> list[tuple[str, ...]]:
    count = ceil(len(members) / size)
    bounds = [len(members) * i // count for i in range(count + 1)]
    return [tuple(members[a:b]) for a, b in pairwise(bounds)]


def reach(shared_cost: float) -> int:
    """The pack size beyond which little is left to save."""
    return max(1, min(LARGEST_PACK, ceil(REACH * shared_cost)))


def _duration(lengths: Iterable[int], size: int, num_workers: int, shared_cost: float) -> float:
    """Expected time of packs of at most `size`, the longest first to the next free worker."""
    packs = []
    for length in lengths:
        count = ceil(length / size)
        packs += [length * (i + 1) // count - length * i // count for i in range(count)]
    workers = [0.0] * min(num_workers, len(packs) or 1)
    for pack in sorted(packs, reverse=True):
        heapq.heapreplace(workers, workers[0] + shared_cost + pack)
    return max(workers)
