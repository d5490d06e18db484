from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path

import pytest
from rich.console import Console

from lps_sweep.errors import BadInputError, ExitCode, FolderOwnedError, LpsSweepError, StorageError
from lps_sweep.plan import PlannedTrial, expand
from lps_sweep.results import Ledger, driver_lock
from lps_sweep.sweep.content import content_of
from lps_sweep.sweep.executor import Accept, Blame, Death
from lps_sweep.sweep.jobs import Job, PackJob, TrunkJob
from lps_sweep.sweep.progress import Progress
from tests.sweep.cases import FOUR_TRIALS, dying, planned_ids, run, space_of
from tests.sweep.fakes import FakeExecutor, metrics_of


def test_everything_planned_is_done_once(tmp_path: Path) -> None:
    executor = FakeExecutor()
    outcome = run(space_of(tmp_path), tmp_path / "r", executor)
    assert outcome.exit_code == ExitCode.DONE
    assert (outcome.counts.planned, outcome.counts.done, outcome.ran) == (4, 4, 4)
    with Ledger.open(tmp_path / "r") as ledger:
        for row in ledger.trial_rows("four", False):
            assert row.metrics == pytest.approx(metrics_of(row.trial_id, 4))
            assert row.attempts == 1
    again = FakeExecutor()
    assert (run(space_of(tmp_path), tmp_path / "r", again).ran, again.packs) == (0, [])


def test_new_values_add_trials_and_keep_the_finished(tmp_path: Path) -> None:
    text, said = FOUR_TRIALS.replace("tau: [0.2, 0.4]", "tau: [0.4, 0.6]"), list[str]()
    run(space_of(tmp_path), tmp_path / "r", FakeExecutor(), said=said)
    assert not any("plan" in line for line in said), "a first plan is no change"
    outcome = run(space_of(tmp_path, text), tmp_path / "r", FakeExecutor(), said=said)
    assert (outcome.counts.planned, outcome.counts.done, outcome.ran) == (4, 4, 2)
    assert (outcome.change.added, outcome.change.orphaned) == (2, 2)
    assert sum("plan" in line for line in said) == 2


def test_a_poison_trial_is_isolated_and_fails_alone(tmp_path: Path) -> None:
    space = space_of(tmp_path)
    bad = planned_ids(space)[1]
    executor = FakeExecutor(dies=dying(Blame.CERTAIN, bad), num_workers=1)
    outcome = run(space, tmp_path / "r", executor)
    assert (outcome.counts.done, outcome.counts.failed) == (3, 1)
    assert outcome.exit_code == ExitCode.TRIALS_FAILED
    sizes = [len(pack) for pack in executor.packs if bad in pack]
    assert sizes == [4, 4, 2, 1, 1, 1], "retried, then halved, then alone"
    with Ledger.open(tmp_path / "r") as ledger:
        assert "killed" in next(
            row.error for row in ledger.trial_rows("four", False) if row.trial_id == bad
        )


def test_a_pack_that_dies_goes_on_from_its_checkpoints(tmp_path: Path) -> None:
    died: list[str] = []

    def once(job: PackJob, epoch: int) -> Blame | None:
        if epoch == 3 and not died:
            died.append(job.job_id)
            return Blame.CERTAIN
        return None

    executor = FakeExecutor(dies=once, num_workers=1)
    outcome = run(space_of(tmp_path), tmp_path / "r", executor)
    assert outcome.counts.done == 4
    assert {first for _, first in executor.started} == {0, 2}
    with Ledger.open(tmp_path / "r") as ledger:
        assert ledger.repeats("four").pairs == 0


def test_a_damaged_checkpoint_falls_back_to_the_one_before(tmp_path: Path) -> None:
    results = tmp_path / "r"
    died: list[str] = []

    def once(job: PackJob, epoch: int) -> Blame | None:
        if epoch == 4 and not died:
            died.append(job.job_id)
            for member in job.members:
                (results / "checkpoints" / f"{member.trial_id}-3.pt").write_bytes(b"damaged")
            return Blame.CERTAIN
        return None

    executor = FakeExecutor(dies=once, num_workers=1)
    assert run(space_of(tmp_path), results, executor).counts.done == 4
    assert {first for _, first in executor.started} == {0, 2}
    with Ledger.open(results) as ledger:
        assert ledger.repeats("four").pairs == 4


def test_packs_that_ran_beside_a_death_are_not_blamed(tmp_path: Path) -> None:
    text = FOUR_TRIALS.replace("seeds: [0]", "seeds: [0]\nresources: {max_pack_size: 1}")
    rounds: list[int] = []

    class Aborting(FakeExecutor):
        def run(self, jobs, accept, ended):  # type: ignore[no-untyped-def]
            rounds.append(len(jobs))
            blame = Blame.POSSIBLE if len(rounds) == 2 else None
            self.dies = lambda _job, _epoch: blame
            super().run(jobs, accept, ended)

    outcome = run(space_of(tmp_path, text), tmp_path / "r", Aborting())
    assert outcome.counts.done == 4
    assert rounds == [1, 4, 1, 1, 1, 1], "a trunk, four together, then each with nothing beside it"


def test_out_of_memory_in_a_pack_is_tried_alone(tmp_path: Path) -> None:
    space = space_of(tmp_path)
    hungry = planned_ids(space)[0]
    executor = FakeExecutor(
        status_of=lambda trial_id: "out_of_memory" if trial_id == hungry else "done",
        num_workers=1,
    )
    outcome = run(space, tmp_path / "r", executor)
    assert [len(p) for p in executor.packs if hungry in p] == [4, 1]
    assert (outcome.counts.done, outcome.counts.failed) == (3, 1)


