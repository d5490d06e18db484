"""The tables and figures of finished sweeps do not change unseen."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.report.frozen_cases import FINISHED, SWEEPS, built, differences, frozen


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the results folder, so that reading leaves nothing in the repository."""
    return shutil.copytree(FINISHED, tmp_path_factory.mktemp("finished") / "results")


@pytest.mark.parametrize("sweep", SWEEPS)
def test_tables_and_figures_are_those_that_were_frozen(finished: Path, sweep: str) -> None:
    found = list(differences(frozen(sweep), built(finished, sweep)))
    assert not found, "\n".join(found)


def test_what_was_frozen_is_all_there() -> None:
    counts = {sweep: len(frozen(sweep)) for sweep in SWEEPS}
    assert min(counts.values()) >= 17
    assert sum(counts.values()) == 150


TABLE = "trial,word,n,mean\n0123456789abcdef,better,3,71.25\n"


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"t.csv": TABLE.replace("71.25", "71.2500001")}, "mean"),
        ({"t.csv": TABLE.replace("better", "worse")}, "word"),
        ({"t.csv": TABLE.replace(",3,", ",3.0000000001,")}, "n"),
        ({"t.csv": TABLE.replace("cdef", "cdee")}, "trial"),
        ({"t.csv": TABLE.replace("mean", "average")}, "rows"),
        ({"t.csv": TABLE + TABLE.split("\n")[1] + "\n"}, "rows"),
        ({"t.csv": TABLE.replace("71.25", "")}, "mean"),
        ({}, "missing"),
        ({"t.csv": TABLE, "u.csv": TABLE}, "new"),
    ],
)
def test_every_kind_of_change_is_told(changed: dict[str, str], told: str) -> None:
    (found,) = differences({"t.csv": TABLE}, changed)
    assert told in found


def test_the_last_digits_of_a_number_may_change() -> None:
    assert not list(
        differences({"t.csv": TABLE}, {"t.csv": TABLE.replace("71.25", "71.25000000001")})
    )
