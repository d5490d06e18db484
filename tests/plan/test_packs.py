from __future__ import annotations

import heapq
import itertools
import random
from collections.abc import Sequence
from math import ceil

import pytest

from lps_sweep.plan import Outstanding, make_packs
from lps_sweep.plan.packs import LARGEST_PACK, SHARED_COST


def trials(*lengths: int) -> list[Outstanding]:
    """Groups of these lengths."""
    return [
        Outstanding(f"{group}-{number}", group)
        for group, length in enumerate(lengths)
        for number in range(length)
    ]


def finish_times(packs: Sequence[Sequence[str]], num_workers: int) -> list[float]:
    """When each worker ends, if the next free one takes the next pack."""
    workers = [0.0] * num_workers
    for pack in packs:
        heapq.heappush(workers, heapq.heappop(workers) + SHARED_COST + len(pack))
    return sorted(workers)


def packs_of_size(outstanding: Sequence[Outstanding], size: int) -> list[tuple[str, ...]]:
    """Every group cut into its least number of packs of at most `size`, sizes even."""
    packs = []
    for _, members in itertools.groupby(outstanding, key=lambda trial: trial.group):
        names = [member.trial_id for member in members]
        count = ceil(len(names) / size)
        packs += [tuple(names[start::count]) for start in range(count)]
    return sorted(packs, key=len, reverse=True)


def best_time(outstanding: Sequence[Outstanding], num_workers: int) -> float:
    return min(
        max(finish_times(packs_of_size(outstanding, size), num_workers))
        for size in range(1, LARGEST_PACK + 1)
    )


def shuffled_groups(rng: random.Random) -> list[Outstanding]:
    lengths = [rng.randint(1, rng.choice([3, 10, 60])) for _ in range(rng.randint(1, 6))]
    outstanding = trials(*lengths)
    rng.shuffle(outstanding)
    return outstanding


@pytest.mark.parametrize("seed", range(100))
def test_packs_are_a_fair_division_within_groups(seed: int) -> None:
    rng = random.Random(seed)
    outstanding = shuffled_groups(rng)
    group_of = {trial.trial_id: trial.group for trial in outstanding}
    limit = rng.choice([None, 1, 2, 5, LARGEST_PACK])
    packs = make_packs(outstanding, num_workers=rng.randint(1, 9), max_pack_size=limit)

    assert sorted(t for pack in packs for t in pack) == sorted(group_of)
    assert all(1 <= len(pack) <= (limit or LARGEST_PACK) for pack in packs)
    assert [len(pack) for pack in packs] == sorted(map(len, packs), reverse=True)
    sizes: dict[object, list[int]] = {}
    for pack in packs:
        groups = {group_of[trial] for trial in pack}
        assert len(groups) == 1
        sizes.setdefault(groups.pop(), []).append(len(pack))
    assert all(max(lengths) - min(lengths) <= 1 for lengths in sizes.values())
    order = {trial.trial_id: place for place, trial in enumerate(outstanding)}
    assert all(list(pack) == sorted(pack, key=order.__getitem__) for pack in packs)


@pytest.mark.parametrize("seed", range(60))
def test_no_other_size_ends_sooner(seed: int) -> None:
    rng = random.Random(1000 + seed)
    outstanding = trials(*(rng.randint(1, 40) for _ in range(rng.randint(1, 5))))
    num_workers = rng.randint(1, 8)
    packs = make_packs(outstanding, num_workers=num_workers)
    assert max(finish_times(packs, num_workers)) == pytest.approx(
        best_time(outstanding, num_workers)
    )


def test_25_configurations_at_3_seeds_keep_2_workers_busy_to_the_end() -> None:
    outstanding = trials(25, 25, 25)
    packs = make_packs(outstanding, num_workers=2)
    assert [len(pack) for pack in packs] == [13, 13, 13, 12, 12, 12]
    first, last = finish_times(packs, 2)
    assert last == pytest.approx(best_time(outstanding, 2))
    assert (last - first) / last < 0.03
    largest = packs_of_size(outstanding, 25)
    assert max(finish_times(largest, 2)) > 1.2 * last  # two seeds at once, then one alone


def test_nothing_outstanding_is_no_pack() -> None:
    assert make_packs([], num_workers=4) == []
