"""B9: N processes that share a GPU, as fractions of it in Ray give, against one after the other.

Each process trains one trial; told to, it trains an epoch and answers. The same processes are timed
at once and in turn, with the GPU's time slices or with MPS; a pack of the same N trials is timed
beside them. Wall-clock time. The trials must end equal, to the bit, in pack and processes.
"""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import json
import math
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import torch

from benchmarks.frame import Benchmark, Case, Check, Measurement, Ratio, Setting, SkipError
from benchmarks.states import difference
from benchmarks.workload import GRAPH, Size, configs_of, member_state, run_of, train
from lps_sweep.train import set_up_device

CONTROL = "nvidia-cuda-mps-control"


class Worker:
    """A process with a Run of one member."""

    def __init__(
        self, size: Size, count: int, number: int, device: str, environment: Mapping[str, str]
    ) -> None:
        facts = {"size": dataclasses.asdict(size), "count": count, "number": number}
        self._process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.sharing", json.dumps(facts), device],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, **environment},
        )

    def tell(self, word: str) -> None:
        """Sends a line."""
        assert self._process.stdin
        self._process.stdin.write(word + "\n")
        self._process.stdin.flush()

    def wait(self) -> None:
        """Waits for an answer.

        Raises:
            RuntimeError: The process ended instead.
        """
        assert self._process.stdout
        if self._process.stdout.readline().strip() != "done":
            raise RuntimeError(f"a worker ended: {self._process.wait(60)}")

    def close(self) -> None:
        """Ends it."""
        self._process.kill()
        self._process.communicate()


def work(facts: str, device: str) -> None:
    """A worker's life: an epoch for each ``train``, its state for each path."""
    given = json.loads(facts)
    size = Size(**given["size"])
    config = configs_of(size, given["count"])[given["number"]]
    run = run_of(size, [config], set_up_device(device, num_threads=1))
    epoch = 0
    train([run], epoch)
    print("done", flush=True)
    for line in sys.stdin:
        if line.strip() == "train":
            epoch += 1
            train([run], epoch)
        else:
            torch.save(member_state(run, 0), line.strip())
        print("done", flush=True)


def measure(size: Size, count: int, with_mps: bool, setting: Setting) -> Measurement:
    """Times the workers at once and in turn, and the pack."""
    size = dataclasses.replace(size, epochs=2 * setting.pairs + 1)
    pack = run_of(size, configs_of(size, count), setting.device)
    train([pack], 0)
    taken: dict[str, list[float]] = {"at once": [], "in turn": [], "pack": []}
    with contextlib.ExitStack() as stack:
        environment = stack.enter_context(_mps()) if with_mps else {}
        workers = [Worker(size, count, i, str(setting.device), environment) for i in range(count)]
        for worker in workers:
            stack.callback(worker.close)
        _all(workers)
        for pair in range(setting.pairs):
            taken["at once"].append(_wall(lambda: _told(workers)))
            taken["in turn"].append(_wall(lambda: _told_in_turn(workers)))
            first = functools.partial(train, [pack], 2 * pair + 1)
            second = functools.partial(train, [pack], 2 * pair + 2)
            taken["pack"].append((_wall(first) + _wall(second)) / 2)
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        states = [_state_of(worker, folder / f"{i}.pt") for i, worker in enumerate(workers)]
    apart = max(difference(member_state(pack, i), state) for i, state in enumerate(states))
    checks = [Check("largest difference of process and member, all state", apart)]
    if count > 1:
        spread = difference(states[0], states[1])
        checks.append(Check("largest difference of two trials", spread, high=math.inf, low=1e-12))
    times = {name: tuple(values) for name, values in taken.items()}
    ratios = [
        Ratio("one after the other", name, times["in turn"], times[name])
        for name in ("at once", "pack")
    ]
    return Measurement(checks, ratios, {}, "wall-clock time")


def _all(workers: list[Worker]) -> None:
    for worker in workers:
        worker.wait()


def _told(workers: list[Worker]) -> None:
    for worker in workers:
        worker.tell("train")
    _all(workers)


def _told_in_turn(workers: list[Worker]) -> None:
    for worker in workers:
        _told([worker])


def _state_of(worker: Worker, path: Path) -> object:
    worker.tell(str(path))
    worker.wait()
    return torch.load(path, weights_only=True)


def _wall(call: Callable[[], object]) -> float:
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    started = time.perf_counter()
    call()
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return time.perf_counter() - started


@contextlib.contextmanager
def _mps() -> Iterator[dict[str, str]]:
    """A daemon of CUDA's multi-process service of our own; the environment that leads to it.

    Raises:
        SkipError: The program is missing or does not start.
    """
    if shutil.which(CONTROL) is None:
        raise SkipError(f"{CONTROL} is not installed")
    with tempfile.TemporaryDirectory() as folder:
        environment = {"CUDA_MPS_PIPE_DIRECTORY": folder, "CUDA_MPS_LOG_DIRECTORY": folder}
        full = {**os.environ, **environment}
        started = subprocess.run([CONTROL, "-d"], env=full, capture_output=True, text=True)
        if started.returncode:
            raise SkipError(f"{CONTROL} does not start: {started.stderr.strip()}")
        try:
            yield environment
        finally:
            subprocess.run([CONTROL], input="quit\n", env=full, text=True, capture_output=True)


def cases(setting: Setting) -> list[Case]:
    """Two and four processes; two with MPS."""
    del setting
    size = dataclasses.replace(GRAPH, num_steps=32)
    return [
        Case(
            f"{count}-{'mps' if with_mps else 'slices'}",
            f"{count} processes{' with MPS' if with_mps else ''}, {size.text()}",
            functools.partial(measure, size, count, with_mps),
            needs_cuda=True,
        )
        for count, with_mps in ((2, False), (2, True), (4, False), (4, True))
    ]


BENCHMARK = Benchmark("sharing", cases)

if __name__ == "__main__":
    work(*sys.argv[1:3])
