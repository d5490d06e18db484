"""The default of a sweep, trained again with other last bits."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from pathlib import Path

import pytest
import yaml

from lps_sweep.cli import main
from lps_sweep.errors import ExitCode
from lps_sweep.plan import SearchSpace, read_space
from lps_sweep.results import Ledger, load_view
from lps_sweep.results.noise import noise_trials, spread
from lps_sweep.results.records import TrialRow
from lps_sweep.sweep.executor import Accept, Ended
from lps_sweep.sweep.jobs import Job, PackJob
from lps_sweep.sweep.noise import noise_text
from tests.report.report_cases import make_ledger
from tests.sweep.cases import killed, run, trained
from tests.sweep.fakes import FakeExecutor
from tests.sweep.test_confirmation import finals, sweep

SPACE = """
name: small
preset: digits
set: {epochs: 3, pretrain_epochs: 1}
grid: {C: [1, 10], tau: [0.2, 0.4]}
seeds: [3, 5]
resources: {max_pack_size: 2}
"""
METRICS = ("acc_seen", "acc_novel", "acc_all")


def rows_of(results: Path, name: str) -> list[TrialRow]:
    with Ledger.open(results) as ledger:
        return ledger.trial_rows(name, False)


def noise_space(results: Path, name: str, draws: int = 4, threads: int = 2) -> SearchSpace:
    file = results / "noise.yaml"
    file.write_text(noise_text(results, name, draws, threads))
    return read_space(file)


def small(folder: Path) -> SearchSpace:
    (folder / "small.yaml").write_text(SPACE)
    return read_space(folder / "small.yaml")


class Threads(FakeExecutor):
    """Notes the threads of each trial."""

    def run(self, jobs: Sequence[Job], accept: Accept, ended: Ended) -> None:
        self.threads = getattr(self, "threads", {}) | {
            trial: job.spec.num_threads
            for job in jobs
            if isinstance(job, PackJob)
            for trial in job.attempts
        }
        super().run(jobs, accept, ended)


def test_the_space_has_the_default_and_each_draw_at_the_seeds_that_are_done(
    tmp_path: Path,
) -> None:
    make_ledger(tmp_path, sweep(), {(10, 0): "failed", (5, 3): "failed"}, finals=finals)
    content = yaml.safe_load(noise_text(tmp_path, "c", 3, None))
    assert content["name"] == "c_noise"
    assert content["arms"] == {
        "default": {},
        "draw_1": {"perturbation": 1},
        "draw_2": {"perturbation": 2},
        "threads_1": {"threads": 1},
    }
    assert content["seeds"] == [3]
    assert content["set"] == {"epochs": 2}
    assert content["resources"] == {"max_pack_size": 7}
    assert noise_text(tmp_path, "c", 3, 1) == noise_text(tmp_path, "c", 3, None)


def test_only_the_draws_are_trained_and_only_once(tmp_path: Path) -> None:
    results = tmp_path / "r"
    first = FakeExecutor()
    run(small(tmp_path), results, first)
    space = noise_space(results, "small")
    executor = Threads()
    assert run(space, results, executor).exit_code == ExitCode.DONE
    assert len(trained(executor)) == 4 * 2
    assert not {*trained(executor)} & {*trained(first)}
    rows = rows_of(results, space.name)
    assert {row.trial_id for row in rows if row.swept["arm"] == "default"} <= {*trained(first)}
    threads = {row.trial_id for row in rows if row.swept["arm"] == "threads_2"}
    assert {executor.threads[trial] for trial in threads} == {2}
    assert {n for trial, n in executor.threads.items() if trial not in threads} == {1}
    again = FakeExecutor()
    assert run(noise_space(results, "small"), results, again).exit_code == ExitCode.DONE
    assert again.packs == []
    more = FakeExecutor()
    run(noise_space(results, "small", draws=5), results, more)
    assert len(trained(more)) == 2


def test_after_a_kill_it_goes_on(tmp_path: Path) -> None:
    results = tmp_path / "r"
    run(small(tmp_path), results, FakeExecutor())
    space = noise_space(results, "small")
    with killed(lambda _, epoch: epoch == 3) as dies:
        run(space, results, FakeExecutor(dies=dies))
    going_on = FakeExecutor()
    assert run(noise_space(results, "small"), results, going_on).exit_code == ExitCode.DONE
    assert 2 in {epoch for _, epoch in going_on.started}
    assert len(trained(going_on)) == 8
    whole = tmp_path / "whole"
    run(small(tmp_path), whole, FakeExecutor())
    run(noise_space(whole, "small"), whole, FakeExecutor())
    one, other = ({r.trial_id: r.metrics for r in rows_of(f, space.name)} for f in (results, whole))
    assert one == other


def test_the_spread_is_that_within_seeds_of_one_kind(tmp_path: Path) -> None:
    results = tmp_path / "r"
    run(small(tmp_path), results, FakeExecutor())
    run(noise_space(results, "small"), results, FakeExecutor())
    view = load_view(results, "small")
    trials = noise_trials(view)
    assert len(trials) == 10
    rows = rows_of(results, "small_noise")
    for kind, arms in {
        "perturbation": ("default", "draw_1", "draw_2", "draw_3"),
        "threads": ("default", "threads_2"),
    }.items():
        for metric in METRICS:
            groups = [
                [r.metrics[metric] or 0.0 for r in rows if r.seed == s and r.swept["arm"] in arms]
                for s in (3, 5)
            ]
            found = spread(trials, kind, metric)
            assert found is not None
            assert (found.n, found.df) == (2 * len(arms), 2 * (len(arms) - 1))
            assert found.sd**2 == pytest.approx(statistics.mean(map(statistics.variance, groups)))


def test_what_has_no_noise_to_measure(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    results = tmp_path / "r"
    make_ledger(results, sweep(), {(10, 0): "failed", (10, 3): "not_run"}, finals=finals)
    make_ledger(tmp_path / "q", sweep(), points=[(5,), (20,)], finals=finals)
    asked = ([str(results), "c"], [str(tmp_path / "q"), "c"], [str(results), "c", "--draws", "1"])
    for words in asked:
        for more in (["--plan"], ["--inline"]):
            assert main(["noise", *words, *more]) == ExitCode.BAD_INPUT
            assert len(capsys.readouterr().err.splitlines()) == 1
    assert sorted(p.name for p in results.iterdir() if p.is_dir()) == []


@pytest.mark.slow
def test_the_verb_leaves_the_sweep_s_tables_as_they_were_but_for_the_spread(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    text = SPACE.replace("epochs: 3", "epochs: 1").replace(", tau: [0.2, 0.4]", "")
    text = text.replace("[3, 5]", "[3]")
    (tmp_path / "small.yaml").write_text(text)
    results = tmp_path / "r"
    assert main(["run", str(tmp_path / "small.yaml"), "--results", str(results), "--inline"]) == 0
    tables = results / "small" / "tables"
    before = {path.name: path.read_bytes() for path in tables.iterdir()}
    asked = ["noise", str(results), "small", "--draws", "2"]
    assert main([*asked, "--plan"]) == 0
    assert not (results / "small_noise").exists()
    assert main([*asked, "--inline"]) == 0
    assert "small_noise: 3 planned, 3 done" in capfd.readouterr().out
    after = {path.name: path.read_bytes() for path in tables.iterdir()}
    assert {n: after.pop(f"noise.{n}") for n in ("csv", "md", "tex")}
    assert after == before
    facts = {row.swept["arm"]: row.trial_id for row in rows_of(results, "small_noise")}
    with Ledger.open(results) as ledger:
        threads = {a: ledger.attempts(t)[-1].provenance["num_threads"] for a, t in facts.items()}
        attempts = {row.attempts for row in ledger.trial_rows("small_noise", False)}
    assert threads == {"default": 1, "draw_1": 1, "threads_2": 2}
    assert attempts == {1}
    assert main([*asked, "--inline", "--threads", "1"]) == ExitCode.BAD_INPUT
    assert main(["noise", f"{results}/small_noise", "--inline"]) == ExitCode.BAD_INPUT
