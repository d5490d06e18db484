"""A search whose trials a rule ends: Optuna is told that they were pruned, and no value."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
from optuna.trial import TrialState

from lps_sweep.errors import ExitCode
from lps_sweep.plan import SearchSpace
from lps_sweep.results import Json, Ledger
from lps_sweep.sweep.budget import Budget
from lps_sweep.sweep.planned import planned_for
from lps_sweep.sweep.search import plans
from lps_sweep.sweep.search.asked import Point, asked_before
from lps_sweep.sweep.search.searcher import Searcher
from tests.sweep.cases import run
from tests.sweep.fakes import FakeExecutor
from tests.sweep.search import search_cases
from tests.sweep.search.test_searcher import DEFAULTS, measure, search_of

RULE = "stopping: {rule: RULE, metric: oracle.acc_all, first_epoch: 1, reduction: 2}"


def search(folder: Path, rule: str = "asha") -> SearchSpace:
    blocks = RULE.replace("RULE", rule)
    return search_cases.search(folder, count=12, together=4, startup=4, epochs=5, blocks=blocks)


def statuses(results: Path) -> list[tuple[tuple[Json, ...], int, str]]:
    with Ledger.open(results) as ledger:
        rows = ledger.trial_rows("search", False)
        return [(tuple(row.swept.values()), row.seed, row.status) for row in rows]


@pytest.mark.parametrize("sampler", ["tpe", "gp", "cmaes", "random", "quasi_random"])
def test_a_stopped_configuration_is_pruned_without_a_value(sampler: str) -> None:
    pytest.importorskip("cmaes") if sampler == "cmaes" else None
    searcher = Searcher(search_of(sampler), DEFAULTS)
    for number in range(4):
        points = searcher.ask(3)
        for place, point in enumerate(points):
            searcher.tell(point, [measure(point), (), None][(number + place) % 3])
    trials = searcher._study.trials
    states = [trial.state for trial in trials]
    assert states.count(TrialState.PRUNED) == states.count(TrialState.COMPLETE) == 4
    assert states.count(TrialState.FAIL) == 4
    for trial in trials:
        assert trial.intermediate_values == {}
        assert (trial.values is not None) == (trial.state == TrialState.COMPLETE)


def test_tpe_takes_a_stopped_configuration_for_a_bad_one_and_a_failure_for_nothing() -> None:
    def asked(answer: tuple[float, ...] | None) -> list[float]:
        searcher = Searcher(search_of("tpe"), DEFAULTS)
        found = []
        for _ in range(40):
            (point,) = searcher.ask(1)
            c = float(str(point["C"]))
            searcher.tell(point, (50.0,) if c < 4 else answer)
            found.append(c)
        return found[10:]

    stopped, failed = asked(()), asked(None)
    assert sum(c < 4 for c in stopped) > sum(c < 4 for c in failed)


def test_a_rebuilt_search_knows_what_was_stopped() -> None:
    searcher = Searcher(search_of("tpe"), DEFAULTS)
    points = searcher.ask(3)
    searcher.tell(points[0], measure(points[0]))
    searcher.tell(points[1], ())
    searcher.tell(points[2], None)
    again = Searcher(search_of("tpe"), DEFAULTS)
    again.replay(points, [measure(points[0]), (), None])
    assert searcher.ask(2) == again.ask(2)
    other = Searcher(search_of("tpe"), DEFAULTS)
    moved = [{**point, "C": float(str(point["C"])) / 2} for point in points]
    other.replay(moved, [measure(moved[0]), (), None])
    states = [trial.state for trial in other._study.trials]
    assert states.count(TrialState.PRUNED) == 1
    assert states.count(TrialState.COMPLETE) == 1


@pytest.mark.parametrize("rule", ["asha", "halving"])
def test_no_objective_is_made_of_what_was_measured_before_an_end(
    tmp_path: Path, rule: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[tuple[float, ...] | None] = []
    tell = Searcher.tell

    def listen(self: Searcher, point: Point, values: tuple[float, ...] | None) -> None:
        told.append(values)
        tell(self, point, values)

    monkeypatch.setattr(Searcher, "tell", listen)
    outcome = run(search(tmp_path, rule), tmp_path / "r", FakeExecutor(num_workers=1))
    assert outcome.exit_code == ExitCode.DONE
    assert outcome.counts.planned == 24
    assert outcome.counts.stopped >= 8
    found = statuses(tmp_path / "r")
    whole = {p for p, _, _ in found} - {p for p, _, status in found if status == "stopped"}
    assert len(told) == 12
    assert sum(values == () for values in told) == 12 - len(whole)
    assert all(values == () or (values and math.isfinite(values[0])) for values in told)


@pytest.mark.parametrize("rule", ["asha", "halving"])
def test_an_interrupted_search_goes_on_as_it_would_have(tmp_path: Path, rule: str) -> None:
    space = search(tmp_path, rule)
    run(space, tmp_path / "whole", FakeExecutor(num_workers=1))
    for _ in range(12):
        run(space, tmp_path / "cut", FakeExecutor(num_workers=1), budget=Budget(trials=5))
    assert statuses(tmp_path / "cut") == statuses(tmp_path / "whole")


def test_a_seed_that_failed_makes_it_a_failure(tmp_path: Path) -> None:
    space = search(tmp_path)
    run(space, tmp_path / "r", FakeExecutor(num_workers=1))
    with Ledger.open(tmp_path / "r", write=True) as ledger:
        earlier = asked_before(space, ledger).asked
        planned = space, ledger, planned_for(space, earlier, ledger), earlier
        rows = ledger.trial_rows("search", False)
        stopped = next(i for i, row in enumerate(rows) if row.status == "stopped")
        place = stopped // 2
        assert plans._measured(*planned)[place] == ()
        other = rows[2 * place + (stopped % 2 == 0)]
        ledger.execute(
            "UPDATE outcomes SET status = 'failed' WHERE trial_id = ?", (other.trial_id,)
        )
        assert plans._measured(*planned)[place] is None
