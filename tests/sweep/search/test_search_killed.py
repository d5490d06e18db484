"""A real search, killed twice by SIGKILL, ends with the configurations of one left alone."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from lps_sweep.errors import LpsSweepError
from lps_sweep.results import Ledger

SPACE = Path(__file__).parents[3] / "search_spaces" / "optuna_tpe.yaml"
CONFIGURATIONS = 8
KILLED_AT = (2, 5)
"""Finished trials at which the driver is killed."""
TIMEOUT_S = 480


@pytest.fixture
def space(tmp_path: Path) -> Path:
    """The project's own search, but smaller, and with one configuration at a time."""
    content = yaml.safe_load(SPACE.read_text())
    content |= {"set": {"epochs": 3, "pretrain_epochs": 1}, "seeds": [0]}
    content["optuna"] |= {"configurations": CONFIGURATIONS, "together": 1, "startup": 3}
    file = tmp_path / "search.yaml"
    file.write_text(yaml.safe_dump(content, sort_keys=False))
    return file


class Drivers:
    """Processes that run the command line; none is left behind."""

    def __init__(self, space: Path) -> None:
        self._space = space
        self._all: list[subprocess.Popen[bytes]] = []

    def start(self, results: Path, *options: str) -> subprocess.Popen[bytes]:
        """Runs the search; what it prints goes to a file beside `results`."""
        command = ["run", str(self._space), "--results", str(results), *options]
        with results.with_suffix(".out").open("ab") as output:
            process = subprocess.Popen(
                [sys.executable, "-m", "lps_sweep", *command], stdout=output, stderr=output
            )
        self._all.append(process)
        return process

    def end(self) -> None:
        """Kills what still runs."""
        for process in self._all:
            process.kill()
            process.wait()


@pytest.fixture
def drivers(space: Path) -> Iterator[Drivers]:
    found = Drivers(space)
    yield found
    found.end()


def finished(results: Path) -> int:
    """Trials that are done, as far as the ledger can be read just now."""
    try:
        with Ledger.open(results) as ledger:
            return len(ledger.outcomes("optuna_tpe"))
    except LpsSweepError:
        return 0


def kill_at(number: int, process: subprocess.Popen[bytes], results: Path) -> None:
    deadline = time.monotonic() + TIMEOUT_S
    while finished(results) < number:
        text = results.with_suffix(".out")
        assert process.poll() is None, text.read_text()
        assert time.monotonic() < deadline, text.read_text()
        time.sleep(0.05)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert finished(results) < CONFIGURATIONS


def asked(results: Path) -> list[str]:
    """The configurations in the order of asking, with what came of them."""
    with Ledger.open(results) as ledger:
        rows = ledger.trial_rows("optuna_tpe", False)
    assert {row.status for row in rows} == {"done"}
    return [json.dumps([row.trial_id, row.swept, row.metrics["acc_all"]]) for row in rows]


@pytest.mark.slow
@pytest.mark.fault
@pytest.mark.timeout(3 * TIMEOUT_S)
@pytest.mark.parametrize(
    "options",
    [pytest.param(("--inline",), id="inline"), pytest.param((), id="ray", marks=pytest.mark.long)],
)
def test_a_search_killed_twice_ends_as_one_left_alone(
    drivers: Drivers, tmp_path: Path, options: tuple[str, ...]
) -> None:
    if not options:
        pytest.importorskip("ray")
    alone, killed = tmp_path / "alone", tmp_path / "killed"
    assert drivers.start(alone, "--inline").wait(TIMEOUT_S) == 0
    for number in KILLED_AT:
        kill_at(number, drivers.start(killed, *options), killed)
    assert drivers.start(killed, *options).wait(TIMEOUT_S) == 0
    found = asked(killed)
    assert len(found) == len({json.loads(one)[0] for one in found}) == CONFIGURATIONS
    assert found == asked(alone)
