from __future__ import annotations

from pathlib import Path

import pytest

from lps_sweep.errors import BadInputError
from lps_sweep.plan import PlannedTrial, expand
from lps_sweep.sweep.content import content_of
from lps_sweep.sweep.selection import Selection, read_selection
from tests.sweep.test_driver import FOUR_TRIALS, space_of

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


def only(*texts: str) -> Selection:
    return read_selection(only=texts, limit=None, retry="")


@pytest.fixture
def trials(tmp_path: Path) -> tuple[PlannedTrial, ...]:
    return trials_of(tmp_path, FOUR_TRIALS.replace("seeds: [0]", "seeds: [0, 1]"))


def described(trials: tuple[PlannedTrial, ...], *texts: str) -> list[tuple[object, ...]]:
    found = only(*texts).matching(trials)
    assert found == [t.trial_id for t in trials if t.trial_id in found], "the order of the plan"
    return [(*t.swept.values(), t.seed) for t in trials if t.trial_id in found]


def test_nothing_asked_for_is_everything(trials: tuple[PlannedTrial, ...]) -> None:
    assert len(described(trials)) == 8


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
    ("texts", "message"),
    [
        (["c=1"], "--only c=1: 'c' is not swept here; did you mean 'C'"),
        (["epochs=4"], "'epochs' is not swept here; valid names: C, seed, tau, trial"),
        (["C=2"], "--only C=2: no trial of the sweep has this value; its values are 1.0, 10.0"),
        (["C=true"], "no trial of the sweep has this value"),
        (["seed=true"], "no trial of the sweep has this value; its values are 0, 1"),
        (["seed="], "no trial of the sweep has this value"),
        (["trial=nothing"], "no trial's id begins with 'nothing'"),
        (["trial="], "no trial's id begins with ''"),
        (["C"], "a setting is written key=value, not 'C'"),
        (["=1"], "a setting is written key=value"),
    ],
)
def test_what_is_not_there_is_refused(
    trials: tuple[PlannedTrial, ...], texts: list[str], message: str
) -> None:
    with pytest.raises(BadInputError) as caught:
        only(*texts).matching(trials)
    assert message in str(caught.value)


def test_what_no_trial_has_together_is_refused(trials: tuple[PlannedTrial, ...]) -> None:
    first = trials[0]
    with pytest.raises(BadInputError, match=f"no trial .* all of trial={first.trial_id} C=10"):
        only(f"trial={first.trial_id}", "C=10").matching(trials)


def test_an_ambiguous_beginning_is_refused(trials: tuple[PlannedTrial, ...]) -> None:
    heads = [trial.trial_id[0] for trial in trials]
    twice = [head for head in heads if heads.count(head) > 1]
    if not twice:  # ids are hashes: make two alike
        twice = [trials[0].trial_id[0]]
        object.__setattr__(trials[1], "trial_id", twice[0] + trials[1].trial_id)
    with pytest.raises(BadInputError, match="trials have ids that begin with"):
        only(f"trial={twice[0]}").matching(trials)


def test_done_and_stopped_are_never_chosen_and_the_limit_counts_what_is(
    trials: tuple[PlannedTrial, ...],
) -> None:
    ids = [trial.trial_id for trial in trials]
    outcomes = dict(zip(ids, ("done", "failed", "diverged", "stopped"), strict=False))
    assert Selection().choose(ids, outcomes) == ids[4:]
    assert Selection(retry=("failed",)).choose(ids, outcomes) == [ids[1], *ids[4:]]
    both = read_selection(only=[], limit=3, retry="failed, diverged")
    assert both.choose(ids, outcomes) == [ids[1], ids[2], ids[4]]
    assert both.choose(ids[:1], outcomes) == []


@pytest.mark.parametrize(
    ("retry", "limit", "message"),
    [
        ("done", None, "--retry: 'done' is no outcome to try again; valid names: diverged, failed"),
        ("failed,stopped", None, "'stopped' is no outcome to try again"),
        ("fialed", None, "did you mean 'failed'"),
        ("failed,", None, "'' is no outcome"),
        ("", 0, "--limit: a number of trials from 1, not 0"),
    ],
)
def test_wrong_options_are_refused(retry: str, limit: int | None, message: str) -> None:
    with pytest.raises(BadInputError) as caught:
        read_selection(only=[], limit=limit, retry=retry)
    assert message in str(caught.value)
