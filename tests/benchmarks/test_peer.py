"""The peer: time of all processes of a command, and what voids the comparison."""

from __future__ import annotations

import dataclasses
import sys
from pathlib import Path

import pytest
import torch

from benchmarks import peer
from benchmarks.frame import Measurement, Setting
from benchmarks.metered import Used, metered
from benchmarks.peer import Trial, Turn
from benchmarks.reference_style import tuned
from benchmarks.workload import ACCURACIES
from lps_sweep.models import build_network
from lps_sweep.plan import read_space

USES_S = 0.5
CHILD = f"import time\nwhile time.process_time() < {USES_S}: pass\n"
PARENT = f"""
import signal, subprocess, sys
child = [sys.executable, "-c", {CHILD!r}]
subprocess.run(child)
leaves = "import subprocess, sys; subprocess.Popen(sys.argv[1:])"
subprocess.run([sys.executable, "-c", leaves, *child])
signal.signal(signal.SIGCHLD, signal.SIG_IGN)
child[-1] += "time.sleep(2)"
with subprocess.Popen(child, stdout=subprocess.PIPE) as unwaited:
    unwaited.stdout.read()
"""


@pytest.mark.slow
def test_the_time_of_every_process_below_a_command_counts_once(tmp_path: Path) -> None:
    """A child, one that is left behind, and one that nobody waits for."""
    used = metered([sys.executable, "-c", PARENT], tmp_path / "used.json")
    assert 0.9 * USES_S < used.unwaited_s < 1.9 * USES_S
    assert 2.9 * USES_S < used.cpu_s < 3.9 * USES_S
    assert used.wall_s > 2


def test_a_command_that_fails_is_an_error_with_its_last_words(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="code 3: no such luck"):
        metered(
            [sys.executable, "-c", "print('no such luck'); raise SystemExit(3)"],
            tmp_path / "used.json",
        )


def turn(seconds: float, all_: float = 70.0, number: int = 4, images: int = 100) -> Turn:
    accuracies = [all_ - 1, all_ + 1] * (number // 2)
    metrics = [dict.fromkeys(ACCURACIES, value) for value in accuracies]
    return Turn(Used(0, seconds / 2, seconds, 0.0), [Trial(one, images) for one in metrics])


def failed(theirs: Turn, ours: Turn) -> list[str]:
    found = peer.compared(theirs, ours, 4)
    assert found.valid == (not [check for check in found.checks if not check.passes])
    return [check.name.split(":")[0] for check in found.checks if not check.passes]


def test_the_ratios_are_those_of_both_clocks() -> None:
    found: Measurement = peer.compared(turn(40.0), turn(10.0), 4)
    assert found.valid
    assert [ratio.values for ratio in found.ratios] == [[4.0], [4.0]]
    assert [ratio.baseline_s for ratio in found.ratios] == [(40.0,), (20.0,)]


def test_other_work_or_another_result_voids_the_comparison() -> None:
    right = turn(10.0)
    assert failed(turn(30.0), right) == []
    assert failed(turn(30.0, number=2), right)[0] == "trials done"
    assert failed(turn(30.0, images=99), right) == ["images trained on by the peer, less ours"]
    assert failed(turn(30.0, all_=72.0), right) == []
    assert failed(turn(30.0, all_=76.0), right) == [*ACCURACIES]
    nothing = dataclasses.replace(right, trials=[Trial(t.metrics, 0) for t in right.trials])
    assert failed(nothing, nothing) == ["images trained on"]


def test_the_job_is_the_whole_sweep_unless_less_is_asked_for() -> None:
    cpu = torch.device("cpu")
    space = read_space(peer.SPACE)
    assert peer.Sizes.of(Setting(cpu)).levels ** 2 * len(space.seeds) == space.num_trials
    assert peer.Sizes.of(Setting(cpu)).pairs >= 3
    asked = peer.Sizes.of(Setting(cpu, sizes={"pairs": 1, "levels": 3, "epochs": 2}))
    assert (asked.pairs, asked.levels, asked.changed) == (1, 3, {"epochs": 2})
    assert peer.Sizes.of(Setting(cpu, quick=True)).changed == {"epochs": 1, "pretrain_epochs": 1}


def test_the_rows_of_an_epoch_are_those_of_its_batches() -> None:
    assert peer.images_by_epoch(peer.SPACE) == 9 * 256


@pytest.mark.slow
def test_a_trial_of_the_peer_tells_its_accuracies_and_rows_after_each_epoch(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[dict[str, float]] = []
    monkeypatch.setattr("ray.tune.report", told.append)
    torch.save(build_network("small_cnn", 1).state_dict(), tmp_path / "trunk.pt")
    settings = ["epochs=2", "batch_size=256"]
    job = tuned.Job("digits", settings, {}, 3, str(tmp_path / "trunk.pt"), str(tmp_path))
    tuned.train({"C": 5, "tau": 0.2}, job)
    space = tmp_path / "space.yaml"
    space.write_text("name: x\npreset: digits\nset: {batch_size: 256}\nseeds: [0]\n")
    rows = peer.images_by_epoch(space)
    assert [one["images"] for one in told] == [rows, 2 * rows]
    for one in told:
        assert all(0 < one[name] <= 100 for name in ACCURACIES)


@pytest.mark.slow
@pytest.mark.integration
def test_both_sides_train_the_same_images() -> None:
    found = peer.measure(Setting(torch.device("cpu"), quick=True))
    assert found.valid, found.checks
    assert [len(ratio.values) for ratio in found.ratios] == [1, 1]
    assert found.facts["images trained on"] == 4 * 9 * 256
