"""The matrix of the benchmark: one case of each kind, and that it goes on where it was."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks import faults
from benchmarks.fault_figures import counted, figures, recoveries, table
from benchmarks.fault_kinds import KINDS as OF_PROCESS
from benchmarks.fault_time import TIME_KINDS

pytestmark = pytest.mark.fault

KINDS = {**OF_PROCESS, **TIME_KINDS}


@pytest.mark.slow
def test_one_case_of_each_kind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kinds = {kind: replace(about, many=1) for kind, about in KINDS.items()}
    monkeypatch.setattr(faults, "KINDS", kinds)
    notes = tmp_path / "notes.jsonl"
    results = faults.run_matrix(quick=False, seed=3, notes=notes, memory=None)
    assert [result.kind for result in results] == list(KINDS)
    assert [result.findings for result in results] == [[]] * len(KINDS)
    assert sum(result.injected for result in results) >= len(KINDS) - 1
    assert all(20 <= result.acknowledged <= 24 for result in results)
    shown = table(figures(results, list(KINDS)))
    assert all(f"| {kind} | 1 |" in shown for kind in KINDS)


@pytest.mark.slow
def test_an_interrupted_matrix_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kind = "disk full"
    monkeypatch.setattr(faults, "KINDS", {kind: replace(KINDS[kind], many=3)})
    notes = tmp_path / "notes.jsonl"
    faults.run_matrix(quick=False, seed=3, notes=notes, memory=None)
    lines = notes.read_text().splitlines()
    marked = json.dumps({**json.loads(lines[0]), "injected": 99})
    notes.write_text(marked + "\n")
    results = faults.run_matrix(quick=False, seed=3, notes=notes, memory=None)
    assert [result.number for result in results] == [0, 1, 2]
    assert results[0].injected == 99, "taken from the notes"
    assert len(notes.read_text().splitlines()) == 3


def test_a_loss_is_counted() -> None:
    findings = ["I2: epoch 1 of trial a is lost", "I1: trial a has 0 outcomes", "I4: taken up"]
    assert counted(findings) == (2, 0, 1)
    assert counted(["I1: planned 2 times: a", "I2: recorded 2 times: b"]) == (0, 2, 0)
    assert counted([]) == (0, 0, 0)


def test_recovery_is_that_of_a_trial_which_was_hit() -> None:
    def event(kind: str, at: float, **facts: object) -> dict[str, object]:
        return {"kind": kind, "at": at, **facts}

    begun = [event("run", 0.0), event("start", 1.0, trial="a")]
    blow = [event("struck", 2.0), event("start", 3.0, trial="b"), event("start", 7.0, trial="a")]
    assert list(recoveries([*begun, *blow])) == [5.0]
    assert list(recoveries([*begun, event("finished", 1.5, trial="a"), *blow])) == []
    killed = [event("exit", 2.0, code=-9), event("run", 3.0), event("start", 3.5, trial="a")]
    assert list(recoveries([*begun, *killed])) == [0.5]
    assert table(figures([], [])).count("\n") == 1