def test_trials_shared_by_two_sweeps_run_once(tmp_path: Path) -> None:
    run(space_of(tmp_path), tmp_path / "r", FakeExecutor())
    other = space_of(tmp_path, FOUR_TRIALS.replace("name: four", "name: other"))
    outcome = run(other, tmp_path / "r", FakeExecutor())
    assert (outcome.counts.done, outcome.ran, outcome.change.shared) == (4, 0, 4)


def test_a_second_driver_is_refused(tmp_path: Path) -> None:
    with driver_lock(tmp_path / "r"), pytest.raises(FolderOwnedError):
        run(space_of(tmp_path), tmp_path / "r", FakeExecutor())


def test_missing_data_fail_before_the_folder_is_made(tmp_path: Path) -> None:
    text = "name: x\npreset: fashion_mnist\nset: {data_root: /nowhere}\nseeds: [0]\n"
    with pytest.raises(BadInputError, match="nowhere"):
        run(space_of(tmp_path, text), tmp_path / "r", FakeExecutor())
    assert not (tmp_path / "r").exists()


def test_what_is_left_of_a_lost_pack_stays_together_while_others_train(tmp_path: Path) -> None:
    """Of two packs for two workers each is lost once: the last has all workers for itself."""
    lost: set[tuple[str, ...]] = set()

    def dies(job: PackJob, epoch: int) -> Blame | None:
        pack = tuple(job.attempts)
        if epoch != 2 or len(pack) == 1 or pack in lost:
            return None
        lost.add(pack)
        return Blame.NONE

    executor = FakeExecutor(dies=dies)
    assert run(space_of(tmp_path), tmp_path / "r", executor).counts.done == 4
    first, again, second, *halves = executor.packs
    assert again == first
    assert [len(first), len(second)] == [2, 2]
    assert halves == [(trial,) for trial in second]


@dataclass
class DyingTrunk(FakeExecutor):
    """Pre-training dies so many times, or meets an error that no retry would mend."""

    deaths: int = 0
    error: LpsSweepError | None = None
    blame: Blame = Blame.CERTAIN
    tried: int = 0

    def _perform(self, job: Job, accept: Accept) -> Death | None:
        if isinstance(job, TrunkJob):
            self.tried += 1
            if self.tried <= self.deaths:
                return Death("its process died", self.blame, self.error)
        return super()._perform(job, accept)


@pytest.mark.parametrize(
    ("deaths", "error", "raised", "tried"),
    [
        (2, None, None, 3),
        (9, None, StorageError, 3),
        (9, BadInputError("no such data"), BadInputError, 1),
    ],
)
def test_pre_training_that_dies_is_tried_again_and_bad_input_is_not(
    deaths: int,
    error: LpsSweepError | None,
    raised: type[LpsSweepError] | None,
    tried: int,
    tmp_path: Path,
) -> None:
    executor = DyingTrunk(deaths=deaths, error=error)
    if raised is None:
        assert run(space_of(tmp_path), tmp_path / "r", executor).counts.done == 4
    else:
        with pytest.raises(raised, match=str(error or "its process died")):
            run(space_of(tmp_path), tmp_path / "r", executor)
    assert executor.tried == tried


def test_pre_training_that_is_lost_with_its_node_is_no_failed_attempt(tmp_path: Path) -> None:
    executor = DyingTrunk(deaths=9, blame=Blame.NONE)
    assert run(space_of(tmp_path), tmp_path / "r", executor).counts.done == 4
    assert executor.tried == 10


def trials_in(folder: Path) -> tuple[PlannedTrial, ...]:
    return expand(space_of(folder), content_of)


def test_plain_lines_say_counts_and_mark_accuracies_as_oracle(tmp_path: Path) -> None:
    output = io.StringIO()
    trials = trials_in(tmp_path)
    first, *others = (trial.trial_id for trial in trials)
    with Progress(Console(file=output, width=200), trials, {others[0]: "done"}) as progress:
        progress.epoch(first, 4, metrics_of(first, 4))
        progress.outcome(first, "done", metrics_of(first, 4))
        progress.outcome(others[1], "diverged", {})
        progress.outcome(others[2], "done", metrics_of(others[2], 4))
    lines = output.getvalue().splitlines()
    assert lines[0].startswith("1/4 done, 1 running, 0 failed | oracle: seen ")
    assert f"trial {others[1]} diverged: C=10.0 tau=0.2 seed=0" in lines
    assert lines[-1].startswith("3/4 done, 0 running, 1 failed")
    assert "best all" in lines[-1]


@pytest.mark.parametrize(("width", "oracle"), [(80, "oracle all "), (160, "best all ")])
def test_a_terminal_gets_one_bar_with_an_eta(tmp_path: Path, width: int, oracle: str) -> None:
    output = io.StringIO()
    trials = trials_in(tmp_path)
    console = Console(file=output, force_terminal=True, width=width)
    with Progress(console, trials, {}) as progress:
        for trial in trials:
            progress.epoch(trial.trial_id, 4, metrics_of(trial.trial_id, 4))
            progress.outcome(trial.trial_id, "done", metrics_of(trial.trial_id, 4))
    shown = output.getvalue()
    assert "4/4 done" in shown
    assert "100%" in shown
    assert "ETA" in shown
    assert oracle in shown
    assert "…" not in shown, "nothing is cut off"
