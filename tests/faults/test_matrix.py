"""The matrix of the benchmark: one case of each kind, and that it goes on where it was."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from tests.faults import __main__ as matrix
from tests.faults.figures import counted, figures, recoveries, table
from tests.faults.kinds import KINDS

pytestmark = pytest.mark.fault

MEMORY = Path("/dev/shm") if Path("/dev/shm").is_dir() else None


SLOW = "SIGKILL at a random time"


@pytest.mark.parametrize(
    "names",
    [
        pytest.param([kind for kind in KINDS if kind != SLOW], id="in a child"),
        pytest.param([SLOW], id="in a process", marks=pytest.mark.slow),
    ],
)
def test_a_case_of_each_kind(
    names: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kinds = {kind: replace(KINDS[kind], many=1) for kind in names}
    monkeypatch.setattr(matrix, "KINDS", kinds)
    notes = tmp_path / "notes.jsonl"
    results = matrix.run_matrix(quick=False, seed=3, notes=notes, memory=MEMORY)
    assert [result.findings for result in results] == [[]] * len(kinds)
    assert sum(result.injected for result in results) >= len(kinds) - 1
    assert all(20 <= result.acknowledged <= 24 for result in results)
    shown = table(figures(results, list(kinds)))
    assert all(f"| {kind} | 1 |" in shown for kind in kinds)


@pytest.mark.slow
def test_an_interrupted_matrix_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kind = "disk full"
    monkeypatch.setattr(matrix, "KINDS", {kind: replace(KINDS[kind], many=3)})
    notes = tmp_path / "notes.jsonl"
    matrix.run_matrix(quick=False, seed=3, notes=notes, memory=None)
    lines = notes.read_text().splitlines()
    marked = json.dumps({**json.loads(lines[0]), "injected": 99})
    notes.write_text(marked + "\n")
    results = matrix.run_matrix(quick=False, seed=3, notes=notes, memory=None)
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
