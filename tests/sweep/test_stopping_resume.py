"""Trials that a rule ended, in later runs and in other sweeps of the same folder."""

from __future__ import annotations

from pathlib import Path

import pytest

from lps_sweep.cli import main
from lps_sweep.errors import BadInputError, ExitCode
from lps_sweep.results import Ledger
from lps_sweep.sweep.check import examine
from lps_sweep.sweep.preview import preview
from tests.sweep.cases import killed, run
from tests.sweep.fakes import FakeExecutor
from tests.sweep.stopping_cases import (
    by_c,
    eight,
    ends,
    ids_by_c,
    rows_of,
    without_rule,
)


@pytest.mark.parametrize("rule", ["halving", "asha"])
def test_a_finished_sweep_revives_nobody(tmp_path: Path, rule: str) -> None:
    space = eight(tmp_path, rule)
    values = ids_by_c(space)
    run(space, tmp_path / "r", FakeExecutor(metrics=by_c(values)))
    before = ends(tmp_path / "r")
    again = FakeExecutor(metrics=by_c(values))
    outcome = run(space, tmp_path / "r", again, retry="failed,diverged")
    assert (outcome.ran, again.packs) == (0, [])
    assert ends(tmp_path / "r") == before


def test_a_sweep_without_the_rule_trains_them_to_their_end(tmp_path: Path) -> None:
    values = ids_by_c(eight(tmp_path))
    run(eight(tmp_path), tmp_path / "r", FakeExecutor(metrics=by_c(values), num_workers=1))
    lines: list[str] = []
    executor = FakeExecutor(metrics=by_c(values))
    outcome = run(without_rule(tmp_path), tmp_path / "r", executor, lines=lines)
    assert "7 trials stopped by another rule: trained further" in lines
    assert (outcome.counts.done, outcome.ran) == (8, 7)
    first = {values[trial]: epoch for trial, epoch in executor.started}
    assert (first[1.0], first[5.0], first[7.0]) == (2, 4, 8), "from where they were ended"
    assert set(ends(tmp_path / "r", "all").values()) == {"done"}
    assert set(ends(tmp_path / "r", "eight").values()) == {"done"}, "what is done is done for all"
    (history,) = [
        record.ended
        for record in ledger_attempts(tmp_path / "r", min(values, key=values.__getitem__))
        if record.attempt == 1
    ]
    assert history.startswith("stopped, tried again: sweep eight, halving by acc_holdout")
    assert list(examine(tmp_path / "r")) == []


@pytest.mark.parametrize("rule", ["halving", "asha"])
def test_what_another_sweep_took_up_and_left_is_stopped_again(tmp_path: Path, rule: str) -> None:
    space = eight(tmp_path, rule)
    values = ids_by_c(space)
    results = tmp_path / "r"
    run(space, results, FakeExecutor(metrics=by_c(values), num_workers=1))
    before = ends(results)
    reasons = {row.trial_id: row.error for row in rows_of(results)}

    with killed(lambda _job, epoch: epoch == 4) as dies:
        run(without_rule(tmp_path), results, FakeExecutor(metrics=by_c(values), dies=dies))
    assert "not_run" in {row.status for row in rows_of(results)}
    again = FakeExecutor(metrics=by_c(values))
    outcome = run(space, results, again)
    assert (again.packs, outcome.exit_code) == ([], ExitCode.DONE)
    assert ends(results) == before
    assert {row.trial_id: row.error for row in rows_of(results)} == reasons
    assert list(examine(results)) == []
    rest = FakeExecutor(metrics=by_c(values))
    assert run(without_rule(tmp_path), results, rest).counts.done == 8


def ledger_attempts(results: Path, trial_id: str):  # type: ignore[no-untyped-def]
    with Ledger.open(results) as ledger:
        return ledger.attempts(trial_id)


def test_a_changed_rule_judges_anew_and_the_same_rule_of_another_sweep_too(tmp_path: Path) -> None:
    space = eight(tmp_path)
    values = ids_by_c(space)
    run(space, tmp_path / "r", FakeExecutor(metrics=by_c(values), num_workers=1))
    gentler = eight(tmp_path, rest="reduction: 4")  # rungs at 2 and 8
    run(gentler, tmp_path / "r", FakeExecutor(metrics=by_c(values), num_workers=1))
    further = {
        **dict.fromkeys((1.0, 2.0, 3.0, 4.0), "stopped 2"),
        **dict.fromkeys((5.0, 6.0, 7.0), "stopped 8"),
        8.0: "done",
    }
    assert ends(tmp_path / "r") == further, "5 and 6 had passed the first rung already"
    other = eight(tmp_path, name="other")
    outcome = run(other, tmp_path / "r", FakeExecutor(metrics=by_c(values), num_workers=1))
    assert outcome.exit_code == ExitCode.DONE
    assert ends(tmp_path / "r", "other") == further
    texts = [row.error for row in rows_of(tmp_path / "r", "other") if row.status == "stopped"]
    assert all(text.startswith("sweep other, ") for text in texts)


def test_halving_of_some_trials_alone_is_refused(tmp_path: Path) -> None:
    space = eight(tmp_path)
    for only, limit in (((), 2), (("C=1",), None)):
        with pytest.raises(BadInputError, match="leave out --only and --limit"):
            run(space, tmp_path / "r", FakeExecutor(), *only, limit=limit)
    assert run(eight(tmp_path, "asha"), tmp_path / "r", FakeExecutor(), limit=2).ran == 2


def test_plan_and_show_say_what_was_stopped(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    space, results = eight(tmp_path), tmp_path / "r"
    values = ids_by_c(space)
    run(space, results, FakeExecutor(metrics=by_c(values), num_workers=1))
    again = preview(space, results)
    assert again.outcomes == {"stopped": 7, "done": 1}
    assert again.stopping == "halving by acc_holdout, first_epoch=2, reduction=2"
    further = preview(without_rule(tmp_path), results)
    assert (further.outcomes, further.epochs_left) == ({"done": 1}, 7 * 9)
    assert further.stopping == ""
    row = rows_of(results)[0]
    capsys.readouterr()
    assert main(["show", str(results), row.trial_id]) == 0
    shown = capsys.readouterr().out
    assert f"trial {row.trial_id}: stopped, seed 0" in shown
    assert f"stopped by a rule\n  {row.error}" in shown
