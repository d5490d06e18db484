"""B9: N processes that share a GPU, as fractions of it in Ray give, against one after the other.

Each process trains one trial; told to, it trains an epoch and answers. The same processes are timed
at once and in turn, with the GPU's time slices or with MPS; a pack of the same N trials is timed
beside them. Wall-clock time. The trials must end equal, to the bit, in pack and processes.
"""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import io
import itertools
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from multiprocessing.connection import Connection
from pathlib import Path
from unittest.mock import patch

import torch

from benchmarks.frame import Case, Check, Measurement, Setting, SkipError, in_turns
from benchmarks.states import difference
from benchmarks.workers import Worker
from benchmarks.workload import GRAPH, Size, configs_of, member_state, run_of, train
from lps_sweep.config import Config
from lps_sweep.train import set_up_device
from lps_sweep.train.checkpoint import state_bytes
from lps_sweep.train.device import wait_for

CONTROL = "nvidia-cuda-mps-control"
CONTROL_S = 30.0
"""Seconds that it has to start, or to end."""


def work(pipe: Connection, size: Size, config: Config, device: str) -> None:
    """A worker's life: trained once, an epoch for each ``train``, its state for each other word."""
    run = run_of(size, [config], set_up_device(device, num_threads=1))
    train([run], 0)
    pipe.send("done")
    epochs = itertools.count(1)
    while True:
        if pipe.recv() == "train":
            train([run], next(epochs))
            pipe.send("done")
        else:
            pipe.send(state_bytes(member_state(run, 0)))


def measure(size: Size, count: int, with_mps: bool, setting: Setting) -> Measurement:
    """Times the workers at once and in turn, and the pack, twice as it trains as many epochs."""
    size = dataclasses.replace(size, epochs=2 * setting.pairs + 3)
    configs = configs_of(size, count)
    pack = run_of(size, configs, setting.device)
    train([pack], 0)
    epochs = itertools.count(1)
    with contextlib.ExitStack() as stack:
        if with_mps:
            stack.enter_context(_mps())
        workers = [
            stack.enter_context(Worker(work, size, config, str(setting.device)))
            for config in configs
        ]
        for worker in workers:
            worker.answer()
        times = in_turns(
            {
                "one after the other": lambda _: _trained(workers, in_turn=True),
                "at once": lambda _: _trained(workers),
                "pack": lambda _: train([pack], next(epochs)),
                "pack, again": lambda _: train([pack], next(epochs)),
            },
            setting,
            _wall,
            "wall-clock time",
        )
        apart = [difference(member_state(pack, i), _state(w)) for i, w in enumerate(workers)]
    checks = [Check("largest difference of process and member, all state", max(apart))]
    if count > 1:
        spread = difference(member_state(pack, 0), member_state(pack, 1))
        checks.append(Check.above("largest difference of two trials", spread, 1e-12))
    return times.measurement(checks)


def _trained(workers: Sequence[Worker], *, in_turn: bool = False) -> None:
    for group in [[worker] for worker in workers] if in_turn else [workers]:
        for worker in group:
            worker.tell("train")
        for worker in group:
            worker.answer()


def _state(worker: Worker) -> object:
    worker.tell("state")
    return torch.load(io.BytesIO(worker.answer()), weights_only=True)


def _wall(call: Callable[[], object], device: torch.device) -> float:
    wait_for(device)
    started = time.perf_counter()
    call()
    wait_for(device)
    return time.perf_counter() - started


@contextlib.contextmanager
def _mps() -> Iterator[None]:
    """A daemon of CUDA's multi-process service of our own, for processes that start within.

    Raises:
        SkipError: The program is missing or does not start.
    """
    if shutil.which(CONTROL) is None:
        raise SkipError(f"{CONTROL} is not installed")
    with tempfile.TemporaryDirectory() as folder:
        environment = {"CUDA_MPS_PIPE_DIRECTORY": folder, "CUDA_MPS_LOG_DIRECTORY": folder}
        with patch.dict(os.environ, environment):
            start = functools.partial(subprocess.run, text=True, timeout=CONTROL_S)
            log = Path(folder) / "start"  # not a pipe, which the daemon would hold open
            with log.open("w") as file:
                try:
                    start([CONTROL, "-d"], stdout=file, stderr=file, check=True)
                except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as error:
                    reason = f"{CONTROL} does not start: {error}; {log.read_text()}"
                    raise SkipError(reason) from None
            try:
                yield
            finally:
                with contextlib.suppress(subprocess.TimeoutExpired):
                    start([CONTROL], input="quit\n", capture_output=True)


def cases(_: Setting) -> list[Case]:
    """Two and four processes; two with MPS."""
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
