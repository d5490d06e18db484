"""What `run` starts of a sweep: --retry, --only, --limit."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from lps_sweep.errors import BadInputError, ExitCode
from lps_sweep.plan import PlannedTrial, SearchSpace, expand
from lps_sweep.results import Ledger, sidecar_paths
from lps_sweep.sweep.check import examine
from lps_sweep.sweep.choice import Choice, read_choice
from lps_sweep.sweep.content import content_of
from tests.sweep.cases import FOUR_TRIALS, losing, planned_ids, run, space_of, trained
from tests.sweep.fakes import FakeExecutor


@pytest.fixture
def space(tmp_path: Path) -> SearchSpace:
    return space_of(tmp_path)


@pytest.fixture
def ids(space: SearchSpace) -> list[str]:
    return planned_ids(space)


def test_only_what_was_asked_for_is_run(space: SearchSpace, tmp_path: Path, ids: list[str]) -> None:
    executor, lines = FakeExecutor(), list[str]()
    outcome = run(space, tmp_path / "r", executor, "tau=0.4", lines=lines)
    assert trained(executor) == sorted([ids[1], ids[3]])
    assert (outcome.counts.done, outcome.counts.not_run, outcome.ran) == (2, 2, 2)
    assert outcome.exit_code == ExitCode.INCOMPLETE
    assert outcome.spent == ""
    assert lines[0].startswith("2 of 4 trials chosen")
    assert lines[-1].startswith("2/2 done"), "progress is that of what was chosen"
    again = FakeExecutor()
    outcome = run(space, tmp_path / "r", again, "tau=0.4")
    assert (again.packs, outcome.ran, outcome.exit_code) == ([], 0, ExitCode.INCOMPLETE)
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


ARMS = """
name: arms
preset: digits
arms:
  full: {}
  "10": {C: 0}
  shallow: {frozen_through: none}
one_at_a_time: {frozen_bn: [train, eval]}
grid: {seen_classes: [5, [0, 1, 2, 3]]}
seeds: [0, 1]
"""


def trials_of(folder: Path, text: str = FOUR_TRIALS) -> tuple[PlannedTrial, ...]:
    return expand(space_of(folder, text), content_of)


def only(*texts: str) -> Choice:
    return read_choice(only=texts, limit=None, retry="")


@pytest.fixture
def trials(tmp_path: Path) -> tuple[PlannedTrial, ...]:
    return trials_of(tmp_path, FOUR_TRIALS.replace("seeds: [0]", "seeds: [0, 1]"))


def described(trials: tuple[PlannedTrial, ...], *texts: str) -> list[tuple[object, ...]]:
    found = only(*texts).matching(trials)
    assert found == [t.trial_id for t in trials if t.trial_id in found], "the order of the plan"
    return [(*t.swept.values(), t.seed) for t in trials if t.trial_id in found]


def test_values_of_one_key_add_up_and_keys_narrow_down(trials: tuple[PlannedTrial, ...]) -> None:
    assert described(trials, "C=10") == [(10, t, s) for t in (0.2, 0.4) for s in (0, 1)]
    assert len(described(trials, "tau=0.2", "tau=0.4")) == 8
    assert described(trials, "seed=1", "C=10.0", "tau=.4") == [(10, 0.4, 1)]
    assert described(trials, " seed = 1 ", "C=1e1", "C=1", "tau=0.4") == [(1, 0.4, 1), (10, 0.4, 1)]


def test_a_trial_by_the_beginning_of_its_id(trials: tuple[PlannedTrial, ...]) -> None:
    for trial in trials:
        (found,) = only(f"trial={trial.trial_id}").matching(trials)
        assert found == trial.trial_id
    two = [f"trial={t.trial_id[:10]}" for t in trials[2:4]]
    assert only(*two).matching(trials) == [t.trial_id for t in trials[2:4]]


def test_words_lists_and_arms(tmp_path: Path) -> None:
    arms = trials_of(tmp_path, ARMS)
    assert len(only("arm=10").matching(arms)) == 8, "a name that looks like a number"
    assert len(only("frozen_bn=eval").matching(arms)) == 12
    assert len(only("seen_classes=5").matching(arms)) == 12
    assert len(only("seen_classes=[0, 1, 2, 3]", "arm=full").matching(arms)) == 4


@pytest.mark.parametrize(
    ("texts", "told"),
    [
        (["c=1"], "'C'"),
        (["epochs=4"], "C, seed, tau, trial"),
        (["C=2"], "1.0, 10.0"),
        (["seed=true"], "0, 1"),
        (["tau=0.2", "trial=ID", "C=10"], "has all of"),
        (["trial=nothing"], "'nothing'"),
        (["C"], "key=value"),
    ],
)
def test_what_is_not_there_is_refused_with_what_there_is(
    trials: tuple[PlannedTrial, ...], texts: list[str], told: str
) -> None:
    with pytest.raises(BadInputError) as caught:
        only(*(text.replace("ID", trials[0].trial_id) for text in texts)).matching(trials)
    assert told in str(caught.value)


def test_an_ambiguous_beginning_is_refused(trials: tuple[PlannedTrial, ...]) -> None:
    alike = dataclasses.replace(trials[1], trial_id=trials[0].trial_id[0] + trials[1].trial_id)
    with pytest.raises(BadInputError, match="2 trials have ids that begin with"):
        only(f"trial={trials[0].trial_id[0]}").matching([trials[0], alike])


def test_done_and_stopped_are_never_chosen_and_the_limit_counts_what_is(
    trials: tuple[PlannedTrial, ...],
) -> None:
    ids = [trial.trial_id for trial in trials]
    outcomes = dict(zip(ids, ("done", "failed", "diverged", "stopped"), strict=False))
    assert Choice().choose(ids, outcomes) == ids[4:]
    assert Choice(retry=("failed",)).choose(ids, outcomes) == [ids[1], *ids[4:]]
    both = read_choice(only=[], limit=3, retry="failed, diverged")
    assert both.choose(ids, outcomes) == [ids[1], ids[2], ids[4]]
    assert both.choose(ids[:1], outcomes) == []


@pytest.mark.parametrize(
    ("retry", "limit", "told"),
    [("done", None, "--retry"), ("failed,stopped", None, "'stopped'"), ("", 0, "--limit")],
)
def test_wrong_options_are_refused(retry: str, limit: int | None, told: str) -> None:
    with pytest.raises(BadInputError, match=told):
        read_choice(only=[], limit=limit, retry=retry)
