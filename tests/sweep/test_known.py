"""Twins, and trials that a results folder knows under an older spelling of their setting."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from lps_sweep.config import config_from_flat, spelled_id, trial_id
from lps_sweep.plan import SearchSpace, expand
from lps_sweep.results import Ledger
from lps_sweep.results.differences import sweep_differences
from lps_sweep.sweep.content import content_of
from lps_sweep.sweep.preview import preview
from lps_sweep.sweep.run import Outcome
from tests.sweep.cases import ids_of, killed, run, space_of
from tests.sweep.fakes import FakeExecutor

SPACE = """
name: NAME
preset: digits
set: {epochs: 2, pretrain_epochs: 1SET}
grid: {GRID}
seeds: [0, 1]
"""


def sweep(folder: Path, name: str, settings: str = "", grid: str = "C: [5, 10]") -> SearchSpace:
    text = SPACE.replace("NAME", name).replace("GRID", grid)
    return space_of(folder, text.replace("SET", f", {settings}" if settings else ""))


def spell_as_before(monkeypatch: pytest.MonkeyPatch) -> None:
    """Plans as older versions did: the identity was that of the spelling."""
    for module in ("config.identity", "plan.trials", "sweep.planned"):
        monkeypatch.setattr(f"lps_sweep.{module}.resolved", lambda config: config)
    monkeypatch.setattr("lps_sweep.sweep.run.as_known", lambda trials, _ledger: trials)


def run_as_before(space: SearchSpace, results: Path, executor: FakeExecutor) -> Outcome:
    with pytest.MonkeyPatch.context() as monkeypatch:
        spell_as_before(monkeypatch)
        return run(space, results, executor)


@pytest.mark.parametrize(
    ("spelled", "grid", "twins"),
    [
        ("novel_classes", "[0, 5, 0.99, 2, 0.4, 1.0]", {0: [5, 0.99, 1.0], 2: [0.4]}),
        ("seen_classes", "[3, [0, 1, 2], [2, 1, 0]]", {3: [(0, 1, 2)], (2, 1, 0): []}),
        ("assumed_classes", "[10, 0, 7]", {10: [0], 7: []}),
        ("labeled_holdout", "[0.2, 0.2000001, 0.3]", {0.2: [0.2000001], 0.3: []}),
        ("labeled_ratio", "[0.5, 0.50000001]", {0.5: [0.50000001]}),
    ],
)
def test_twins_are_one_trial_and_said_to_be_twins(
    tmp_path: Path, spelled: str, grid: str, twins: dict[object, list[object]]
) -> None:
    space = sweep(tmp_path, "s", grid=f"{spelled}: {grid}")
    trials = expand(space, content_of)
    found = {t.swept[spelled]: [twin[spelled] for twin in t.twins] for t in trials}
    assert found == twins
    assert len(trials) == len({t.trial_id for t in trials}) == 2 * len(twins)
    plan = preview(space, tmp_path / "r")
    assert (plan.num_trials, plan.num_configurations) == (len(trials), len(twins))
    (line,) = plan.notes
    assert f"{spelled}=" in line
    outcome = run(space, tmp_path / "r", FakeExecutor())
    assert (outcome.counts.planned, outcome.counts.done) == (len(trials), len(trials))
    with Ledger.open(tmp_path / "r") as ledger:
        levels = ledger.record("s").axes[spelled]
    assert [tuple(v) if isinstance(v, list) else v for v in levels] == list(twins)


def test_arms_of_the_same_setting_are_twins_and_only_takes_either(tmp_path: Path) -> None:
    text = SPACE.replace("NAME", "s").replace("SET", "").replace("grid: {GRID}", "ARMS")
    arms = "arms: {full: {}, five: {novel_classes: 5}, two: {novel_classes: 2.0}}"
    space = space_of(tmp_path, text.replace("ARMS", arms))
    trials = expand(space, content_of)
    assert [(t.swept["arm"], [w["arm"] for w in t.twins]) for t in trials[::2]] == [
        ("full", ["five"]),
        ("two", []),
    ]
    assert run(space, tmp_path / "r", FakeExecutor(), "arm=five").ran == 2


def test_a_finished_trial_of_another_spelling_is_not_trained_again(tmp_path: Path) -> None:
    results = tmp_path / "r"
    run_as_before(sweep(tmp_path, "old", "novel_classes: 5"), results, FakeExecutor())
    old = ids_of(results, "old")
    with Ledger.open(results) as ledger:
        for record in ledger.trial_records():
            config = config_from_flat(record.config)
            content = content_of(config)
            known = {"data": content.data, "split": content.split}
            trunk = expand(sweep(tmp_path, "x"), content_of)[0].trunk
            assert record.trial_id == spelled_id(config, record.seed, **known, trunk=trunk)
            assert record.trial_id != trial_id(config, record.seed, **known, trunk=trunk)
    spellings = ["", "novel_classes: 5", "novel_classes: 0.95", "seen_classes: [0, 1, 2, 3, 4]"]
    for number, spelling in enumerate(spellings):
        space = sweep(tmp_path, f"new{number}", spelling)
        assert preview(space, results).outcomes == {"done": 4}
        assert run(space, results, FakeExecutor()).ran == 0
        assert ids_of(results, space.name) == old
    assert sweep_differences((results, "old"), (results, "new0")).settings == {}
    again = sweep(tmp_path, "old", "novel_classes: 5")
    outcome = run(again, results, FakeExecutor())
    assert (outcome.ran, outcome.change.orphaned, outcome.counts.done) == (0, 0, 4)
    assert run(sweep(tmp_path, "two", "novel_classes: 2"), results, FakeExecutor()).ran == 4


def test_of_several_spellings_what_is_done_counts_before_what_is_not(tmp_path: Path) -> None:
    results = tmp_path / "r"
    dies = FakeExecutor(status_of=lambda _: "diverged")
    run_as_before(sweep(tmp_path, "default"), results, dies)
    run_as_before(sweep(tmp_path, "five", "novel_classes: 5"), results, FakeExecutor())
    outcome = run(sweep(tmp_path, "default"), results, FakeExecutor())
    assert (outcome.ran, outcome.counts.done) == (0, 4)
    assert ids_of(results, "default") == ids_of(results, "five")


def test_an_unfinished_trial_of_another_spelling_goes_on(tmp_path: Path) -> None:
    results, spelled = tmp_path / "r", sweep(tmp_path, "old", "novel_classes: 2.0")
    with killed(lambda _job, epoch: epoch == 2) as dies:
        run_as_before(spelled, results, FakeExecutor(dies=dies))
    old = ids_of(results, "old")
    for _ in range(2):  # a record that is not finished keeps its spelling when it is planned again
        assert run(spelled, results, FakeExecutor(), limit=1).ran == 1
        assert ids_of(results, "old") == old
    executor = FakeExecutor()
    assert run(sweep(tmp_path, "new", "novel_classes: 2"), results, executor).counts.done == 4
    assert ids_of(results, "new") == old
    assert run(spelled, results, FakeExecutor(), f"trial={old[0]}").ran == 0


def test_another_content_is_another_trial(tmp_path: Path) -> None:
    results = tmp_path / "r"
    run_as_before(sweep(tmp_path, "old", "novel_classes: 5"), results, FakeExecutor())
    before = ids_of(results, "old")
    with closing(sqlite3.connect(results / "ledger.sqlite")) as raw, raw:
        raw.execute("UPDATE trials SET config = replace(config, '\"C\":5.0', '\"C\":7.0')")
    outcome = run(sweep(tmp_path, "new"), results, FakeExecutor())
    assert outcome.ran == 2, "C = 5 is not what the ledger says that it ran"
    assert len(set(ids_of(results, "new")) & set(before)) == 2


def test_trials_of_methods_and_values_that_are_gone_are_passed_over(tmp_path: Path) -> None:
    results = tmp_path / "r"
    run(sweep(tmp_path, "old", "novel_classes: 2"), results, FakeExecutor())
    with closing(sqlite3.connect(results / "ledger.sqlite")) as raw, raw:
        raw.execute("UPDATE trials SET config = replace(config, '\"lps\"', '\"gone\"')")
        raw.execute("UPDATE trials SET config = replace(config, '\"split_seed\":0', '\"x\":[1]')")
    assert run(sweep(tmp_path, "new"), results, FakeExecutor()).ran == 4
