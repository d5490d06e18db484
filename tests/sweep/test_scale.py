"""R25: a ledger of ten thousand trials is gone on with by little work, and in little memory."""

from __future__ import annotations

import os
from pathlib import Path
from unittest import mock

import pytest

from lps_sweep.cli import main
from lps_sweep.plan import expand, read_space
from lps_sweep.results import Ledger, driver_lock, sidecar_of, write_sidecar
from lps_sweep.sweep.content import content_of
from lps_sweep.sweep.planned import sweep_record, trial_record
from tests.counted import counted_calls
from tests.own_process import python

pytestmark = pytest.mark.slow

NUM_TRIALS, NUM_FEW = 10**4, 6**4
EPOCHS = 3
METRICS = {"acc_seen": 99.0, "acc_novel": 90.0, "acc_all": 93.0, "nmi_novel": 88.0}
RESUME = """\
import sys
from pathlib import Path
from lps_sweep.plan import read_space
from lps_sweep.sweep.run import run_sweep
from tests.counted import counted_calls
def never(*_): raise SystemExit("something was started")
def peak_kb(): return int(Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0])
space, before = read_space(Path(sys.argv[1])), peak_kb()
with counted_calls() as calls:
    outcome = run_sweep(space, Path(sys.argv[2]), make_executor=never, make_progress=never)
print(outcome.counts.done, calls.number, (peak_kb() - before) / 1024)
"""


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a search space of 10,000 trials, and results in which all are done."""
    return finished(tmp_path_factory.mktemp("large"), 10)


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same with 1,296 trials."""
    return finished(tmp_path_factory.mktemp("small"), 6)


def finished(folder: Path, num_levels: int) -> Path:
    levels = [(i + 1) / 10 for i in range(num_levels)]
    grid = "\n".join(f"  {axis}: {levels}" for axis in ("C", "tau", "eta1", "eta2"))
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
            sidecar = sidecar_of(ledger, trial)
            assert sidecar is not None
            write_sidecar(results, sidecar)
    return folder


def resumed(folder: Path) -> tuple[int, int, float]:
    """Trials that are done, calls that it took to find that out, and the memory in MB."""
    ended = python("-c", RESUME, folder / "large.yaml", folder / "results")
    assert ended.returncode == 0, ended.stderr
    done, calls, megabytes = ended.stdout.split()
    return int(done), int(calls), float(megabytes)


def test_a_ledger_of_ten_thousand_trials_is_gone_on_with(large: Path, small: Path) -> None:
    done, calls, megabytes = resumed(large)
    few, calls_of_few, _ = resumed(small)
    assert (done, few) == (NUM_TRIALS, NUM_FEW)
    assert calls / done < 1.2 * calls_of_few / few
    assert calls / done < 1000
    assert megabytes < 300


@pytest.mark.parametrize(
    ("verb", "growth"), [("plan", 1.2), ("status", 1.2), ("check", 1.2), ("show", 0.2)]
)
def test_the_calls_of_looking_grow_with_the_trials_at_the_most(
    verb: str, growth: float, large: Path, small: Path
) -> None:
    numbers = []
    for folder in (small, small, large):
        results = str(folder / "results")
        with Ledger.open(folder / "results") as ledger:
            trial = next(iter(ledger.known()))
        words = {
            "plan": ["plan", str(folder / "large.yaml"), "--results", results],
            "show": ["show", results, trial],
        }.get(verb, [verb, results])
        with counted_calls() as calls:
            assert main(words) == 0
        numbers.append(calls.number)
    _loading_included, few, many = numbers
    assert many / NUM_TRIALS < growth * few / NUM_FEW


def test_a_lost_ledger_of_ten_thousand_trials_is_rebuilt(large: Path, tmp_path: Path) -> None:
    results = tmp_path / "results"
    (results / "artefacts").mkdir(parents=True)
    for path in (large / "results" / "artefacts").iterdir():
        os.link(path, results / "artefacts" / path.name)
    with mock.patch("os.fsync", return_value=None):
        assert main(["check", str(results), "--repair"]) == 0
    with Ledger.open(results) as ledger:
        assert len(ledger.finished()) == NUM_TRIALS
