"""A driver killed around the decisions of a rule goes on to the same ones, and revives nobody."""

from __future__ import annotations

import itertools
import random
import sqlite3
import statistics
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults import truth
from tests.faults.checker import Finding, check
from tests.faults.harness import DIED, Case, passages, warm_up
from tests.faults.recorded import outcomes_of

pytestmark = pytest.mark.fault

SPACE = """\
name: faults
preset: digits
set: {epochs: 5, pretrain_epochs: 1}
grid:
  C: [1, 5, 10]
  tau: [0.2, 0.4]
seeds: [0]
resources: {max_pack_size: SIZE, checkpoint_interval_s: 1}
stopping: {rule: RULE, metric: oracle.acc_all, first_epoch: 1, REST}
"""
RULES = {
    "halving in one pack": ("halving", "reduction: 2", 6),
    "halving over packs": ("halving", "reduction: 2", 2),
    "asha": ("asha", "reduction: 2", 3),
    "median": ("median", "min_trials: 2", 3),
}
STOPS = ("stop.insert", "stop.tell", "stop.told")
AROUND = (*STOPS, "ledger.commit", "ledger.committed", "sidecar.write", "checkpoint.saved")


def case_of(folder: Path, rule: str) -> Case:
    """A sweep of six trials with a rule."""
    name, rest, size = RULES[rule]
    case = Case.at(folder, epochs=5)
    text = SPACE.replace("RULE", name).replace("REST", rest).replace("SIZE", str(size))
    case.space.write_text(text)
    case.truth.unlink()
    truth.write(case.truth, "plan", trials=6, epochs=5, redo=1)
    return case


def findings(case: Case, straight: Case | None) -> list[Finding]:
    """What the checker says; that a trainer reports no stop of its own is right."""
    found = check(case.truth, case.results, straight.results if straight else None)
    return [one for one in found if "is stopped with" not in one.fact]


