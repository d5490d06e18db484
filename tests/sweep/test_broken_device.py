"""A device that breaks ends a process and blames no trial; want of memory makes packs smaller."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch

from lps_sweep.cli import main
from lps_sweep.commands import running
from lps_sweep.errors import DeviceError, ExitCode
from lps_sweep.results import Ledger
from lps_sweep.sweep import jobs
from lps_sweep.sweep.executor import Blame
from lps_sweep.sweep.jobs import Job, PackJob
from lps_sweep.sweep.rows import Row
from tests.sweep.cases import FOUR_TRIALS, ids_of, planned_ids, run, space_of
from tests.sweep.fakes import FakeExecutor

BROKEN = torch.AcceleratorError("CUDA error: an illegal memory access was encountered\nhint")
Counts = dict[str, int]


def counts_of(results: Path) -> tuple[Counts, list[str]]:
    """Trials by state, and how each attempt ended, of a sweep that nobody drives."""
    with Ledger.open(results) as ledger:
        states = {name: n for name, n in vars(ledger.counts("four", False)).items() if n}
        ends = [a.ended for t in ids_of(results) for a in ledger.attempts(t)]
    return states, ends


def breaks(times: int, *trial_ids: str) -> Callable[[PackJob, int], Blame | None]:
    left = [times]

    def dies(job: PackJob, epoch: int) -> Blame | None:
        inside = not trial_ids or any(m.trial_id in trial_ids for m in job.members)
        if inside and epoch == 2 and left[0]:
            left[0] -= 1
            return Blame.DEVICE
        return None

    return dies


def test_a_pack_whose_device_broke_is_tried_again_elsewhere(tmp_path: Path) -> None:
    executor = FakeExecutor(dies=breaks(1), num_workers=1)
    outcome = run(space_of(tmp_path), tmp_path / "r", executor)
    assert (outcome.exit_code, outcome.counts.done) == (ExitCode.DONE, 4)
    assert [len(pack) for pack in executor.packs] == [4, 4]
    assert {first for _, first in executor.started} == {0, 1}


def test_who_breaks_one_device_after_the_other_fails_nobody(tmp_path: Path) -> None:
    space = space_of(tmp_path)
    bad = planned_ids(space)[1]
    executor = FakeExecutor(dies=breaks(99, bad), num_workers=1)
    with pytest.raises(DeviceError, match="killed") as raised:
        run(space, tmp_path / "r", executor)
    assert raised.value.exit_code == ExitCode.INCOMPLETE
    states, ends = counts_of(tmp_path / "r")
    assert states == {"planned": 4, "done": 3, "not_run": 1}
    assert "" not in ends
    assert [len(pack) for pack in executor.packs if bad in pack] == [4, 4, 2, 1, 1, 1]
    assert run(space, tmp_path / "r", FakeExecutor()).counts.done == 4


def test_a_pack_that_needs_too_much_memory_is_halved_at_once(tmp_path: Path) -> None:
    space = space_of(tmp_path, FOUR_TRIALS.replace("[0.2, 0.4]", "[0.2, 0.3, 0.4, 0.5]"))
    executor = FakeExecutor(
        dies=lambda job, epoch: Blame.MEMORY if len(job.members) > 2 and epoch == 2 else None,
        num_workers=1,
    )
    outcome = run(space, tmp_path / "r", executor)
    assert (outcome.exit_code, outcome.counts.done) == (ExitCode.DONE, 8)
    assert [len(pack) for pack in executor.packs] == [8, 4, 2, 2, 4, 2, 2]


def test_a_member_out_of_memory_goes_on_with_half_the_pack(tmp_path: Path) -> None:
    space = space_of(tmp_path)
    hungry = planned_ids(space)[:2]
    met: list[str] = []

    def status_of(trial_id: str) -> str:
        if trial_id not in hungry or met.count(trial_id):
            return "done"
        return "out_of_memory"

    class Once(FakeExecutor):
        def _events(self, job, trial, epoch, epochs):  # type: ignore[no-untyped-def]
            yield from super()._events(job, trial, epoch, epochs)
            met.extend([trial] * (epoch == epochs))

    executor = Once(status_of=status_of, num_workers=1)
    assert run(space, tmp_path / "r", executor).counts.done == 4
    assert [len(pack) for pack in executor.packs] == [4, 2]


@pytest.fixture
def command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    monkeypatch.setattr(running, "_tell", lambda *_: None)  # it makes the report
    text = FOUR_TRIALS + "resources: {max_pack_size: 2, checkpoint_interval_s: 0}\n"
    (tmp_path / "space.yaml").write_text(text)
    return ["run", str(tmp_path / "space.yaml"), "--results", str(tmp_path / "r"), "--inline"]


class Process:
    """The work of a process in which, from the second pack on, the device is broken."""

    def __init__(self, error: Exception, number: int = 2) -> None:
        self.error = error
        self.number = number
        self.packs: list[int] = []

    def perform(self, job: Job) -> Iterator[list[Row]]:
        if isinstance(job, PackJob):
            self.packs.append(len(job.members))
            if len(self.packs) >= self.number:
                raise self.error
        rows: list[list[Row]] = []
        assert FakeExecutor()._perform(job, rows.append) is None
        yield from rows


def test_in_this_process_it_ends_the_sweep_which_goes_on_later(
    command: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    process = Process(BROKEN)
    monkeypatch.setattr(jobs, "_performed", process.perform)
    assert main(command) == ExitCode.INCOMPLETE
    told = capfd.readouterr().err
    assert "an illegal memory access was encountered" in told
    assert "Traceback" not in told
    assert process.packs == [2, 2]
    states, ends = counts_of(tmp_path / "r")
    assert states == {"planned": 4, "done": 2, "not_run": 2}
    assert sum("illegal memory access" in end for end in ends) == 2
    monkeypatch.setattr(jobs, "_performed", Process(BROKEN, 9).perform)
    assert main(command) == ExitCode.DONE
    assert counts_of(tmp_path / "r")[0] == {"planned": 4, "done": 4}


def test_nor_is_another_pack_begun_in_it(
    command: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    process = Process(BROKEN, number=1)
    monkeypatch.setattr(jobs, "_performed", process.perform)
    assert main(command) == ExitCode.INCOMPLETE
    assert process.packs == [2]
    states, ends = counts_of(tmp_path / "r")
    assert (states, "" in ends) == ({"planned": 4, "not_run": 4}, False)


def test_want_of_memory_that_ends_the_process_is_known_to_the_next(
    command: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    process = Process(DeviceError("planted", out_of_memory=True), number=1)
    monkeypatch.setattr(jobs, "_performed", process.perform)
    assert main(command) == ExitCode.INCOMPLETE
    process = Process(BROKEN, number=99)
    monkeypatch.setattr(jobs, "_performed", process.perform)
    assert main(command) == ExitCode.DONE
    assert process.packs == [2, 1, 1]


def test_while_a_trunk_is_made_it_is_told_as_what_it_is(
    command: list[str], monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    def perform(job: Job) -> Iterator[list[Row]]:
        raise BROKEN
        yield [job]  # type: ignore[unreachable]

    monkeypatch.setattr(jobs, "_performed", perform)
    assert main(command) == ExitCode.INCOMPLETE
    assert capfd.readouterr().err.count("illegal memory access") == 1


def test_the_error_travels_between_processes() -> None:
    again = pickle.loads(pickle.dumps(DeviceError("planted", out_of_memory=True)))
    assert (str(again), again.out_of_memory) == ("planted", True)
