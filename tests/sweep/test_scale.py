"""R25: a ledger of ten thousand trials is gone on with in seconds, and in little memory."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path
from unittest import mock

import pytest

from lps_sweep.cli import main
from lps_sweep.plan import expand, read_space
from lps_sweep.results import Ledger, driver_lock, write_sidecar
from lps_sweep.sweep.content import content_of
from lps_sweep.sweep.records import sweep_record, trial_record

pytestmark = pytest.mark.slow

NUM_TRIALS = 10_000
EPOCHS = 3
LEVELS = "[0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1]"
METRICS = {"acc_seen": 99.0, "acc_novel": 90.0, "acc_all": 93.0, "nmi_novel": 88.0}
RESUME = """\
import sys, time
from pathlib import Path
from lps_sweep.plan import read_space
from lps_sweep.sweep.run import run_sweep
def never(*_): raise SystemExit("something was started")
def peak_kb(): return int(Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0])
before, started, computing = peak_kb(), time.perf_counter(), time.process_time()
outcome = run_sweep(read_space(Path(sys.argv[1])), Path(sys.argv[2]), make_executor=never,
                    make_progress=never)
took, computing = time.perf_counter() - started, time.process_time() - computing
print(outcome.counts.done, computing, took, (peak_kb() - before) / 1024)
"""


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a search space of 10,000 trials, and results in which all are done."""
    folder = tmp_path_factory.mktemp("large")
    grid = "\n".join(f"  {axis}: {LEVELS}" for axis in ("C", "tau", "eta1", "eta2"))
    file, results = folder / "large.yaml", folder / "results"
    file.write_text(
        f"name: large\npreset: digits\nset: {{epochs: {EPOCHS}}}\ngrid:\n{grid}\nseeds: [0]\n"
    )
    space = read_space(file)
    trials = expand(space, content_of)
    quick = mock.patch("os.fsync", return_value=None)
    with quick, driver_lock(results), Ledger.open(results, write=True) as ledger:
        with ledger.transaction():
            ledger.record_plan(sweep_record(space), [trial_record(trial) for trial in trials])
            ids = [trial.trial_id for trial in trials]
            for trial, attempt in ledger.start_attempts(ids, "pack", {"lps_sweep": "0"}).items():
                ledger.begin_attempt(trial, attempt, {"device": "cpu"})
                for epoch in range(1, EPOCHS + 1):
                    ledger.add_epoch(trial, attempt, epoch, METRICS, 0.1)
                ledger.finish(trial, attempt, "done", epoch=EPOCHS, metrics=METRICS)
        for trial in ids:
            sidecar = ledger.sidecar(trial)
            assert sidecar is not None
            write_sidecar(results, sidecar)
    return folder


def test_a_ledger_of_ten_thousand_trials_is_gone_on_with(large: Path) -> None:
    """Under 5 s of computing, which is what is left of the time on a machine without other work."""
    command = [sys.executable, "-c", RESUME, str(large / "large.yaml"), str(large / "results")]
    took, grown = [], []
    for _ in range(3):
        ended = subprocess.run(command, capture_output=True, text=True)
        assert ended.returncode == 0, ended.stderr
        done, computing, seconds, megabytes = ended.stdout.split()
        assert int(done) == NUM_TRIALS
        took.append(float(computing))
        grown.append(float(megabytes))
    print(f"\nresume of {NUM_TRIALS} trials: {min(took):.2f} s ({seconds} s), {max(grown):.0f} MB")
    assert min(took) < 5
    assert max(grown) < 300


@pytest.mark.parametrize(
    ("verb", "limit_s"), [("plan", 5), ("status", 1), ("check", 30), ("show", 1)]
)
def test_looking_at_ten_thousand_trials_is_quick(verb: str, limit_s: float, large: Path) -> None:
    results = str(large / "results")
    with Ledger.open(large / "results") as ledger:
        trial = ledger.trials()[0]
    words = {
        "plan": ["plan", str(large / "large.yaml"), "--results", results],
        "show": ["show", results, trial],
    }.get(verb, [verb, results])
    started = time.process_time()
    assert main(words) == 0
    took = time.process_time() - started
    print(f"\n{verb} of {NUM_TRIALS} trials: {took:.2f} s")
    assert took < limit_s


def test_a_lost_ledger_of_ten_thousand_trials_is_rebuilt(large: Path, tmp_path: Path) -> None:
    results = tmp_path / "results"
    (results / "artefacts").mkdir(parents=True)
    for path in (large / "results" / "artefacts").iterdir():
        os.link(path, results / "artefacts" / path.name)
    started = time.process_time()
    with mock.patch("os.fsync", return_value=None):
        assert main(["check", str(results), "--repair"]) == 0
    print(f"\nrepair of {NUM_TRIALS} trials: {time.process_time() - started:.1f} s")
    with Ledger.open(results) as ledger:
        assert len(ledger.finished()) == NUM_TRIALS
