from __future__ import annotations

from pathlib import Path

import pytest

from lps_sweep.errors import BadInputError, ExitCode
from lps_sweep.plan import SearchSpace
from lps_sweep.results import Ledger
from lps_sweep.sweep.budget import Budget, Meter, read_limits
from lps_sweep.sweep.executor import Blame
from lps_sweep.sweep.jobs import PackJob, TrunkJob, perform
from lps_sweep.sweep.orders import ORDERS_NAME, Orders, remove_orders
from lps_sweep.sweep.rows import MemberRow, PackBegun, PackLeft, TrunkRow
from lps_sweep.sweep.store import Folder
from lps_sweep.train.events import EpochDone, Finished
from tests.sweep.cases import FOUR_TRIALS, ids_of, losing, planned_ids, run, space_of, trained
from tests.sweep.fakes import FakeExecutor, pack_job
from tests.train.train_cases import config_of

ALONE = FOUR_TRIALS.replace("seeds: [0]", "seeds: [0]\nresources: {max_pack_size: 1}")


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def epoch(trial_id: str, number: int) -> MemberRow:
    return MemberRow(1, EpochDone(trial_id, number, {}, 1.0))


def ended(trial_id: str, status: str = "done") -> MemberRow:
    return MemberRow(1, Finished(trial_id, status, 1))


def begun(*trial_ids: str) -> PackBegun:
    return PackBegun(dict.fromkeys(trial_ids, 1), {})


def test_budgets_of_the_command_line() -> None:
    assert read_limits([], Budget) == Budget()
    assert read_limits(["hours=2", "gpu_hours=0.5,trials=50", "failure_rate=0"], Budget) == Budget(
        2.0, 0.5, 50, 0.0
    )


@pytest.mark.parametrize(
    ("text", "told"),
    [
        *(("hour=2", "'hours'"), ("hours", "key=value"), ("hours=1,hours=2", "twice")),
        *(("hours=", "without"), ("hours=0", "> 0"), ("trials=2.5", "2.5")),
        ("failure_rate=1", "< 1"),
    ],
)
def test_wrong_budgets_are_refused(text: str, told: str) -> None:
    with pytest.raises(BadInputError, match=told):
        read_limits([text], Budget)


def test_hours_pass(clock: Clock) -> None:
    meter = Meter(Budget(hours=2), 0, clock)
    clock.now += 7199
    assert meter.spent() == ""
    clock.now += 1
    assert meter.spent() == "hours=2 have passed"


def test_gpu_hours_are_those_of_packs_and_trunks_side_by_side(clock: Clock) -> None:
    meter = Meter(Budget(gpu_hours=2), 0.5, clock)
    clock.now += 10_000  # nothing runs, nothing is used
    meter.note([TrunkRow("trunk", 1, 2, 0.1)])
    clock.now += 3600
    meter.note([TrunkRow("trunk", 2, 2, 0.1), begun("a", "b"), begun("c")])
    clock.now += 3600
    meter.note([epoch("a", 1), epoch("b", 1)])  # 0.5 and, of one pack of two, 0.5
    meter.note([epoch("c", 1)])  # and 0.5 of the pack beside it
    assert meter.spent() == ""
    clock.now += 3599
    meter.note([ended("a")])
    assert meter.spent() == ""
    clock.now += 1
    meter.note([ended("b")])
    assert meter.spent() == "gpu_hours=2 are used"


def test_gpu_hours_of_processors_are_none(clock: Clock) -> None:
    meter = Meter(Budget(gpu_hours=0.001), 0, clock)
    meter.note([begun("a")])
    clock.now += 10_000
    meter.note([ended("a")])
    assert meter.spent() == ""


def test_trials_count_when_they_end(clock: Clock) -> None:
    meter = Meter(Budget(trials=2), 0, clock)
    meter.note([begun("a", "b", "c"), epoch("a", 1), ended("a")])
    meter.ended(Finished("a", "done", 1))
    assert meter.spent() == ""
    meter.ended(Finished("b", "failed", 1))
    assert meter.spent() == "trials=2 is reached: 2 came to an end"


@pytest.mark.parametrize(
    ("rate", "num_begun", "lost", "spent"),
    [
        (0.2, 10, 2, False),
        (0.2, 10, 3, True),
        (0.2, 1, 1, False),  # one alone says nothing of a rate
        (0.2, 2, 2, True),
        (0.0, 10, 0, False),
        (0.0, 10, 1, True),
    ],
)
def test_the_failure_rate_is_of_the_trials_begun(
    clock: Clock, rate: float, num_begun: int, lost: int, spent: bool
) -> None:
    meter = Meter(Budget(failure_rate=rate), 0, clock)
    names = [str(number) for number in range(num_begun)]
    meter.note([begun(*names), *(ended(n, "diverged") for n in names[:lost])])
    meter.note([ended(n, "done") for n in names[lost:]])
    assert bool(meter.spent()) == spent
    if spent:
        assert f"{lost} of {num_begun} trials begun were lost" in meter.spent()


def test_a_pack_asks_before_it_begins(tmp_path: Path) -> None:
    job = pack_job(tmp_path, "a", "b")
    Orders(Folder(tmp_path)).begin_nothing()
    assert list(perform(job)) == [[PackLeft({"a": 1, "b": 1})]]
    assert list(perform(TrunkJob(job.place, "trunk", config_of()))) == []
    remove_orders(Folder(tmp_path))
    remove_orders(Folder(tmp_path))
    assert list(tmp_path.iterdir()) == []


