from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from lps_sweep.results import Ledger
from tests.faults.harness import DIED, Case, passages, warm_up
from tests.faults.recorded import outcomes_of


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder in memory where there is one: what was written outlives a killed process there."""
    memory = Path("/dev/shm")
    path = Path(tempfile.mkdtemp(prefix="lps-faults-", dir=memory if memory.is_dir() else None))
    yield path
    shutil.rmtree(path)


@pytest.fixture(scope="session")
def straight(tmp_path_factory: pytest.TempPathFactory) -> tuple[Case, list[str]]:
    """A run that nothing disturbed, and the failpoints that it came to; not to be changed."""
    base = tmp_path_factory.mktemp("straight")
    warm_up(base / "warm")
    case = Case.at(base / "case")
    return case, passages(case)


@pytest.fixture
def done(straight: tuple[Case, list[str]], folder: Path) -> Case:
    """A finished sweep, to be damaged."""
    shutil.copytree(straight[0].truth.parent, folder / "case")
    return Case(straight[0].space, folder / "case/results", folder / "case/truth.jsonl")


@pytest.fixture
def halfway(straight: tuple[Case, list[str]], folder: Path) -> Case:
    """Two trials of four are finished, two are at epoch 3 of 4; the driver was killed."""
    del straight
    case = Case.at(folder / "case", epochs=4)
    assert case.run("ledger.committed:16", expected=(DIED,)) == DIED
    assert len(outcomes_of(case.results)) == 2
    with Ledger.open(case.results) as ledger:
        reached = [len(ledger.epoch_rows("faults")), len(ledger.outstanding("faults"))]
    assert reached == [2 * 4 + 2 * 3, 2]
    return case
