"""A sweep whose seen classes play novel in turn, beside its own trials."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from lps_sweep.cli import main
from lps_sweep.errors import BadInputError, ExitCode
from lps_sweep.plan import SearchSpace
from lps_sweep.results import Ledger, load_view
from lps_sweep.results.folds import fold_scores
from lps_sweep.results.records import TrialRow
from lps_sweep.sweep.budget import Budget
from lps_sweep.sweep.preview import preview
from tests.sweep.cases import FOUR_TRIALS, killed, losing, run, space_of, trained
from tests.sweep.fakes import FakeExecutor, metrics_of

FOLDED = FOUR_TRIALS.replace("seeds: [0]", "seeds: [0, 1]") + (
    "selection: {pseudo_novel: {folds: 2}}\nresources: {max_pack_size: 4}\n"
)


def rows_of(results: Path, sweep: str = "four") -> list[TrialRow]:
    with Ledger.open(results) as ledger:
        return ledger.trial_rows(sweep, False) if sweep in ledger.sweeps() else []


def scored(trial_id: str, epoch: int) -> dict[str, float]:
    return {**metrics_of(trial_id, epoch), "acc_fold": float(int(trial_id[:4], 16) % 101)}


def folded_space(folder: Path, change: Callable[[str], str] = lambda text: text) -> SearchSpace:
    return space_of(folder, change(FOLDED))


def test_each_done_trial_is_trained_on_each_fold_in_packs_as_full(tmp_path: Path) -> None:
    executor = FakeExecutor(metrics=scored)
    outcome = run(folded_space(tmp_path), tmp_path / "r", executor)
    assert outcome.exit_code == ExitCode.DONE
    assert outcome.folds
    assert (outcome.counts.done, outcome.folds.counts.done) == (8, 16)
    own, folds = rows_of(tmp_path / "r"), rows_of(tmp_path / "r", "four_folds")
    plain = [(row.seed, {**row.config, "hidden_fold": f}) for f in ("1/2", "2/2") for row in own]
    assert [(row.seed, row.config) for row in folds] == plain
    assert {row.trial_id for row in own}.isdisjoint(row.trial_id for row in folds)
    packs = Counter(map(len, executor.packs))
    assert packs == {4: 6}, "by seed, and by seed and fold, over configurations"
    by_id = {row.trial_id: (row.seed, row.config.get("hidden_fold")) for row in (*own, *folds)}
    assert all(len({by_id[trial] for trial in pack}) == 1 for pack in executor.packs)
    assert len(list((tmp_path / "r" / "checkpoints" / "trunks").glob("*.pt"))) == 1
    view = load_view(tmp_path / "r", "four")
    assert len(view.trials) == view.counts.planned == 8
    mean = [sum(x.metrics["acc_fold"] or 0 for x in folds[i::8]) / 2 for i in range(8)]
    assert [fold_scores(view)[row.trial_id] for row in own] == mean


def test_identities_and_tables_of_the_sweep_are_those_without_folds(tmp_path: Path) -> None:
    (tmp_path / "plain").mkdir()
    run(folded_space(tmp_path), tmp_path / "r", FakeExecutor(metrics=scored))
    plain = space_of(tmp_path / "plain", FOLDED.replace("selection:", "#"))
    run(plain, tmp_path / "p", FakeExecutor(metrics=scored))
    views = [load_view(tmp_path / name, "four") for name in ("r", "p")]
    assert views[0].trials.equals(views[1].trials)
    assert views[0].configs == views[1].configs
    assert views[0].counts == views[1].counts
    assert views[0].record.settings == views[1].record.settings


@pytest.mark.parametrize("pack", range(1, 7))
def test_killed_anywhere_it_goes_on_and_has_each_training_once(pack: int, tmp_path: Path) -> None:
    space, seen = folded_space(tmp_path), list[str]()
    with killed(lambda job, epoch: epoch == 3 and _nth(seen, job.job_id) == pack) as dies:
        run(space, tmp_path / "r", FakeExecutor(dies, metrics=scored))
    executor = FakeExecutor(metrics=scored)
    assert run(space, tmp_path / "r", executor).exit_code == ExitCode.DONE
    own, folds = rows_of(tmp_path / "r"), rows_of(tmp_path / "r", "four_folds")
    assert Counter(row.status for row in (*own, *folds)) == {"done": 24}
    assert len({row.trial_id for row in (*own, *folds)}) == 24
    assert len(trained(executor)) == 4 * (7 - pack), "what was done is not trained again"
    assert [row.metrics for row in folds] == [scored(row.trial_id, 4) for row in folds]
    again = FakeExecutor(metrics=scored)
    assert run(space, tmp_path / "r", again).exit_code == ExitCode.DONE
    assert again.packs == []


def _nth(seen: list[str], job: str) -> int:
    """Which job this is, from 1."""
    if job not in seen:
        seen.append(job)
    return seen.index(job) + 1


def test_what_is_lost_is_on_no_fold_until_it_is_done(tmp_path: Path) -> None:
    space = folded_space(tmp_path)
    run(space, tmp_path / "r", FakeExecutor(metrics=scored), limit=2)
    first, second, *_ = (row.trial_id for row in rows_of(tmp_path / "r"))
    lost = FakeExecutor(status_of=losing(rows_of(tmp_path / "r")[2].trial_id), metrics=scored)
    assert run(space, tmp_path / "r", lost).exit_code == ExitCode.TRIALS_FAILED
    folds = rows_of(tmp_path / "r", "four_folds")
    assert len(folds) == 14
    assert {first, second} <= fold_scores(load_view(tmp_path / "r", "four")).keys()
    again = FakeExecutor(metrics=scored)
    assert run(space, tmp_path / "r", again, retry="failed").exit_code == ExitCode.DONE
    assert len(trained(again)) == 3


def test_a_choice_and_a_budget_count_for_both(tmp_path: Path) -> None:
    space = folded_space(tmp_path)
    few = FakeExecutor(metrics=scored)
    assert run(space, tmp_path / "a", few, limit=9).exit_code == ExitCode.INCOMPLETE
    assert len(trained(few)) == 9
    some = FakeExecutor(metrics=scored)
    outcome = run(space, tmp_path / "b", some, "C=1", "seed=0")
    assert outcome.exit_code == ExitCode.INCOMPLETE
    assert len(trained(some)) == 2 + 4
    spent = FakeExecutor(metrics=scored)
    outcome = run(space, tmp_path / "c", spent, budget=Budget(trials=12))
    assert outcome.folds
    assert (outcome.counts.done, outcome.folds.counts.done) == (8, 4)
    assert "trials=12" in outcome.folds.spent


def test_no_rule_ends_a_training_on_a_fold(tmp_path: Path) -> None:
    rule = "stopping: {rule: halving, metric: oracle.acc_all, first_epoch: 2, reduction: 2}\n"
    executor = FakeExecutor(metrics=scored)
    outcome = run(folded_space(tmp_path, lambda text: text + rule), tmp_path / "r", executor)
    assert outcome.exit_code == ExitCode.DONE
    assert outcome.counts.stopped > 0
    folds = rows_of(tmp_path / "r", "four_folds")
    assert {row.status for row in folds} == {"done"}
    assert len(folds) == 2 * outcome.counts.done


def test_what_a_search_asked_for_is_trained_on_folds(tmp_path: Path) -> None:
    pytest.importorskip("optuna")
    search = (
        "optuna: {objective: oracle.acc_all, sampler: random, configurations: 3,"
        " domains: {tau: {low: 0.1, high: 0.9}}}\n"
    )
    space = folded_space(tmp_path, lambda text: text.replace("  tau: [0.2, 0.4]\n", "") + search)
    assert preview(space, tmp_path / "r").pseudo_novel.num_trials == 24  # type: ignore[union-attr]
    outcome = run(space, tmp_path / "r", FakeExecutor(metrics=scored))
    assert outcome.folds
    assert (outcome.counts.done, outcome.folds.counts.done) == (12, 24)
    assert len(fold_scores(load_view(tmp_path / "r", "four"))) == 12


def test_the_plan_shows_what_they_cost_and_what_is_left(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    space = folded_space(tmp_path)
    new = preview(space, tmp_path / "r").pseudo_novel
    assert new
    assert (new.folds, new.num_trials, new.outcomes) == (2, 16, {})
    assert sum(new.pack_sizes) == 16
    run(space, tmp_path / "r", FakeExecutor(metrics=scored), limit=10)
    ahead = preview(space, tmp_path / "r")
    assert ahead.pseudo_novel
    assert (ahead.pseudo_novel.num_trials, ahead.pseudo_novel.outcomes) == (16, {"done": 2})
    assert ahead.outcomes == {"done": 8}
    assert ahead.epochs_left == 14 * 4
    assert ahead.cost.hours == ahead.pseudo_novel.cost.hours
    assert ahead.cost.hours
    command = ["plan", str(tmp_path / "space.yaml"), "--results", str(tmp_path / "r")]
    assert main(command) == main([*command, "--json"]) == ExitCode.DONE
    text, _, given = " ".join(capsys.readouterr().out.split()).partition("{")
    assert "2 folds" in text
    assert "16 trainings" in text
    shown = json.loads("{" + given)["pseudo_novel"]
    assert (shown["num_trials"], shown["outcomes"]) == (16, {"done": 2})


def test_what_cannot_be_is_told_before_anything_is_trained(tmp_path: Path) -> None:
    many = folded_space(tmp_path, lambda text: text.replace("folds: 2", "folds: 6"))
    executor = FakeExecutor(metrics=scored)
    with pytest.raises(BadInputError, match=r"space.yaml:9: folds: .* 5 seen classes"):
        run(many, tmp_path / "r", executor)
    assert executor.packs == []
    own = folded_space(tmp_path, lambda text: text.replace("name: four", "name: four_folds"))
    run(own, tmp_path / "r", FakeExecutor(metrics=scored), limit=1)
    with pytest.raises(BadInputError, match=r"four_folds.*another name"):
        run(folded_space(tmp_path), tmp_path / "r", FakeExecutor(metrics=scored))
