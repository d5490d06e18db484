"""Early stopping in the driver: what is decided, recorded, and told to packs."""

from __future__ import annotations

from pathlib import Path

import pytest

from lps_sweep.errors import ExitCode
from lps_sweep.plan import expand
from lps_sweep.results import Ledger, Stop
from lps_sweep.results.trial_view import trial_view
from lps_sweep.sweep.check import examine
from lps_sweep.sweep.content import content_of
from lps_sweep.sweep.executor import Blame
from lps_sweep.sweep.jobs import PackJob
from lps_sweep.sweep.orders import ORDERS_NAME
from tests.sweep.cases import run, space_of
from tests.sweep.fakes import FakeExecutor, metrics_of
from tests.sweep.stopping_cases import (
    EIGHT,
    HALVED,
    by_c,
    eight,
    ends,
    ids_by_c,
    rows_of,
    without_rule,
)


@pytest.mark.parametrize(("size", "workers"), [(8, 1), (3, 1), (2, 2), (1, 2)])
def test_halving_ends_the_same_trials_however_the_packs_are_cut(
    tmp_path: Path, size: int, workers: int
) -> None:
    values = ids_by_c(eight(tmp_path))
    executor = FakeExecutor(metrics=by_c(values), num_workers=workers)
    outcome = run(eight(tmp_path, size=size), tmp_path / "r", executor)
    assert ends(tmp_path / "r") == HALVED
    assert outcome.exit_code == ExitCode.DONE
    assert (outcome.counts.stopped, outcome.counts.done) == (7, 1)
    with Ledger.open(tmp_path / "r") as ledger:
        assert ledger.repeats("eight").pairs == 0, "who waits goes on from the rung"
        trained = sum(len(trial_view(ledger, t, False).epochs) for t in values)
    assert trained == 4 * 2 + 2 * 4 + 8 + 9
    assert not (tmp_path / "r" / ORDERS_NAME).exists()
    assert list(examine(tmp_path / "r")) == []
    if size == 8 and workers == 1:
        assert executor.packs == [tuple(values)], "one pack, which nobody waits for"


def test_what_was_decided_is_recorded_and_no_metric_is_final(tmp_path: Path) -> None:
    values = ids_by_c(eight(tmp_path))
    run(eight(tmp_path), tmp_path / "r", FakeExecutor(metrics=by_c(values), num_workers=1))
    row = rows_of(tmp_path / "r")[2]
    assert (row.status, row.metrics, row.artefact) == ("stopped", {}, None)
    assert row.stop == Stop(
        sweep="eight",
        rule="halving by acc_holdout, first_epoch=2, reduction=2",
        rung=1,
        epoch=2,
        rank=6,
        compared=8,
        value=3.0,
        bar=5.0,
    )
    with Ledger.open(tmp_path / "r") as ledger:
        assert ledger.checkpoints(row.trial_id)[0].epoch == 2, "it is saved where it ended"


def test_a_pack_that_dies_and_is_halved_changes_no_decision(tmp_path: Path) -> None:
    values = ids_by_c(eight(tmp_path))
    deaths: list[str] = []

    def dies(job: PackJob, epoch: int) -> Blame | None:
        if epoch == 2 + len(deaths) and len(deaths) < 5 and len(job.members) > 1:
            deaths.append(job.job_id)
            return Blame.CERTAIN
        return None

    executor = FakeExecutor(dies=dies, metrics=by_c(values), num_workers=1)
    run(eight(tmp_path), tmp_path / "r", executor)
    assert len(deaths) >= 3
    assert ends(tmp_path / "r") == HALVED


@pytest.mark.parametrize("size", [8, 2])
def test_members_that_fail_have_the_last_places(tmp_path: Path, size: int) -> None:
    values = ids_by_c(eight(tmp_path))
    lost = [trial for trial, c in values.items() if c in (6, 7, 8)]

    def dies(job: PackJob, epoch: int) -> Blame | None:
        bad = any(m.trial_id in lost for m in job.members)
        return Blame.CERTAIN if bad and epoch == 1 else None

    executor = FakeExecutor(dies=dies, metrics=by_c(values), num_workers=1)
    outcome = run(eight(tmp_path, size=size), tmp_path / "r", executor)
    assert ends(tmp_path / "r") == {
        **{1.0: "stopped 2", 2.0: "stopped 4", 3.0: "stopped 4", 4.0: "stopped 8", 5.0: "done"},
        **dict.fromkeys((6.0, 7.0, 8.0), "failed"),
    }
    assert outcome.exit_code == ExitCode.TRIALS_FAILED


def test_trials_done_for_another_sweep_count_with_their_curves(tmp_path: Path) -> None:
    values = ids_by_c(eight(tmp_path))
    few = space_of(
        tmp_path,
        EIGHT.partition("stopping:")[0]
        .replace("[1, 2, 3, 4, 5, 6, 7, 8]", "[6, 7]")
        .replace("name: eight", "name: few")
        .replace("SEEDS", "0")
        .replace("SIZE", "8"),
    )
    run(few, tmp_path / "r", FakeExecutor(metrics=by_c(values)))
    run(eight(tmp_path, size=3), tmp_path / "r", FakeExecutor(metrics=by_c(values)))
    assert ends(tmp_path / "r") == {**HALVED, 6.0: "done", 7.0: "done"}


