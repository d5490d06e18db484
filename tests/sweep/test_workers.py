"""When attempts began and ended, and at which worker: what executor and driver record of it."""

from __future__ import annotations

import itertools
import socket
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from lps_sweep.errors import StorageError
from lps_sweep.plan import Resources
from lps_sweep.results import Attempt, Ledger, ledger
from lps_sweep.sweep import executor, recorder
from lps_sweep.sweep.executor import (
    Accept,
    Blame,
    Death,
    Ended,
    InlineExecutor,
    here,
    room,
    run_all,
    worker_name,
)
from lps_sweep.sweep.jobs import Job, PackJob
from lps_sweep.sweep.rows import MemberRow, PackBegun, Row, placed
from lps_sweep.sweep.store import Folder
from lps_sweep.train.events import EpochDone
from tests.sweep.cases import run, space_of
from tests.sweep.fakes import FakeExecutor, pack_job


@pytest.mark.parametrize(
    ("gpus", "each", "packs"),
    [
        *((2, 0.4, 4), (3, 0.6, 3), (1, 0.1, 10), (1, 0.3333, 3), (1, 0.7, 1), (2, 1, 2)),
        *((3, 2, 1), (1, 2, 0), (8, 0.0001, 16), (2, 0, 16), (0, 0.5, 0), (2, 0.55, 2)),
    ],
)
def test_a_pack_has_its_part_of_one_gpu(gpus: int, each: float, packs: int) -> None:
    assert room(16, gpus, 1, each) == packs


def test_a_pack_has_whole_cpus() -> None:
    assert [room(7, 0, cpus, 0) for cpus in (1, 2, 3, 7, 8)] == [7, 3, 2, 1, 0]


HOST = socket.gethostname()


def times_of(results: Path) -> list[Attempt]:
    with Ledger.open(results) as opened:
        return opened.begun_attempts("four")


def job_of(name: str) -> PackJob:
    return pack_job(Path("r"), f"{name}-a", f"{name}-b", name=name)


def begun(job: PackJob) -> PackBegun:
    return PackBegun(job.attempts, {"device": "cpu"})


class Placed(FakeExecutor):
    """Trains nothing, at a worker."""

    def run(self, jobs: Sequence[Job], accept: Accept, ended: Ended) -> None:
        super().run(jobs, lambda rows: accept(placed(rows, "box CPU #1")), ended)