@pytest.fixture
def alone(tmp_path: Path) -> SearchSpace:
    return space_of(tmp_path, ALONE)


def test_a_spent_budget_starts_nothing_more_and_the_next_run_goes_on(
    alone: SearchSpace, tmp_path: Path
) -> None:
    results, first, lines = tmp_path / "r", FakeExecutor(), list[str]()
    outcome = run(alone, results, first, budget=Budget(trials=2), lines=lines)
    assert (outcome.counts.done, outcome.counts.not_run) == (2, 2)
    assert (outcome.exit_code, outcome.ran) == (ExitCode.INCOMPLETE, 4)
    assert outcome.spent == "trials=2 is reached: 2 came to an end"
    assert sum(line.startswith("budget: trials=2 is reached") for line in lines) == 1
    assert not (results / ORDERS_NAME).exists()
    left = [t for t in ids_of(results) if t not in trained(first)]
    with Ledger.open(results) as ledger:
        for trial_id in left:
            (attempt,) = ledger.attempts(trial_id)
            assert attempt.ended == "not started: a budget was spent"
        assert sum(row.attempts for row in ledger.trial_rows("four", False)) == 2, "begun ones"
    second = FakeExecutor()
    assert run(alone, results, second).exit_code == ExitCode.DONE
    assert trained(second) == sorted(left), "nothing runs twice"


def test_a_budget_that_suffices_leaves_no_trace(alone: SearchSpace, tmp_path: Path) -> None:
    lines: list[str] = []
    outcome = run(alone, tmp_path / "r", FakeExecutor(), budget=Budget(trials=5), lines=lines)
    assert (outcome.exit_code, outcome.spent) == (ExitCode.DONE, "")
    outcome = run(alone, tmp_path / "s", FakeExecutor(), budget=Budget(trials=4))
    assert (outcome.exit_code, outcome.spent) == (ExitCode.DONE, ""), "spent, but all are done"
    assert not any("budget" in line for line in lines)


def test_too_many_failures_end_a_run(alone: SearchSpace, tmp_path: Path) -> None:
    executor = FakeExecutor(status_of=lambda _trial_id: "diverged")
    outcome = run(alone, tmp_path / "r", executor, budget=Budget(failure_rate=0.5))
    assert (outcome.counts.diverged, outcome.counts.not_run) == (2, 2)
    assert outcome.exit_code == ExitCode.INCOMPLETE
    assert outcome.spent == "failure_rate=0.5 is exceeded: 2 of 2 trials begun were lost"


def test_trials_that_die_alone_count_as_lost(tmp_path: Path) -> None:
    def dies(_job: PackJob, _epoch: int) -> Blame:
        return Blame.POSSIBLE if len(executor.packs) <= 4 else Blame.CERTAIN

    space = space_of(
        tmp_path, ALONE.replace("max_pack_size: 1", "max_attempts: 1, max_pack_size: 1")
    )
    executor = FakeExecutor(dies=dies)  # all at once, and then each with nothing beside it
    outcome = run(space, tmp_path / "r", executor, budget=Budget(failure_rate=0))
    assert (outcome.counts.failed, outcome.counts.not_run) == (1, 3)
    assert outcome.spent == "failure_rate=0 is exceeded: 1 of 4 trials begun were lost"


def test_a_dead_pack_is_not_tried_again_when_the_budget_is_spent(
    alone: SearchSpace, tmp_path: Path
) -> None:
    def dies(_job: PackJob, epoch: int) -> Blame | None:
        return Blame.CERTAIN if len(executor.packs) == 1 and epoch == 2 else None

    executor = FakeExecutor(dies=dies)
    outcome = run(alone, tmp_path / "r", executor, budget=Budget(trials=1))
    assert (len(executor.packs), outcome.counts.done, outcome.counts.not_run) == (2, 1, 3)


def test_a_budget_spent_in_pretraining_starts_no_pack(alone: SearchSpace, tmp_path: Path) -> None:
    executor = FakeExecutor()
    outcome = run(alone, tmp_path / "r", executor, budget=Budget(hours=1e-12))
    assert (executor.packs, outcome.counts.not_run) == ([], 4)
    assert outcome.exit_code == ExitCode.INCOMPLETE


def test_what_a_killed_run_left_behind_stops_nothing(alone: SearchSpace, tmp_path: Path) -> None:
    (tmp_path / "r").mkdir()
    Orders(Folder(tmp_path / "r")).begin_nothing()
    assert run(alone, tmp_path / "r", FakeExecutor()).exit_code == ExitCode.DONE


def test_out_of_memory_alone_is_a_failure_in_every_place(
    alone: SearchSpace, tmp_path: Path
) -> None:
    lines: list[str] = []
    hungry = FakeExecutor(status_of=losing(*planned_ids(alone), status="out_of_memory"))
    outcome = run(alone, tmp_path / "r", hungry, budget=Budget(failure_rate=0), lines=lines)
    assert outcome.counts.failed == 1
    assert any(line.endswith("seed=0") and " failed: " in line for line in lines)
