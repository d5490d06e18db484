from __future__ import annotations

import pytest

from lps_sweep.sweep.casualties import Casualties


def test_a_pack_is_retried_whole_then_halved_down_to_one() -> None:
    casualties = Casualties(max_attempts=2)
    members = ["a", "b", "c", "d", "e"]
    sizes = []
    while True:
        failed = casualties.died(members, certain=True)
        sizes.append(len(members))
        if failed:
            break
        members = members[: casualties.limits["a"]]
    assert sizes == [5, 5, 3, 2, 1, 1]
    assert members == ["a"]


def test_an_unclear_death_only_asks_for_a_run_alone_in_time() -> None:
    casualties = Casualties(max_attempts=1)
    assert not casualties.died(["a"], certain=False)
    assert casualties.quarantine == {"a"}
    assert casualties.limits == {}
    assert casualties.died(["a"], certain=True)
    assert casualties.quarantine == set()


@pytest.mark.parametrize(("size", "failed"), [(1, True), (2, False)])
def test_want_of_memory_fails_a_trial_only_alone(size: int, failed: bool) -> None:
    casualties = Casualties(max_attempts=3)
    assert casualties.out_of_memory("a", size) is failed
    assert casualties.limits["a"] == 1
