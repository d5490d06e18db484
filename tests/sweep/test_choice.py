"""What `run` starts of a sweep: --retry, --only, --limit."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import pytest
from rich.console import Console

from lps_sweep.errors import BadInputError, ExitCode
from lps_sweep.plan import SearchSpace
from lps_sweep.results import Ledger, sidecar_paths
from lps_sweep.sweep.budget import Budget
from lps_sweep.sweep.check import examine
from lps_sweep.sweep.outcome import Outcome
from lps_sweep.sweep.progress import Progress
from lps_sweep.sweep.run import run_sweep
from lps_sweep.sweep.selection import read_selection
from tests.sweep.fakes import FakeExecutor
from tests.sweep.test_driver import FOUR_TRIALS, ids_of, space_of


def run(
    space: SearchSpace,
    results: Path,
    executor: FakeExecutor,
    *only: str,
    limit: int | None = None,
    retry: str = "",
    budget: Budget | None = None,
    lines: list[str] | None = None,
) -> Outcome:
    console = Console(file=io.StringIO(), width=200)
    heard: list[str] = [] if lines is None else lines
    outcome = run_sweep(
        space,
        results,
        make_executor=lambda: executor,
        make_progress=lambda trials, outcomes: Progress(console, trials, outcomes),
        selection=read_selection(only=only, limit=limit, retry=retry),
        budget=budget,
        say=heard.append,
    )
    assert isinstance(console.file, io.StringIO)
    heard.extend(console.file.getvalue().splitlines())
    return outcome


def trained(executor: FakeExecutor) -> list[str]:
    return sorted(trial_id for pack in executor.packs for trial_id in pack)


def losing(*lost: str, status: str = "failed") -> Callable[[str], str]:
    return lambda trial_id: status if trial_id in lost else "done"


@pytest.fixture
def space(tmp_path: Path) -> SearchSpace:
    return space_of(tmp_path)


@pytest.fixture
def ids(space: SearchSpace, tmp_path: Path) -> list[str]:
    run(space, tmp_path / "plan", FakeExecutor())
    return list(ids_of(tmp_path / "plan"))


def test_only_what_was_asked_for_is_run(space: SearchSpace, tmp_path: Path, ids: list[str]) -> None:
    executor, lines = FakeExecutor(), list[str]()
    outcome = run(space, tmp_path / "r", executor, "tau=0.4", lines=lines)
    assert trained(executor) == sorted([ids[1], ids[3]])
    assert (outcome.counts.done, outcome.counts.not_run, outcome.ran) == (2, 2, 2)
    assert outcome.exit_code == ExitCode.INCOMPLETE
    assert outcome.spent == ""
    assert lines[0] == "2 of 4 trials chosen; the others are not run now"
    assert lines[-1].startswith("2/2 done"), "progress is that of what was chosen"
    rest = FakeExecutor()
    assert run(space, tmp_path / "r", rest).exit_code == ExitCode.DONE
    assert trained(rest) == sorted([ids[0], ids[2]])


def test_the_limit_goes_on_where_it_was(space: SearchSpace, tmp_path: Path, ids: list[str]) -> None:
    seen: list[str] = []
    for number in (1, 2):
        executor = FakeExecutor()
        outcome = run(space, tmp_path / "r", executor, limit=2)
        assert (outcome.counts.done, len(trained(executor))) == (2 * number, 2)
        seen += trained(executor)
    assert sorted(seen) == sorted(ids)
    assert outcome.exit_code == ExitCode.DONE


def test_nothing_that_was_asked_for_is_left(space: SearchSpace, tmp_path: Path) -> None:
    run(space, tmp_path / "r", FakeExecutor(), "C=1")
    again = FakeExecutor()
    outcome = run(space, tmp_path / "r", again, "C=1")
    assert (again.packs, outcome.ran, outcome.exit_code) == ([], 0, ExitCode.INCOMPLETE)


def test_a_wrong_choice_is_refused_before_the_folder_is_made(
    space: SearchSpace, tmp_path: Path
) -> None:
    with pytest.raises(BadInputError, match="no trial of the sweep has this value"):
        run(space, tmp_path / "r", FakeExecutor(), "C=2")
    assert not (tmp_path / "r").exists()


def test_lost_trials_are_tried_again_from_their_checkpoints(
    space: SearchSpace, tmp_path: Path, ids: list[str]
) -> None:
    results = tmp_path / "r"
    run(space, results, FakeExecutor(status_of=losing(ids[1])))
    assert run(space, results, FakeExecutor()).exit_code == ExitCode.TRIALS_FAILED
    again, lines = FakeExecutor(), list[str]()
    outcome = run(space, results, again, retry="failed,diverged", lines=lines)
    assert (outcome.exit_code, outcome.ran, trained(again)) == (ExitCode.DONE, 1, [ids[1]])
    assert lines[0] == "1 trial to be tried again: 1 failed"
    with Ledger.open(results) as ledger:
        ends = [record.ended for record in ledger.attempts(ids[1])]
        assert ends == ["failed, tried again: planted", "done"]
        assert all(len(ledger.attempts(t)) == 1 for t in ids if t != ids[1])
    sidecars = [path.name for path in sidecar_paths(results)[ids[1]]]
    assert sidecars == [f"{ids[1]}-2.json", f"{ids[1]}-1.json"], "the newest, and history"
    assert examine(results) == []


def test_what_is_not_chosen_stays_lost(space: SearchSpace, tmp_path: Path, ids: list[str]) -> None:
    results = tmp_path / "r"
    diverged = losing(*ids, status="diverged")
    run(space, results, FakeExecutor(status_of=diverged))
    again = FakeExecutor()
    assert run(space, results, again, retry="failed").ran == 0
    outcome = run(space, results, again, "C=10", limit=1, retry="diverged")
    assert (trained(again), outcome.counts.done, outcome.counts.diverged) == ([ids[2]], 1, 3)
    with Ledger.open(results) as ledger:
        tried_again = [t for t in ids if len(ledger.attempts(t)) > 1]
    assert tried_again == [ids[2]]


def test_a_killed_retry_goes_on(space: SearchSpace, tmp_path: Path, ids: list[str]) -> None:
    results = tmp_path / "r"
    run(space, results, FakeExecutor(status_of=losing(ids[0], ids[3])))
    with Ledger.open(results, write=True) as ledger:  # and there the driver was killed
        ledger.reopen([ids[0], ids[3]])
    assert examine(results) == [], "the sidecars of what was taken back prove nothing"
    executor = FakeExecutor()
    outcome = run(space, results, executor)
    assert (outcome.counts.done, trained(executor)) == (4, sorted([ids[0], ids[3]]))


def test_a_changed_plan_is_told(space: SearchSpace, tmp_path: Path) -> None:
    lines: list[str] = []
    run(space, tmp_path / "r", FakeExecutor(), lines=lines)
    assert lines[0] == "running nowhere", "a first plan is no change"
    text = FOUR_TRIALS.replace("tau: [0.2, 0.4]", "tau: [0.4, 0.6]")
    lines.clear()
    run(space_of(tmp_path, text), tmp_path / "r", FakeExecutor(), lines=lines)
    assert lines[:2] == [
        "2 trials of 4 planned: new in the plan",
        "2 trials no longer in the plan: kept, and left out",
    ]
    lines.clear()
    run(space, tmp_path / "r", FakeExecutor(), lines=lines)
    assert lines == [
        "2 trials of 4 planned: new in the plan (2 known from elsewhere)",
        "2 trials no longer in the plan: kept, and left out",
    ]
