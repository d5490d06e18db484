"""A sweep with folds, its driver killed again and again, ends with each training once."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.faults.checker import check
from tests.faults.harness import DIED, Case, passages

pytestmark = pytest.mark.fault


def test_killed_in_the_trials_and_on_the_folds_it_ends_as_one_left_alone(folder: Path) -> None:
    alone = Case.at(folder / "alone", folds=2)
    passed = passages(alone)
    assert check(alone.truth, alone.results) == []
    for name in ("plan.insert", "ledger.commit", "outcome.inserted", "file.rename"):
        count = passed.count(name)
        assert count > 1, name
        case = Case.at(folder / name, folds=2)
        died = [case.run(f"{name}:{k}", expected=(0, DIED)) for k in (count // 5 + 1, count // 2)]
        assert died[0] == DIED
        assert case.run() == 0, case.truth.with_suffix(".out").read_text()
        assert check(case.truth, case.results, alone.results) == []
