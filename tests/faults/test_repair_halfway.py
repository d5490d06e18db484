"""Damage to a sweep whose driver died halfway: finished trials stay, the others are run."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from lps_sweep.errors import ExitCode
from lps_sweep.results import Ledger
from lps_sweep.sweep.check import examine
from tests.faults import truth
from tests.faults.checker import check
from tests.faults.damage import (
    flip,
    lose_half_of_it,
    lose_ledger,
    sql,
    verdict,
)
from tests.faults.harness import DIED, Case
from tests.faults.kinds import forgive
from tests.faults.recorded import outcomes_of

pytestmark = pytest.mark.fault

Straight = tuple[Case, list[str]]


def finish(case: Case) -> None:
    """Runs to the end; what was in training when the damage was done may begin again."""
    forgive(case)
    assert case.run() == 0
    assert check(case.truth, case.results) == []


def test_a_killed_driver_leaves_a_folder_without_damage(
    halfway: Case, capsys: pytest.CaptureFixture[str]
) -> None:
    assert verdict(halfway, capsys)[0] == ExitCode.DONE


@pytest.mark.parametrize("lose", [lose_ledger, lose_half_of_it])
def test_a_run_refuses_a_lost_ledger_and_starts_nothing(
    lose: Callable[[Case], None], halfway: Case
) -> None:
    lose(halfway)
    before = truth.read(halfway.truth)
    assert halfway.run(expected=(5,), says="ledger") == ExitCode.STORAGE
    assert [e["kind"] for e in truth.read(halfway.truth)[len(before) :]] == ["run", "exit"]


def test_a_row_of_a_trial_in_training_that_was_changed_is_noticed(halfway: Case) -> None:
    with Ledger.open(halfway.results) as reader:
        trial = reader.outstanding("faults")[0]
    changed = f"UPDATE epochs SET metrics = replace(metrics, '1', '2') WHERE trial_id = '{trial}'"
    sql(halfway.results, changed)
    assert halfway.run(expected=(5,), says="was changed") == ExitCode.STORAGE


def test_a_ledger_lost_halfway_is_rebuilt_and_the_rest_is_run(
    halfway: Case, capsys: pytest.CaptureFixture[str]
) -> None:
    finished = outcomes_of(halfway.results)
    lose_ledger(halfway)
    code, said = verdict(halfway, capsys, "--repair")
    assert code == ExitCode.DONE
    assert "2 finished trials recorded again from their sidecars" in said
    assert outcomes_of(halfway.results) == finished
    finish(halfway)


def test_a_log_of_the_ledger_that_is_lost_costs_no_finished_trial(
    halfway: Case, capsys: pytest.CaptureFixture[str]
) -> None:
    finished = outcomes_of(halfway.results)
    log = halfway.results / "ledger.sqlite-wal"
    assert log.stat().st_size > 0
    log.unlink()
    assert halfway.run(expected=(5,), says="ledger") == ExitCode.STORAGE
    assert verdict(halfway, capsys, "--repair")[0] == ExitCode.DONE
    assert outcomes_of(halfway.results) == finished
    finish(halfway)


def test_a_damaged_checkpoint_of_a_trial_in_training(
    halfway: Case, capsys: pytest.CaptureFixture[str]
) -> None:
    for path in halfway.results.glob("checkpoints/*/epoch-0002-member*"):
        flip(path)
    code, said = verdict(halfway, capsys)
    assert (code, said.count("the trial goes on from another")) == (5, 2)
    assert verdict(halfway, capsys, "--repair")[0] == 0
    assert examine(halfway.results) == []
    finish(halfway)


def test_a_checkpoint_to_fall_back_on_is_looked_at_too(straight: Straight, folder: Path) -> None:
    del straight
    case = Case.at(folder / "case", epochs=4)
    assert case.run("checkpoint.saved:4", expected=(DIED,)) == DIED
    for path in case.results.glob("checkpoints/*/epoch-0002-*"):
        path.unlink()
    assert len(examine(case.results)) == 2, "the newest is gone"
    case = Case.at(folder / "other", epochs=6)
    assert case.run("checkpoint.save:5", expected=(DIED,)) == DIED
    older = sorted(case.results.glob("checkpoints/*/epoch-0002-*"))
    assert older
    assert list(case.results.glob("checkpoints/*/epoch-0004-*"))
    assert examine(case.results) == []
    flip(older[0])
    assert len(examine(case.results)) >= 1
    older[0].unlink()
    assert examine(case.results) == []
