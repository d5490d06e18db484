"""Adaptive searches through the driver, with a trainer that trains nothing."""

from __future__ import annotations

import warnings
from pathlib import Path

import pytest

from lps_sweep.errors import BadInputError, ExitCode
from lps_sweep.plan import SearchSpace
from lps_sweep.results import Ledger
from lps_sweep.sweep.jobs import PackJob
from lps_sweep.sweep.preview import preview
from lps_sweep.sweep.run import Outcome
from tests.sweep.cases import killed, run, space_of
from tests.sweep.fakes import FakeExecutor

SEARCH = """
name: search
preset: digits
set: {epochs: 2, pretrain_epochs: 1}
seeds: [0, 1]
optuna:
  objective: oracle.acc_all
  sampler: SAMPLER
  configurations: 9
  together: TOGETHER
  startup: 3
  domains:
    C: {low: 0.5, high: 30, log: true}
    lambda_novel_shape: {choices: [constant, linear, cosine]}
    lambda_novel_start: {low: 0.2, high: 0.6, when: {lambda_novel_shape: linear}}
"""


def search(folder: Path, sampler: str = "tpe", together: int = 2) -> SearchSpace:
    return space_of(folder, SEARCH.replace("SAMPLER", sampler).replace("TOGETHER", str(together)))


def asked(results: Path) -> list[tuple[str, ...]]:
    with Ledger.open(results) as ledger:
        rows = ledger.trial_rows("search", False)
        return [tuple(map(str, row.swept.values())) for row in rows]


def killed_after(num_outcomes: int, space: SearchSpace, results: Path) -> None:
    seen: list[str] = []

    def over(job: PackJob, epoch: int) -> bool:
        if epoch == 2:
            seen.extend(job.attempts)
        return len(seen) > num_outcomes

    with killed(over) as dies:
        run(space, results, FakeExecutor(dies=dies))


@pytest.mark.parametrize("sampler", ["tpe", "gp", "random", "quasi_random"])
@pytest.mark.parametrize("together", [1, 4])
@pytest.mark.slow
def test_a_search_killed_twice_asks_for_what_an_uninterrupted_one_does(
    tmp_path: Path, sampler: str, together: int
) -> None:
    space = search(tmp_path, sampler, together)
    whole: Outcome = run(space, tmp_path / "whole", FakeExecutor())
    assert whole.exit_code == ExitCode.DONE
    assert (whole.counts.planned, whole.counts.done) == (18, 18)
    killed_after(4, space, tmp_path / "killed")
    killed_after(3, space, tmp_path / "killed")
    last = run(space, tmp_path / "killed", FakeExecutor())
    assert last.counts == whole.counts
    assert asked(tmp_path / "killed") == asked(tmp_path / "whole")
    assert len(set(asked(tmp_path / "whole"))) == 9, "each configuration once"


def test_the_configurations_of_a_batch_train_together(tmp_path: Path) -> None:
    executor = FakeExecutor(num_workers=1)
    run(search(tmp_path, "random", 3), tmp_path / "r", executor)
    assert [len(pack) for pack in executor.packs] == [3, 3] * 3, "one pack per seed and batch"


def test_a_finished_search_starts_nothing_and_a_longer_one_goes_on(tmp_path: Path) -> None:
    run(search(tmp_path), tmp_path / "r", FakeExecutor())
    again = FakeExecutor()
    assert run(search(tmp_path), tmp_path / "r", again).ran == 0
    assert again.packs == []
    before = asked(tmp_path / "r")
    longer = SEARCH.replace("SAMPLER", "tpe").replace("TOGETHER", "2").replace(": 9", ": 12")
    outcome = run(space_of(tmp_path, longer), tmp_path / "r", FakeExecutor())
    assert (outcome.counts.planned, outcome.ran) == (24, 6)
    assert asked(tmp_path / "r")[: len(before)] == before


MIXED = """
name: search
preset: digits
set: {epochs: 2, pretrain_epochs: 1}
seeds: [0]
grid: {novel_classes: [2, 0.5]}
optuna:
  objective: oracle.acc_all
  configurations: 5
  together: 2
  startup: 3
  domains:
    seen_classes: {choices: [[0, 1], [2, 3], 3]}
    concat_views: {choices: [true, false]}
    C: {low: 0.5, high: 30, when: {seen_classes: [[0, 1], 3], concat_views: true}}
    tau: {choices: [0.2, 1], when: {seen_classes: [2, 3]}}
"""


@pytest.mark.usefixtures("no_waiting_for_the_disk")
def test_a_search_over_lists_goes_on_and_warns_of_nothing(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    space = space_of(tmp_path, MIXED)
    whole = run(space, tmp_path / "whole", FakeExecutor())
    killed_after(3, space, tmp_path / "r")
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        assert run(space, tmp_path / "r", FakeExecutor()).counts == whole.counts
        assert run(space, tmp_path / "r", FakeExecutor()).ran == 0
        plan = preview(space, tmp_path / "r")
    assert (plan.outcomes, plan.notes, plan.epochs_left) == ({"done": 10}, [], 0)
    assert "Warning" not in capfd.readouterr().err
    with Ledger.open(tmp_path / "r") as ledger:
        found = [row.swept for row in ledger.trial_rows("search", False)]
    assert asked(tmp_path / "r") == asked(tmp_path / "whole")
    assert {str(one["seen_classes"]) for one in found} == {"[0, 1]", "[2, 3]", "3"}
    for one in found:
        assert (one["tau"] is not None) == (one["seen_classes"] == [2, 3])
        assert (one["C"] is None) == (one["seen_classes"] == [2, 3] or not one["concat_views"])


def test_a_search_is_recorded_as_one(tmp_path: Path) -> None:
    space = search(tmp_path)
    run(space, tmp_path / "r", FakeExecutor())
    with Ledger.open(tmp_path / "r") as ledger:
        record = ledger.record("search")
    assert record.search is not None
    assert record.search["sampler"] == "tpe"
    assert record.axes["C"] == sorted(record.axes["C"])  # type: ignore[type-var]
    assert record.defaults == {
        "C": 10.0,
        "lambda_novel_shape": "linear",
        "lambda_novel_start": 0.4,
    }


def test_a_preview_counts_what_is_still_to_be_asked_for(tmp_path: Path) -> None:
    space = search(tmp_path)
    before = preview(space, tmp_path / "r")
    assert (before.num_trials, before.num_configurations, before.epochs_left) == (18, 9, 36)
    assert before.chosen_by == "tpe"
    killed_after(4, space, tmp_path / "r")
    half = preview(space, tmp_path / "r")
    assert half.outcomes == {"done": 4}
    assert (half.num_trials, half.epochs_left) == (18, 28)
    run(space, tmp_path / "r", FakeExecutor())
    done = preview(space, tmp_path / "r")
    assert (done.outcomes, done.epochs_left, done.pack_sizes) == ({"done": 18}, 0, [])


def test_trials_of_a_search_cannot_be_picked(tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match="chooses its trials itself"):
        run(search(tmp_path), tmp_path / "r", FakeExecutor(), limit=1)