def test_asha_compares_with_what_has_come_so_far_over_all_packs(tmp_path: Path) -> None:
    space = eight(tmp_path, "asha", "reduction: 2", size=2)
    values = ids_by_c(space)
    run(space, tmp_path / "r", FakeExecutor(metrics=by_c(values)))
    found = ends(tmp_path / "r")
    assert found[1.0] == "stopped 2", "1 and 2 came together"
    assert {found[c] for c in (4.0, 6.0, 8.0)} == {"done"}, "the better of each pair so far"
    down = {trial: -c for trial, c in values.items()}
    run(space, tmp_path / "down", FakeExecutor(metrics=by_c(down)))
    found = ends(tmp_path / "down")
    assert found[1.0] == "done"
    assert [found[c] for c in (5.0, 6.0, 7.0, 8.0)] == ["stopped 2"] * 4


def test_seeds_are_compared_apart_or_together(tmp_path: Path) -> None:
    def done(compare: str) -> dict[int, int]:
        space = eight(tmp_path, "asha", f"reduction: 4, compare: {compare}", seeds="0, 1")
        results = tmp_path / compare
        run(space, results, executor)
        rows = [row for row in rows_of(results) if row.status == "done"]
        return {seed: sum(row.seed == seed for row in rows) for seed in (0, 1)}

    space = eight(tmp_path, "asha", "reduction: 4", seeds="0, 1")
    values = {
        trial.trial_id: float(str(trial.swept["C"])) + 100 * trial.seed
        for trial in expand(space, content_of)
    }
    executor = FakeExecutor(metrics=by_c(values), num_workers=1)
    assert done("seed") == {0: 2, 1: 2}
    assert done("all") == {0: 2, 1: 1}, "seed 0 came first"


def test_median_waits_for_enough_trials_and_then_ends_the_worse_half(tmp_path: Path) -> None:
    space = eight(tmp_path, "median", "min_trials: 7")
    values = ids_by_c(space)
    run(space, tmp_path / "r", FakeExecutor(metrics=by_c(values), num_workers=1))
    assert ends(tmp_path / "r") == {
        **dict.fromkeys((1.0, 2.0, 3.0, 4.0), "stopped 2"),
        **dict.fromkeys((5.0, 6.0, 7.0, 8.0), "done"),
    }
    more = eight(tmp_path, "median", "min_trials: 8")
    run(more, tmp_path / "more", FakeExecutor(metrics=by_c(values)))
    assert set(ends(tmp_path / "more").values()) == {"done"}


def test_late_rows_of_a_stopped_trial_are_refused(tmp_path: Path) -> None:
    values = ids_by_c(eight(tmp_path))
    deaf = FakeExecutor(metrics=by_c(values), num_workers=1)

    class Deaf(FakeExecutor):
        """Its packs never look whether a member was ended."""

        def run(self, jobs, accept, ended):  # type: ignore[no-untyped-def]
            def forget(rows):  # type: ignore[no-untyped-def]
                accept(rows)
                for job in jobs:
                    job.place.store.remove(ORDERS_NAME)

            super().run(jobs, forget, ended)

    executor = Deaf(metrics=deaf.metrics, num_workers=1)
    outcome = run(eight(tmp_path), tmp_path / "r", executor)
    assert ends(tmp_path / "r") == HALVED
    assert outcome.exit_code == ExitCode.DONE
    with Ledger.open(tmp_path / "r") as ledger:
        lengths = {c: len(trial_view(ledger, t, False).epochs) for t, c in values.items()}
    assert [lengths[c] for c in (1, 5, 7, 8)] == [2, 4, 8, 9]


BAD = {
    "nan": float("nan"),
    "inf": float("inf"),
    "-inf": float("-inf"),
    "huge": 10**400,
    "text": "0.5",
    "none": None,
    "missing": ...,
}


@pytest.mark.parametrize(
    ("rule", "bad"),
    [
        *(("halving", bad) for bad in BAD),
        *((r, b) for r in ("asha", "median") for b in ("nan", "missing")),
    ],
)
def test_what_is_no_number_diverges_at_once_and_is_compared_with_nothing(
    tmp_path: Path, rule: str, bad: str
) -> None:
    rest = "min_trials: 3" if rule == "median" else "reduction: 2"
    space = eight(tmp_path, rule, rest)
    values = ids_by_c(space)
    (victim,) = [trial for trial, c in values.items() if c == 8]

    def metrics(trial: str, epoch: int) -> dict[str, float]:
        found = by_c(values)(trial, epoch)
        if trial == victim and epoch == 3:
            found["acc_holdout"] = BAD[bad]  # type: ignore[assignment]
            if bad == "missing":
                del found["acc_holdout"]
        return found

    outcome = run(space, tmp_path / "r", FakeExecutor(metrics=metrics, num_workers=1))
    row = next(row for row in rows_of(tmp_path / "r") if row.trial_id == victim)
    assert row.status == "diverged"
    assert "acc_holdout is" in row.error
    assert "after epoch 3" in row.error
    assert row.metrics == {}
    assert outcome.exit_code == ExitCode.TRIALS_FAILED
    with Ledger.open(tmp_path / "r") as ledger:
        assert len(trial_view(ledger, victim, False).epochs) == 3, "later rows are refused"
        ledger.verify()
    assert ends(tmp_path / "r")[7.0] == "done"


@pytest.mark.parametrize("bad", ["nan", "huge", "text"])
def test_without_a_rule_too(tmp_path: Path, bad: str) -> None:
    space = without_rule(tmp_path)

    def metrics(trial: str, epoch: int) -> dict[str, float]:
        found = metrics_of(trial, epoch)
        return {**found, "loss_total": BAD[bad] if epoch == 4 else 1.0}  # type: ignore[dict-item]

    outcome = run(space, tmp_path / "r", FakeExecutor(metrics=metrics))
    assert outcome.counts.diverged == 8
    assert "loss_total is" in rows_of(tmp_path / "r", "all")[0].error