@pytest.fixture(
    scope="module",
    params=[
        *("halving in one pack", "asha"),
        *(pytest.param(r, marks=pytest.mark.slow) for r in ("halving over packs", "median")),
    ],
)
def straight(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> tuple[str, Case, list[str]]:
    """A rule, a run of it that nothing disturbed, and the failpoints that it came to."""
    base = tmp_path_factory.mktemp("straight")
    warm_up(base / "warm")
    case = case_of(base / "case", request.param)
    return request.param, case, passages(case)


def kill_and_resume(
    folder: Path, straight: tuple[str, Case, list[str]], *places: str
) -> Iterator[int]:
    """Kills one driver after the other at these places, lets one finish, and checks."""
    rule, reference, _ = straight
    case = case_of(folder, rule)
    for place in places:
        before = stopped(case)
        yield case.run(place, expected=(0, DIED))
        assert before <= stopped(case), "a trial was revived"
    assert case.run() == 0, case.truth.with_suffix(".out").read_text()
    same = reference if rule.startswith("halving") else None
    assert findings(case, same) == []
    if same is None:
        assert stopped_by_rows(case, rule) == {trial for trial, _ in stopped(case)}
    assert set(outcomes_of(case.results).values()) == {"done", "stopped"}


def stopped(case: Case) -> set[tuple[str, str]]:
    """The trials that a rule ended, and why."""
    if not (case.results / "ledger.sqlite").exists():
        return set()
    with sqlite3.connect(case.results / "ledger.sqlite") as connection:
        try:
            rows = connection.execute(
                "SELECT trial_id, error FROM outcomes WHERE status = 'stopped'"
            )
            return set(rows.fetchall())
        except sqlite3.OperationalError:
            return set()


def stopped_by_rows(case: Case, rule: str) -> set[str]:
    """Whom the rule ends, by the epochs in the order in which the ledger has them, once again."""
    with sqlite3.connect(case.results / "ledger.sqlite") as connection:
        rows = connection.execute(
            "SELECT e.trial_id, e.epoch, a.pack_id || ' ' || e.attempt,"
            " json_extract(e.metrics, '$.acc_all')"
            " FROM epochs e JOIN attempts a USING (trial_id, attempt) ORDER BY e.rowid"
        ).fetchall()
    known: dict[str, dict[int, float]] = {}
    found = set()
    for (_, epoch), batch in itertools.groupby(rows, key=lambda row: (row[2], row[1])):
        new = []
        for trial, _, _, value in batch:
            if epoch not in known.setdefault(trial, {}):
                new.append(trial)
            known[trial][epoch] = value
        if epoch in ((1, 2, 4) if rule == "asha" else (1, 2, 3, 4)):
            worse = worse_half if rule == "asha" else below_median
            found |= {trial for trial in new if worse(known, trial, epoch)}
    return found


def worse_half(known: dict[str, dict[int, float]], trial: str, epoch: int) -> bool:
    values = [curve[epoch] for curve in known.values() if epoch in curve]
    better = sum(value > known[trial][epoch] for value in values)
    return len(values) >= 2 and better >= len(values) // 2


def below_median(known: dict[str, dict[int, float]], trial: str, epoch: int) -> bool:
    means = [
        sum(value for e, value in curve.items() if e <= epoch) / epoch
        for other, curve in known.items()
        if other != trial and epoch in curve
    ]
    best = max(value for e, value in known[trial].items() if e <= epoch)
    return len(means) >= 2 and best < statistics.median(means)


def test_an_undisturbed_run_stops_some_and_finishes_some(
    straight: tuple[str, Case, list[str]],
) -> None:
    rule, case, names = straight
    ends = list(outcomes_of(case.results).values())
    assert findings(case, None) == []
    assert (ends.count("stopped") >= 2, ends.count("done") >= 1, len(ends)) == (True, True, 6)
    assert names.count("stop.insert") == ends.count("stopped")
    if not rule.startswith("halving"):
        assert stopped_by_rows(case, rule) == {trial for trial, _ in stopped(case)}
    assert names.count("stop.tell") >= 1
    if rule.startswith("halving"):
        assert ends.count("done") == 1


@pytest.mark.parametrize("name", AROUND)
def test_killed_around_a_decision(
    name: str, straight: tuple[str, Case, list[str]], folder: Path
) -> None:
    count = straight[2].count(name)
    assert count
    for k in sorted({1, (count + 1) // 2, count}):
        codes = list(kill_and_resume(folder / str(k), straight, f"{name}:{k}"))
        assert codes == [DIED]


@pytest.mark.slow
@pytest.mark.long
@pytest.mark.timeout(900)
def test_killed_at_every_failpoint_in_turn(
    straight: tuple[str, Case, list[str]], folder: Path
) -> None:
    first = straight[2].index("plan.insert")
    for k in range(first + 1, len(straight[2]) + 1):
        assert list(kill_and_resume(folder / str(k), straight, f"*:{k}")) == [DIED]


@pytest.mark.slow
@pytest.mark.long
def test_killed_again_and_again_while_it_resumes(
    straight: tuple[str, Case, list[str]], folder: Path
) -> None:
    draw = random.Random(0)
    for number in range(15):
        places = [f"*:{draw.randint(1, 60)}" for _ in range(5)]
        assert DIED in list(kill_and_resume(folder / str(number), straight, *places))


def test_a_full_disk_at_a_decision_pauses_the_sweep(
    straight: tuple[str, Case, list[str]], folder: Path
) -> None:
    rule, reference, names = straight
    told = [k for k, name in enumerate(names, 1) if name == "stop.tell"]
    for k in told[:2]:
        case = case_of(folder / str(k), rule)
        assert case.run(f"*:{k}:enospc", expected=(5,), says="No space left on device") == 5
        assert case.run() == 0
        same = reference if rule.startswith("halving") else None
        assert findings(case, same) == []
