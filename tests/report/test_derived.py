"""R16: what is derived from the ledger can be deleted or damaged, and is made again the same."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from lps_sweep.cli import main
from tests.report.report_cases import C_TAU, make_ledger, record


def files(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A results folder with its report; not to be changed."""
    results = make_ledger(
        tmp_path_factory.mktemp("built"),
        record({name: levels[:2] for name, levels in C_TAU.items()}, [0, 1]),
        epochs=3,
    )
    assert main(["report", str(results)]) == 0
    return results


@pytest.fixture
def copy(built: Path, tmp_path: Path) -> Path:
    shutil.copytree(built, tmp_path / "results")
    return tmp_path / "results"


def test_all_that_is_derived_can_be_deleted(built: Path, copy: Path) -> None:
    shutil.rmtree(copy / "c_tau")
    assert main(["check", str(copy)]) == 0
    assert main(["report", str(copy)]) == 0
    assert files(copy / "c_tau") == files(built / "c_tau")


def test_a_report_changes_nothing_outside_its_own_folder(tmp_path: Path) -> None:
    """Neither the ledger nor what runs have left beside it."""
    make_ledger(tmp_path, record({"C": [1, 10]}, [0, 1]), epochs=3)
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "report.html").write_text("of another sweep", encoding="utf-8")
    before = files(tmp_path)
    assert main(["report", str(tmp_path), "c_tau"]) == 0
    after = files(tmp_path)
    made = {name for name in after if name.startswith("c_tau/")}
    kept = {name for name in before if not name.endswith(("-shm", "-wal"))}
    assert len(made) > 20
    assert {name for name in kept if after.get(name) != before[name]} == set()
    assert after.keys() - made - before.keys() <= {"ledger.sqlite-shm", "ledger.sqlite-wal"}


@pytest.mark.parametrize("name", ["report.html", "report.json", "tables/trials.csv"])
@pytest.mark.parametrize("damage", ["cut", "flipped", "emptied", "deleted"])
def test_each_derived_file_that_is_damaged_is_made_again(
    name: str, damage: str, built: Path, copy: Path
) -> None:
    path = copy / "c_tau" / name
    content = path.read_bytes()
    middle = len(content) // 2
    new = {
        "cut": content[:middle],
        "flipped": content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :],
        "emptied": b"",
    }
    path.unlink()
    if damage in new:
        path.write_bytes(new[damage])
    assert main(["report", str(copy)]) == 0
    assert files(copy / "c_tau") == files(built / "c_tau")