def test_a_pack_begins_at_one_time_at_one_worker(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ticks = itertools.count(1000.0)
    for module in (recorder, ledger):
        monkeypatch.setattr(module, "now", lambda: next(ticks))
    run(space_of(tmp_path), tmp_path / "r", Placed())
    times = times_of(tmp_path / "r")
    packs = {one.pack_id for one in times}
    assert len(times) == 4
    assert len({(one.pack_id, one.begun_at) for one in times}) == len(packs) == 2
    assert {one.worker for one in times} == {"box CPU #1"}
    assert {one.ended for one in times} == {"done"}
    assert all((one.begun_at or 0) < (one.ended_at or 0) for one in times)
    assert all(one.seconds == 4 * 0.5 for one in times)


def test_facts_that_follow_join_those_of_the_beginning_and_leave_its_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Following(Placed):
        def run(self, jobs: Sequence[Job], accept: Accept, ended: Ended) -> None:
            def twice(rows: list[Row]) -> None:
                accept(rows)
                if isinstance(rows[0], PackBegun):
                    accept([replace(rows[0], facts={"images": "far away"})])

            super().run(jobs, twice, ended)

    found = []
    for kind in (Placed, Following):
        ticks = itertools.count(1000.0)
        monkeypatch.setattr(recorder, "now", lambda ticks=ticks: next(ticks))
        run(space_of(tmp_path), tmp_path / kind.__name__, kind())
        found.append([one.begun_at for one in times_of(tmp_path / kind.__name__)])
    assert found[0][0] == found[1][0] == 1000
    with Ledger.open(tmp_path / "Following") as opened:
        facts = opened.provenance("four")
    assert {(fact["device"], fact["images"]) for fact in facts} == {("fake", "far away")}


def test_a_finished_sweep_keeps_its_times(tmp_path: Path) -> None:
    found = []
    for _ in range(2):
        run(space_of(tmp_path), tmp_path / "r", Placed())
        with Ledger.open(tmp_path / "r") as opened:
            found.append((opened.begun_attempts("four"), opened.digest("four")))
    assert found[0] == found[1]


def test_a_death_is_recorded_for_when_it_was_learnt_of(tmp_path: Path) -> None:
    class Late(Placed):
        def run(self, jobs: Sequence[Job], accept: Accept, ended: Ended) -> None:
            def late(job: Job, death: Death | None) -> Sequence[Job]:
                return ended(job, death and replace(death, at=123.5))

            super().run(jobs, accept, late)

    space = space_of(
        tmp_path,
        "{name: four, preset: digits, set: {epochs: 4, pretrain_epochs: 1},"
        " grid: {C: [1]}, seeds: [0], resources: {max_attempts: 2}}",
    )
    dead = Late(dies=lambda _job, epoch: Blame.CERTAIN if epoch == 2 else None)
    run(space, tmp_path / "r", dead)
    first, last = times_of(tmp_path / "r")
    assert (first.ended, first.ended_at) == ("killed", 123.5)
    assert (last.ended, last.ended_at) == ("failed", 123.5)


def test_the_executor_in_the_process_is_one_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    def perform(job: Any) -> Iterator[list[Row]]:
        yield [begun(job), MemberRow(1, EpochDone(f"{job.job_id}-a", 1, {}, 1.0))]

    monkeypatch.setattr(executor, "perform", perform)
    inline = InlineExecutor(Resources())
    for gpus, name in ((0.0, f"{HOST} CPU #1"), (1.0, f"{HOST} GPU 0 #1")):
        inline.gpus_per_pack = gpus
        found: list[Row] = []
        assert run_all(inline, [job_of("x"), job_of("y")], found.extend) == []
        assert [row.worker for row in found if isinstance(row, PackBegun)] == [name, name]
    assert worker_name(here(["0", "3"]), 2) == f"{HOST} GPU 0+3 #2"


def test_packs_on_ray_have_the_lowest_slot_that_is_free(tmp_path: Path) -> None:
    watch, found = watch_of(tmp_path, "abcdef", workers=6)

    def report(trial: Any, place: str) -> str | None:
        watch.on_trial_start(0, [], trial)
        rows = [begun(trial.config["job"])]
        watch.on_trial_result(0, [], trial, {"rows": rows, "place": place})
        row = found[-1]
        return row.worker if isinstance(row, PackBegun) else None

    a, b, c, d, e, f = (handed_out(watch) for _ in "abcdef")
    assert report(a, "box CPU") == "box CPU #1"
    assert report(b, "box CPU") == "box CPU #2"
    assert report(c, "box GPU 0") == "box GPU 0 #1"
    assert report(a, "box CPU") == "box CPU #1", "a pack stays where it is"
    watch.on_trial_complete(0, [], a)
    assert report(d, "box CPU") == "box CPU #1"
    watch.over(b.config["job"], Death("killed"))
    assert report(e, "box CPU") == "box CPU #2"
    assert report(f, "box CPU") == "box CPU #3"


def test_a_lost_pack_goes_before_those_that_wait(tmp_path: Path) -> None:
    again = job_of("again")
    watch, found = watch_of(tmp_path, "abcd", workers=2, again=[again])
    first, second = handed_out(watch), handed_out(watch)
    assert watch.next_job() is None, "there is room for two"
    watch.over(first.config["job"], Death("its node was lost", Blame.NONE))
    assert handed_out(watch).config["job"] is again, "at once, while another goes on"
    late = {"rows": [begun(first.config["job"])]}
    watch.on_trial_result(0, [], first, late)
    assert not found, "what a lost pack still says counts no more"
    watch.on_trial_complete(0, [], second)
    assert handed_out(watch).config["job"].job_id == "c"
    assert [job.job_id for job in watch.left()] == ["d"]


def watch_of(
    folder: Path, names: str, workers: int, again: Sequence[Job] = ()
) -> tuple[Any, list[Row]]:
    """A watch over jobs, what it accepted, and `again` in place of the first job that died."""
    pytest.importorskip("ray")
    from lps_sweep.sweep.ray.deaths import Deaths
    from lps_sweep.sweep.ray.watch import Watch

    found: list[Row] = []
    left = [*again]

    def ended(_: Job, death: Death | None) -> list[Job]:
        return [left.pop()] if death and left else []

    jobs = [job_of(name) for name in names]
    return Watch(jobs, found.extend, ended, Deaths(Folder(folder), None), lambda: workers), found


def test_what_ended_a_run_stays_its_error_when_tune_fails_the_trial_for_it(tmp_path: Path) -> None:
    pytest.importorskip("ray")
    from lps_sweep.sweep.ray.deaths import Deaths
    from lps_sweep.sweep.ray.watch import Watch

    told: list[Job] = []

    def ended(job: Job, _: Death | None) -> list[Job]:
        told.append(job)
        raise StorageError("full")

    job = job_of("a")
    watch = Watch([job], lambda _: None, ended, Deaths(Folder(tmp_path), None), lambda: 1)
    for _ in range(2):
        with pytest.raises(StorageError):
            watch.over(job, None)
    assert told == [job]
    assert isinstance(watch.refusal, StorageError)


def handed_out(watch: Any) -> Any:
    """A trial of Tune with the next job."""
    job = watch.next_job()
    return SimpleNamespace(trial_id=job.job_id, config={"job": job})
