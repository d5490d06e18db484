"""A report that is killed, or finds the disk full, is the old one or the new one, file by file."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from lps_sweep import failpoints, report
from lps_sweep.errors import StorageError
from tests.faults.harness import DIED, Case, in_child

pytestmark = [pytest.mark.fault, pytest.mark.slow]


def hashes(folder: Path) -> dict[str, str]:
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file() and path.suffix != ".part" and path.name != "report.json"
    }


@pytest.fixture
def case(folder: Path) -> Case:
    """A sweep whose report was made halfway, and that was finished since."""
    case = Case.at(folder / "case")
    case.run("outcome.insert:2", expected=(DIED,))
    report.build_report(case.results, "faults")
    assert case.run() == 0
    return case


@pytest.fixture
def new(case: Case, folder: Path) -> dict[str, str]:
    """The files of the new report."""
    shutil.copytree(case.results, folder / "new")
    report.build_report(folder / "new", "faults")
    return hashes(folder / "new" / "faults")


def places(folder: Path, case: Case) -> Iterator[int]:
    """Every 29th passage of a failpoint until one is not come to, with a folder to build in."""
    for k in range(1, 2000, 29):
        shutil.copytree(case.results, folder / str(k))
        yield k
        shutil.rmtree(folder / str(k))


def test_killed_while_the_report_is_written(case: Case, new: dict[str, str], folder: Path) -> None:
    old = hashes(case.results / "faults")
    assert old != new
    died = 0
    for k in places(folder, case):

        def build(k: int = k) -> int:
            failpoints.arm(f"*:{k}")
            report.build_report(folder / str(k), "faults")
            return 0

        _, code = in_child(build, folder / "out")
        found = hashes(folder / str(k) / "faults")
        wrong = [n for n, h in found.items() if h not in (old.get(n), new.get(n))]
        assert (code in (0, DIED), wrong) == (True, []), (folder / "out").read_text()
        report.build_report(folder / str(k), "faults")
        assert hashes(folder / str(k) / "faults") == new
        if code == 0:
            break
        died += 1
    assert died >= 5


def test_a_full_disk_leaves_a_whole_report(case: Case, new: dict[str, str], folder: Path) -> None:
    old = hashes(case.results / "faults")
    try:
        for k in (1, 9, 30):
            failpoints.arm(f"file.write:{k}:enospc")
            shutil.copytree(case.results, folder / str(k))
            with pytest.raises(StorageError, match="No space left"):
                report.build_report(folder / str(k), "faults")
            found = hashes(folder / str(k) / "faults")
            assert all(h in (old.get(n), new.get(n)) for n, h in found.items())
    finally:
        failpoints.arm("")
    report.build_report(folder / "30", "faults")
    assert hashes(folder / "30" / "faults") == new
