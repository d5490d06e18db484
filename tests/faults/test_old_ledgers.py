"""A driver killed, or starved of disk, while it brings an old ledger to the schema of today."""

from __future__ import annotations

import pytest

from lps_sweep.results import Ledger
from lps_sweep.results.schema import SCHEMA_VERSION
from lps_sweep.sweep.check import examine
from tests.faults.checker import check
from tests.faults.harness import DIED, Case
from tests.results.old_ledger import content, make_old_folder, version_of

pytestmark = pytest.mark.fault

Straight = tuple[Case, list[str]]


@pytest.mark.parametrize("k", [1, 5])
def test_killed_in_the_middle_it_is_still_the_old_one(
    halfway: Case, straight: Straight, k: int
) -> None:
    path = halfway.results / "ledger.sqlite"
    make_old_folder(halfway.results)
    before = content(path)
    assert halfway.run(f"ledger.migrate:{k}", expected=(DIED,)) == DIED
    assert (version_of(path), content(path)) == (1, before)
    assert examine(halfway.results) == []
    says = "No space left on device"
    assert halfway.run(f"ledger.migrate:{k}:enospc", expected=(5,), says=says) == 5
    assert (version_of(path), content(path)) == (1, before)
    del straight
    assert halfway.run() == 0, halfway.truth.with_suffix(".out").read_text()
    assert check(halfway.truth, halfway.results) == []
    assert version_of(path) == SCHEMA_VERSION
    with Ledger.open(halfway.results) as ledger:
        times = ledger.begun_attempts("faults")
    assert len(times) == 2, "the attempts before have no times"
    assert all(one.worker and one.ended_at and one.ended == "done" for one in times)


def test_an_old_folder_is_whole_and_a_finished_one_runs_nothing(done: Case) -> None:
    make_old_folder(done.results)
    assert examine(done.results) == []
    before = content(done.results / "ledger.sqlite")
    assert done.run() == 0
    assert content(done.results / "ledger.sqlite") == before
    assert examine(done.results) == []
