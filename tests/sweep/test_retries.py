from __future__ import annotations

import pytest

from lps_sweep.results import Attempt
from lps_sweep.sweep.retries import OUT_OF_MEMORY, Retries


def test_a_pack_is_retried_whole_then_halved_down_to_one() -> None:
    retries = Retries(max_attempts=2)
    members = ["a", "b", "c", "d", "e"]
    sizes = []
    while True:
        failed = retries.died(members, certain=True)
        sizes.append(len(members))
        if failed:
            break
        members = members[: retries.limits["a"]]
    assert sizes == [5, 5, 3, 2, 1, 1]
    assert members == ["a"]


def test_an_unclear_death_only_asks_for_a_run_alone_in_time() -> None:
    retries = Retries(max_attempts=1)
    assert not retries.died(["a"], certain=False)
    assert retries.apart == {"a"}
    assert retries.limits == {}
    assert retries.died(["a"], certain=True)
    assert retries.apart == set()


@pytest.mark.parametrize(
    ("size", "failed", "limit"), [(1, True, 1), (2, False, 1), (5, False, 3), (8, False, 4)]
)
def test_want_of_memory_halves_packs_and_fails_a_trial_only_alone(
    size: int, failed: bool, limit: int
) -> None:
    retries = Retries(max_attempts=3)
    assert retries.out_of_memory("a", size) is failed
    assert retries.limits["a"] == limit


def test_a_later_run_remembers_who_was_short_of_memory_together() -> None:
    retries = Retries(max_attempts=3)
    ends = {t: Attempt(t, 1, "pack-1", OUT_OF_MEMORY + "planted") for t in "abcd"}
    ends["e"] = Attempt("e", 1, "pack-2", "its process died")
    ends["f"] = Attempt("f", 2, "pack-3", "")
    retries.remember(ends)
    assert retries.limits == dict.fromkeys("abcd", 2)
