"""Faults under Ray, one case of each kind, and a short soak; `tests.faults` has many."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

pytest.importorskip("ray")

from tests.faults import __main__ as matrix
from tests.faults import disorder, soak
from tests.faults.harness import Case
from tests.faults.kinds import EPOCHS, Setting
from tests.faults.processes import OnRay
from tests.faults.recorded import ends_by_c

pytestmark = [pytest.mark.fault, pytest.mark.slow, pytest.mark.integration]


@pytest.fixture(scope="module")
def setting(tmp_path_factory: pytest.TempPathFactory) -> Setting:
    base = tmp_path_factory.mktemp("ray")
    straight = Case.at(base / "straight", epochs=EPOCHS)
    assert straight.run() == 0
    return Setting(straight, [], 0, base / "real")


@pytest.mark.parametrize(
    "kind",
    [
        *("SIGKILL of the driver, Ray, real trainer", "worker killed", "Ray lost", "node lost"),
        *("last node lost", "node drained"),
        pytest.param("node hangs and wakes", marks=pytest.mark.long),
    ],
)
def test_one_case(kind: str, setting: Setting, tmp_path: Path) -> None:
    result = matrix.carry_out(kind, 0, setting, tmp_path / "case")
    assert result.findings == []
    assert result.injected >= 1
    assert (result.lost, result.duplicated, result.rerun) == (0, 0, 0)
    # A node may be lost once the driver has recorded an epoch, and before its worker notes that.
    unsaid = result.injected if "node" in kind else 0
    assert 24 - unsaid <= result.acknowledged <= 24
    assert result.recovery_s


def test_a_trial_that_always_hangs_fails_alone(tmp_path: Path) -> None:
    case = Case.at(tmp_path / "case", epochs=3)
    case.resources(max_pack_size=4, epoch_time_limit_s=4, max_attempts=1)
    disorder.plan(case.truth, "hold the lock", only=10)
    how = OnRay(case, epoch_s=0.1)
    assert how.run(expected=(2,)) == 2, case.truth.with_suffix(".out").read_text()
    found = ends_by_c(case.results)
    assert [row[:2] for row in found] == [(1.0, "done")] * 2 + [(10.0, "failed")] * 2
    for *_, error in found[2:]:
        assert error.startswith("no epoch ended within 4 s; the process stood here:")
        assert "disorder.py" in error


def test_a_soak_of_half_a_minute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(soak, "SHARE_OF_RAY", 0.0)
    monkeypatch.setattr(soak, "INTERVAL_S", 4.0)
    monkeypatch.setattr(soak, "EPOCH_S", 0.3)
    monkeypatch.setattr(soak, "LIMIT_S", 2.0)
    rounds = soak.Soak(0.4, 1, tmp_path / "soak", tmp_path / "notes.jsonl").run()
    assert [one.findings for one in rounds] == [[] for _ in rounds]
    assert sum(sum(one.faults.values()) for one in rounds) >= 3
    assert all(one.trials == 12 and 50 <= one.acknowledged <= 72 for one in rounds)
    assert len((tmp_path / "notes.jsonl").read_text().splitlines()) == len(rounds)
    shown = soak.summary(rounds)
    assert "0 findings" in shown
    assert "memory of a driver" in shown


def test_what_a_soak_finds_is_shown() -> None:
    rounds = [soak.Round(n, on_ray=False, usage={"files": float(n)}) for n in range(9)]
    rounds[4] = replace(rounds[4], findings=["I2: epoch 1 of trial a is lost"])
    shown = soak.summary(rounds)
    assert "1 findings" in shown
    assert "sweep 4: I2: epoch 1 of trial a is lost" in shown
    assert "files: 1 in the first third, 7 in the last" in shown
