"""What `check` finds in a damaged folder, and that a repaired one loses no finished trial."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from lps_sweep import cli, failpoints
from lps_sweep.errors import ExitCode
from lps_sweep.results import Ledger, driver_lock, sidecar_paths
from lps_sweep.sweep.check import examine
from tests.faults import truth
from tests.faults.checker import check
from tests.faults.damage import (
    cut,
    flip,
    ledger,
    lose_ledger,
    sql,
    verdict,
)
from tests.faults.harness import DIED, Case, in_child

pytestmark = pytest.mark.fault

Straight = tuple[Case, list[str]]


def mended(case: Case, straight: Straight, capsys: pytest.CaptureFixture[str]) -> str:
    """Repairs, runs to the end, and asks both checkers; what the repair said."""
    assert verdict(case, capsys)[0] == ExitCode.STORAGE
    code, said = verdict(case, capsys, "--repair")
    assert code == ExitCode.DONE, said
    assert examine(case.results) == []
    assert case.run() == 0, case.truth.with_suffix(".out").read_text()
    assert check(case.truth, case.results, straight[0].results) == []
    assert verdict(case, capsys) == (0, f"{case.results}: everything is as it was recorded\n")
    return said


def test_a_whole_folder_is_called_so(done: Case, capsys: pytest.CaptureFixture[str]) -> None:
    before = {path: path.read_bytes() for path in done.results.rglob("*") if path.is_file()}
    assert verdict(done, capsys) == (0, f"{done.results}: everything is as it was recorded\n")
    assert {path: path.read_bytes() for path in before} == before


def harmed(pattern: str, harm: Callable[[Path], object] = flip) -> Callable[[Case], object]:
    """Does harm to the first file of that pattern."""
    return lambda case: harm(sorted(case.results.glob(pattern))[0])


def stated(*statements: str) -> Callable[[Case], object]:
    return lambda case: sql(case.results, *statements)


DAMAGE: dict[str, Callable[[Case], object]] = {
    "artefact flipped": harmed("artefacts/*-1.npz"),
    "checkpoint flipped": harmed("checkpoints/*/epoch-0003-member*"),
    "trunk flipped": harmed("checkpoints/trunks/*.pt"),
    "facts of a trunk cut": harmed("checkpoints/trunks/*.json", lambda path: path.write_text("{")),
    "split cut": harmed("artefacts/split-*.npz", lambda path: cut(path, 0.5)),
    "split of another name": harmed(
        "artefacts/split-*.npz", lambda path: path.rename(path.with_name(f"split-{'0' * 16}.npz"))
    ),
    "sidecar flipped": harmed("artefacts/*-1.json"),
    "an outcome changed": stated("UPDATE outcomes SET metrics = '{\"acc_all\":99.0}'"),
    "an epoch changed": stated("UPDATE epochs SET metrics = '{}' WHERE epoch = 2"),
    "a configuration changed": stated("UPDATE trials SET config = replace(config, '10', '11')"),
    "ends lost": stated("DELETE FROM outcomes", "UPDATE attempts SET ended = NULL"),
    "ledger deleted": lose_ledger,
    "ledger emptied": lambda case: ledger(case).write_bytes(b""),
    "ledger cut": lambda case: cut(ledger(case), 0.6),
    "text of the ledger": stated("UPDATE epochs SET metrics = '{' WHERE epoch = 2"),
}


@pytest.mark.parametrize("name", DAMAGE)
def test_no_damage_costs_a_finished_trial(
    name: str, done: Case, straight: Straight, capsys: pytest.CaptureFixture[str]
) -> None:
    DAMAGE[name](done)
    mended(done, straight, capsys)


def test_an_artefact_that_is_lost_is_recorded_as_lost(
    done: Case, straight: Straight, capsys: pytest.CaptureFixture[str]
) -> None:
    path = sorted(done.results.glob("artefacts/*-1.npz"))[0]
    trial = path.stem.rpartition("-")[0]
    flip(path)
    mended(done, straight, capsys)
    with Ledger.open(done.results) as reader:
        row = next(row for row in reader.trial_rows("faults", False) if row.trial_id == trial)
    assert (row.status, row.artefact) == ("done", None)
    assert row.error.startswith("artefact lost: ")
    assert path.with_name(path.name + ".damaged").exists()


@pytest.mark.slow
def test_a_repair_that_is_killed_is_done_again(
    done: Case, straight: Straight, capsys: pytest.CaptureFixture[str], folder: Path
) -> None:
    lose_ledger(done)
    flip(sorted(done.results.glob("artefacts/*-1.npz"))[0])
    died = 0
    for k in range(1, 200):
        shutil.copytree(done.truth.parent, folder / str(k))
        case = Case(done.space, folder / str(k) / "results", folder / str(k) / "truth.jsonl")

        def repair(k: int = k, case: Case = case) -> int:
            failpoints.arm(f"*:{k}")
            return cli.main(["check", str(case.results), "--repair"])

        _, code = in_child(repair, folder / "out")
        assert code in (0, DIED), (folder / "out").read_text()
        if code == 0:
            break
        died += 1
        verdict(case, capsys, "--repair")
        assert examine(case.results) == []
        assert case.run() == 0
        assert check(case.truth, case.results, straight[0].results) == []
    assert died >= 10


def test_a_driver_at_work_is_left_alone(done: Case, capsys: pytest.CaptureFixture[str]) -> None:
    with driver_lock(done.results):
        assert cli.main(["check", str(done.results)]) == ExitCode.OWNED
    assert "a driver is at work" in capsys.readouterr().err


def test_another_version_is_no_damage(done: Case, capsys: pytest.CaptureFixture[str]) -> None:
    sql(done.results, "PRAGMA user_version = 99")
    assert cli.main(["check", str(done.results), "--repair"]) == ExitCode.STORAGE
    assert "leaves the file as it is" in capsys.readouterr().err
    assert not list(done.results.glob("*.damaged"))


def test_nothing_to_check(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["check", str(tmp_path)]) == ExitCode.BAD_INPUT
    assert "no ledger" in capsys.readouterr().err


def test_a_trial_that_was_opened_again_is_not_taken_for_a_lost_one(done: Case) -> None:
    trial, paths = next(iter(sidecar_paths(done.results).items()))
    assert len(paths) == 1
    sql(done.results, f"UPDATE outcomes SET status = 'failed' WHERE trial_id = '{trial}'")
    with Ledger.open(done.results, write=True) as writer:
        writer.reopen([trial])
    assert examine(done.results) == []
    truth.write(done.truth, "forgiven", trial=trial)
    assert done.run() == 0
    assert sidecar_paths(done.results)[trial][0].name == f"{trial}-2.json"
    assert examine(done.results) == []
