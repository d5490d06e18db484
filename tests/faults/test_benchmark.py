"""The matrix of the benchmark: one case of each kind, and that it goes on where it was."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks import faults
from benchmarks.fault_kinds import KINDS

pytestmark = pytest.mark.fault


@pytest.mark.slow
def test_one_case_of_each_kind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        faults, "KINDS", {kind: (fault, 1, 1) for kind, (fault, *_) in KINDS.items()}
    )
    notes = tmp_path / "notes.jsonl"
    results = faults.run_matrix(quick=False, seed=3, notes=notes, memory=None)
    assert [result.kind for result in results] == list(KINDS)
    assert [result.findings for result in results] == [[]] * len(KINDS)
    assert sum(result.injected for result in results) >= len(KINDS) - 1
    assert all(20 <= result.acknowledged <= 24 for result in results)
    shown = faults.table(results)
    assert all(f"| {kind} | 1 |" in shown for kind in KINDS)


def test_an_interrupted_matrix_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kind = "disk full"
    monkeypatch.setattr(faults, "KINDS", {kind: (KINDS[kind][0], 3, 3)})
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
    assert faults.counted(findings) == (2, 0, 1)
    assert faults.counted(["I1: planned 2 times: a", "I2: recorded 2 times: b"]) == (0, 2, 0)
    assert faults.counted([]) == (0, 0, 0)
