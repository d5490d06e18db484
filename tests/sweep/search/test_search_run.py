"""Adaptive searches through the driver, with a trainer that trains nothing."""

from __future__ import annotations

import warnings
from functools import partial
from pathlib import Path

import pytest

from lps_sweep.errors import BadInputError, ExitCode
from lps_sweep.results import Ledger
from lps_sweep.sweep.preview import preview
from lps_sweep.sweep.run import Outcome
from tests.sweep.cases import run
from tests.sweep.fakes import FakeExecutor
from tests.sweep.search import search_cases
from tests.sweep.search.search_cases import asked, killed_after, swept

search = partial(
    search_cases.search,
    domains="C: {low: 0.5, high: 30, log: true}, "
    "lambda_novel_shape: {choices: [constant, linear, cosine]}, "
    "lambda_novel_start: {low: 0.2, high: 0.6, when: {lambda_novel_shape: linear}}",
    count=9,
)


@pytest.mark.parametrize("sampler", ["tpe", "gp", "random", "quasi_random"])
@pytest.mark.parametrize("together", [1, 4])
@pytest.mark.slow
def test_a_search_killed_twice_asks_for_what_an_uninterrupted_one_does(
    tmp_path: Path, sampler: str, together: int
) -> None:
    space = search(tmp_path, sampler=sampler, together=together)
    whole: Outcome = run(space, tmp_path / "whole", FakeExecutor())
    assert whole.exit_code == ExitCode.DONE
    assert (whole.counts.planned, whole.counts.done) == (18, 18)
    killed_after(4, space, tmp_path / "killed")
    killed_after(3, space, tmp_path / "killed")
    last = run(space, tmp_path / "killed", FakeExecutor())
    assert last.counts == whole.counts
    assert swept(tmp_path / "killed") == swept(tmp_path / "whole")
    assert len(asked(tmp_path / "whole")) == 9, "each configuration once"


def test_the_configurations_of_a_batch_train_together(tmp_path: Path) -> None:
    executor = FakeExecutor(num_workers=1)
    run(search(tmp_path, sampler="random", together=3), tmp_path / "r", executor)
    assert [len(pack) for pack in executor.packs] == [3, 3] * 3, "one pack per seed and batch"


def test_a_finished_search_starts_nothing_and_a_longer_one_goes_on(tmp_path: Path) -> None:
    run(search(tmp_path), tmp_path / "r", FakeExecutor())
    again = FakeExecutor()
    assert run(search(tmp_path), tmp_path / "r", again).ran == 0
    assert again.packs == []
    before = swept(tmp_path / "r")
    outcome = run(search(tmp_path, count=12), tmp_path / "r", FakeExecutor())
    assert (outcome.counts.planned, outcome.ran) == (24, 6)
    assert swept(tmp_path / "r")[: len(before)] == before


LISTS = (
    "seen_classes: {choices: [[0, 1], [2, 3], 3]}, concat_views: {choices: [true, false]}, "
    "C: {low: 0.5, high: 30, when: {seen_classes: [[0, 1], 3], concat_views: true}}, "
    "tau: {choices: [0.2, 1], when: {seen_classes: [2, 3]}}"
)


@pytest.mark.parametrize("sampler", ["tpe", "quasi_random"])
def test_a_search_over_lists_goes_on_and_warns_of_nothing(
    sampler: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    blocks = "grid: {novel_classes: [2, 0.5]}"
    space = search_cases.search(tmp_path, LISTS, sampler=sampler, seeds="[0]", blocks=blocks)
    whole = run(space, tmp_path / "whole", FakeExecutor())
    killed_after(3, space, tmp_path / "r")
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        assert run(space, tmp_path / "r", FakeExecutor()).counts == whole.counts
        assert run(space, tmp_path / "r", FakeExecutor()).ran == 0
        plan = preview(space, tmp_path / "r")
    assert (plan.outcomes, plan.notes, plan.epochs_left) == ({"done": 10}, [], 0)
    assert "Warning" not in capfd.readouterr().err
    found = swept(tmp_path / "r")
    assert found == swept(tmp_path / "whole")
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
