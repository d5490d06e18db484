from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.harness import Case, passages, warm_up


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
