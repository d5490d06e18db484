from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from lps_sweep.errors import BadInputError, LpsSweepError, StorageError
from lps_sweep.sweep.executor import Accept, Death
from lps_sweep.sweep.jobs import Job, TrunkJob
from tests.sweep.cases import run, space_of
from tests.sweep.fakes import FakeExecutor


@dataclass
class Dying(FakeExecutor):
    """Pre-training dies so many times, or meets an error that no retry would mend."""

    deaths: int = 0
    error: LpsSweepError | None = None
    tried: int = 0

    def _perform(self, job: Job, accept: Accept) -> Death | None:
        if isinstance(job, TrunkJob):
            self.tried += 1
            if self.tried <= self.deaths:
                return Death(job, "its process died", error=self.error)
        return super()._perform(job, accept)


def test_pre_training_that_dies_is_tried_again(tmp_path: Path) -> None:
    executor = Dying(deaths=2)
    assert run(space_of(tmp_path), tmp_path / "r", executor).counts.done == 4
    assert executor.tried == 3


def test_pre_training_that_always_dies_ends_the_run(tmp_path: Path) -> None:
    executor = Dying(deaths=9)
    with pytest.raises(StorageError, match="pre-training failed: its process died"):
        run(space_of(tmp_path), tmp_path / "r", executor)
    assert executor.tried == 3


def test_bad_input_is_not_tried_again(tmp_path: Path) -> None:
    executor = Dying(deaths=9, error=BadInputError("no such data"))
    with pytest.raises(BadInputError, match="no such data"):
        run(space_of(tmp_path), tmp_path / "r", executor)
    assert executor.tried == 1
