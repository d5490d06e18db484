"""The checker goes red, for each of its rules, on a folder that breaks it."""

from __future__ import annotations

import ast
import fcntl
import io
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.faults import checker, damage, recorded, truth
from tests.faults.checker import check
from tests.faults.harness import Case

pytestmark = pytest.mark.fault

Doctor = Callable[[Case], object]


def sql(*statements: str) -> Doctor:
    return lambda case: damage.sql(case.results, *statements)


def first(pattern: str, harm: Callable[[Path], None]) -> Doctor:
    """Does harm to the first file of that pattern."""
    return lambda case: harm(sorted(case.results.glob(pattern))[0])


def event(kind: str, **facts: object) -> Doctor:
    return lambda case: truth.write(case.truth, kind, **facts)


def of_first_trial(kind: str, **facts: object) -> Doctor:
    def doctor(case: Case) -> None:
        trial = recorded.read_ledger(case.results).planned[0][0]
        truth.write(case.truth, kind, trial=trial, **facts)

    return doctor


def given_up(case: Case) -> None:
    """The rows of the first trial are of an attempt that had come to its first epoch only."""
    trial = recorded.read_ledger(case.results).planned[0][0]
    truth.write(case.truth, "given up", attempts=[(trial, 1, [1])])


def held_lock(case: Case) -> object:
    file = (case.results / "driver.lock").open("rb")
    fcntl.flock(file, fcntl.LOCK_EX)
    return file


NINTH = "SELECT trial_id, 9, attempt, 1.0, metrics, 0 FROM epochs WHERE epoch = 1"
MEMBER = "checkpoints/*/epoch-0003-member-*.pt"
ONE = "(SELECT min(trial_id) FROM trials)"
BROKEN: list[tuple[str, str, Doctor]] = [
    ("I1", "an outcome is gone", sql(f"DELETE FROM outcomes WHERE trial_id = {ONE}")),
    ("I1", "a trial is planned no more", sql(f"DELETE FROM planned WHERE trial_id = {ONE}")),
    ("I1", "outside", sql(f"UPDATE planned SET position = NULL WHERE trial_id = {ONE}")),
    ("I1", "one configuration twice", sql("UPDATE trials SET config = '{}'")),
    ("I2", "an epoch is gone", sql(f"DELETE FROM epochs WHERE epoch = 2 AND trial_id = {ONE}")),
    ("I2", "another end", sql(f"UPDATE outcomes SET status = 'failed' WHERE trial_id = {ONE}")),
    ("I3", "other metrics", sql("UPDATE epochs SET metrics = '{\"acc_all\":1.0}' WHERE epoch = 1")),
    ("I3", "no metrics", sql(f"UPDATE outcomes SET metrics = '{{}}' WHERE trial_id = {ONE}")),
    (
        "I3",
        "an epoch too many",
        sql(f"INSERT INTO epochs {NINTH}"),
    ),
    ("I3", "a late row", given_up),
    ("I4", "begun after its end", of_first_trial("start", epoch=3)),
    ("I5", "all over again", of_first_trial("start", epoch=0)),
    (
        "I6",
        "a checkpoint with another bit",
        first(MEMBER, damage.flip),
    ),
    ("I6", "a Run part with another bit", first("checkpoints/*/epoch-0003-run-*.pt", damage.flip)),
    ("I6", "a checkpoint is gone", first(MEMBER, Path.unlink)),
    ("I6", "an artefact with another bit", first("artefacts/*-1.npz", damage.flip)),
    ("I6", "a trunk is gone", first("checkpoints/trunks/*.pt", Path.unlink)),
    ("I7", "other final metrics", sql("UPDATE outcomes SET metrics = '{\"acc_all\":1.0}'")),
    ("I8", "a file half written", lambda case: (case.results / ".x.part").write_bytes(b"")),
    ("I8", "a lock that is held", held_lock),
    ("I8", "something under Ray", event("left", what=["1 (ray::ImplicitFunc)"])),
    ("I8", "a process", event("exit", code=0, expected=[0], pid=os.getpid())),
    ("I9", "a wrong exit code", event("exit", code=0, expected=[5])),
    ("I9", "no word", event("exit", code=5, expected=[5], says="disk", text="full")),
    ("I9", "a traceback", event("exit", code=5, expected=[5], text="Traceback (most recent")),
]


@pytest.fixture
def case(straight: tuple[Case, list[str]], tmp_path: Path) -> Case:
    """A finished sweep, to be doctored."""
    shutil.copytree(straight[0].truth.parent, tmp_path / "case")
    return Case(tmp_path / "no.yaml", tmp_path / "case/results", tmp_path / "case/truth.jsonl")


@pytest.mark.parametrize(("rule", "name", "doctor"), BROKEN, ids=[f"{r} {n}" for r, n, _ in BROKEN])
def test_each_rule_goes_red(
    rule: str, name: str, doctor: Doctor, straight: tuple[Case, list[str]], case: Case
) -> None:
    del name
    reference = straight[0].results
    assert check(case.truth, case.results, reference) == []
    kept = doctor(case)
    found = check(case.truth, case.results, reference)
    assert rule in {finding.rule for finding in found}, found
    if isinstance(kept, io.IOBase):
        kept.close()


def test_every_rule_has_a_folder_that_breaks_it() -> None:
    assert {rule for rule, _, _ in BROKEN} == {f"I{number}" for number in range(1, 10)}


def test_a_forgiven_trial_may_be_run_again(case: Case) -> None:
    of_first_trial("forgiven")(case)
    of_first_trial("start", epoch=0)(case)
    assert check(case.truth, case.results) == []


def test_the_checker_does_not_use_what_it_checks() -> None:
    for module in (checker, recorded, truth):
        tree = ast.parse(Path(str(module.__file__)).read_text())
        names = [
            name
            for node in ast.walk(tree)
            if isinstance(node, ast.Import | ast.ImportFrom)
            for name in [getattr(node, "module", "") or "", *(one.name for one in node.names)]
        ]
        assert names
        assert not [name for name in names if name.split(".")[0] == "lps_sweep"]
