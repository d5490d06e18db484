"""What a sidecar gives back to a ledger that has lost its trial, or everything."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from lps_sweep.errors import StorageError
from lps_sweep.results import Ledger, read_sidecar, sidecar_of, sidecar_paths, write_sidecar
from lps_sweep.results.sidecars import Sidecar, restore
from tests.results.sweep_cases import METRICS, planned, start, sweep_record, trials

SEARCH = replace(sweep_record(), search={"domains": [{"name": "C"}], "objectives": ["acc_all"]})


@pytest.fixture
def sidecar(tmp_path: Path) -> Sidecar:
    """That of ``b``, the second of a search's three trials, which another sweep planned, too."""
    with Ledger.open(tmp_path, write=True) as ledger:
        ledger.record_plan(SEARCH, trials("a", "b", "c"))
        ledger.record_plan(sweep_record("other"), trials("b"))
        start(ledger, "a", "b")
        ledger.add_epoch("b", 1, 1, METRICS, 1.0)
        ledger.finish("b", 1, "done", epoch=1, metrics=METRICS)
        assert sidecar_of(ledger, "a") is None
        found = sidecar_of(ledger, "b")
    assert found
    write_sidecar(tmp_path, found)
    [path] = sidecar_paths(tmp_path)["b"]
    assert read_sidecar(path) == found
    return found


def test_an_empty_ledger_learns_the_trial_and_who_planned_it(
    tmp_path: Path, sidecar: Sidecar
) -> None:
    with Ledger.open(tmp_path) as old, Ledger.open(tmp_path / "new", write=True) as ledger:
        restore(ledger, sidecar)
        restore(ledger, sidecar)
        assert ledger.sweeps() == ["c_tau", "other"]
        assert ledger.record("c_tau") == SEARCH
        assert ledger.outcomes("c_tau") == ledger.outcomes("other") == {"b": "done"}
        assert ledger.trial_rows("c_tau", False) == [
            row for row in old.trial_rows("c_tau", False) if row.trial_id == "b"
        ]
        assert ledger.record_plan(SEARCH, trials("a", "b", "c")).added == 2
        assert list(ledger.states("c_tau")) == ["a", "b", "c"]
        ledger.verify()


def test_a_ledger_knows_its_plans_better(tmp_path: Path, sidecar: Sidecar) -> None:
    with planned(tmp_path / "new", "c", "b") as ledger:
        restore(ledger, sidecar)
        assert ledger.record("c_tau").search is None
        assert list(ledger.states("c_tau")) == ["c", "b"]
        assert ledger.outcomes("c_tau") == {"b": "done"}


def test_a_sidecar_of_an_earlier_version_says_nothing_of_plans(
    tmp_path: Path, sidecar: Sidecar
) -> None:
    rows = {name: some for name, some in sidecar.rows.items() if name not in ("sweeps", "planned")}
    write_sidecar(tmp_path, Sidecar("b", 1, rows))
    with Ledger.open(tmp_path / "new", write=True) as ledger:
        restore(ledger, read_sidecar(tmp_path / sidecar.path))
        assert (ledger.sweeps(), ledger.known()) == ([], {"b": "done"})


@pytest.mark.parametrize(
    ("table", "change"),
    [
        ("sweeps", {"name": "../x"}),
        ("planned", {"trial_id": "a"}),
        ("planned", {"sweep": "unknown"}),
        ("outcomes", {"status": "lost"}),
        ("epochs", {"epoch": None}),
    ],
)
def test_rows_that_no_ledger_has_are_refused(
    tmp_path: Path, sidecar: Sidecar, table: str, change: dict[str, str]
) -> None:
    rows = {**sidecar.rows, table: [{**sidecar.rows[table][0], **change}]}
    write_sidecar(tmp_path, replace(sidecar, rows=rows))
    with Ledger.open(tmp_path / "new", write=True) as ledger:
        with pytest.raises(StorageError, match=r"b-1\.json"):
            restore(ledger, read_sidecar(tmp_path / sidecar.path))
        assert ledger.known() == {}
