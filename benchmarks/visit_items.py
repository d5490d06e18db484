"""What a first visit to a GPU looks at besides tests and benchmarks: ``visit_items NAME FOLDER``.

Each function is one item, run in a process of its own: it prints what it found, raises if that is
wrong, and skips itself where there is no GPU to look at.
"""

from __future__ import annotations

import gc
import platform
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks.frame import SkipError
from benchmarks.machine import machine_facts
from benchmarks.states import difference
from benchmarks.visit_sweeps import SWEEPS
from benchmarks.workload import FULL, SMALL, configs_of, member_state, run_of, train, with_loop
from lps_sweep.data.image_store import DeviceImages, HostImages
from lps_sweep.errors import BadInputError, DeviceError
from lps_sweep.train import check_step, set_up_device, usable_gpus
from lps_sweep.train.capture import WARM_UPS, CudaRecorder
from lps_sweep.train.device import wait_for

SKIPPED = 77
"""Exit status of an item that cannot be looked at here."""

MEMORY_SHARE = 0.02
"""Of the card's memory, for a process that is to run out of it."""


def card(_: Path) -> str:
    """Card, driver, versions, and what the compiler would need."""
    found = usable_gpus()
    print(f"python {platform.python_version()}, torch {torch.__version__}")
    print("NVIDIA's driver:", found.driver or "none")
    if not found.number:
        raise SkipError(found.trouble)
    if shutil.which("nvidia-smi"):
        query = ["nvidia-smi", "--query-gpu=name,memory.total,driver_version", "--format=csv"]
        print(subprocess.run(query, capture_output=True, text=True, timeout=30).stdout.strip())
    device = set_up_device("cuda", 1)
    print(machine_facts(device))
    try:
        check_step(with_config(compile=True).loop, device)
        print("compile: all that it needs is here")
    except BadInputError as error:
        print(error)
    free, total = torch.cuda.mem_get_info(device)
    return f"{torch.cuda.get_device_name(device)}, {free / 1e9:.1f} of {total / 1e9:.1f} GB free"


def with_config(**loop: Any) -> Any:
    """A small configuration with other settings of the loop."""
    return configs_of(with_loop(SMALL, **loop), 1)[0]


def memory(_: Path) -> str:
    """Out of memory inside a capture is told as such, and as the end of the process."""
    device = gpu()
    torch.cuda.set_per_process_memory_fraction(MEMORY_SHARE, 0)
    size = int(2 * MEMORY_SHARE * torch.cuda.mem_get_info(device)[1])
    recorder = CudaRecorder(device)
    kept = torch.ones(1, device=device)

    def work() -> None:
        kept.add_(torch.empty(size, dtype=torch.uint8, device=device)[0])

    try:
        recorder.record(work)
    except DeviceError as error:
        print(error)
        print("recording still:", torch.cuda.is_current_stream_capturing())
        print("beside the outer stream:", torch.cuda.current_stream(device).stream_id != 0)
        if not error.out_of_memory:
            raise RuntimeError("it is not told as want of memory") from error
        return "want of memory in a capture ends the process, and is told as what it is"
    raise RuntimeError("twice the memory that there is was recorded")


def garbage(_: Path) -> str:
    """A graph that is garbage before another is recorded, or becomes it meanwhile, does no harm."""
    device = gpu()
    gc.disable()
    earlier = [graph_of(torch.zeros(1000, device=device)) for _ in range(2)]
    abandon(earlier.pop())
    numbers = torch.zeros(1000, device=device)
    recorder = CudaRecorder(device)

    def work() -> None:
        if torch.cuda.is_current_stream_capturing():
            abandon(earlier.pop())
            gc.set_threshold(1)  # it would be found at once, were the collector not held off
        add(numbers)

    recorder.warm_up(work)
    gc.set_threshold(1_000_000)
    gc.enable()
    replay = recorder.record(work)
    replay()
    if not torch.equal(numbers, torch.full_like(numbers, 40.0)):
        raise RuntimeError("the replay gave other numbers")
    return "recorded while other graphs were garbage, and replays right"


def add(numbers: torch.Tensor) -> None:
    """Twenty additions, each with something for the collector."""
    for _ in range(20):
        abandon({})
        numbers.add_(1.0)


def abandon(thing: object) -> None:
    """Leaves `thing` where only the collector finds it."""
    circle: list[object] = [thing]
    circle.append(circle)


def graph_of(numbers: torch.Tensor) -> object:
    """A recorded addition, with all that it needs."""
    recorder = CudaRecorder(numbers.device)
    recorder.warm_up(lambda: add(numbers))
    return [recorder.record(lambda: add(numbers)), recorder]


def bits(_: Path) -> str:
    """Recorded training ends with the bits of eager training, at full size and in both methods."""
    device = gpu()
    size = with_loop(FULL, precision="float32")
    ends = []
    for graph in (False, True):
        started = time.monotonic()
        run = run_of(size, configs_of(with_loop(size, graph=graph), 2), device)
        for epoch in range(2):
            train([run], epoch)
        ends.append([member_state(run, 0), member_state(run, 1)])
        print(f"graph {graph}: {time.monotonic() - started:.1f} s")
    apart, spread = difference(*ends), difference(*ends[0])
    if apart != 0 or spread == 0:
        raise RuntimeError(f"graph and eager differ by {apart:g}, two trials by {spread:g}")
    steps = 2 * size.num_steps - WARM_UPS
    return f"largest difference of graph and eager: 0, all state of 2 trials, {steps} replays"


def uploads(_: Path) -> str:
    """Large images come from the host as they are, however far the host runs ahead."""
    found = usable_gpus()
    device = set_up_device("cuda" if found.number else "cpu", 1)
    side, count, rows, batches = (224, 2000, 512, 40) if found.number else (32, 200, 64, 4)
    generator = np.random.default_rng(0)
    images = generator.integers(0, 256, (count, 3, side, side), dtype=np.uint8)
    host, resident = HostImages(images, device), DeviceImages(images, device)
    asked = [torch.from_numpy(generator.integers(0, count, rows)) for _ in range(batches)]
    wait_for(device)
    started = time.monotonic()
    wrong = [(host[taken] != resident[taken]).sum() for taken in asked]
    wait_for(device)
    took = time.monotonic() - started
    if sum(int(number) for number in wrong):
        raise RuntimeError("batches from the host are not the images")
    moved = rows * batches * images[0].nbytes / 1e9
    where = "" if found.number else " (on a CPU: nothing is uploaded)"
    return f"{batches} batches of {rows}, {moved:.1f} GB in {took:.1f} s, all right{where}"


def gpu() -> torch.device:
    """The GPU, set up.

    Raises:
        SkipError: There is none.
    """
    if not usable_gpus().number:
        raise SkipError("no GPU: skipped")
    return set_up_device("cuda", 1)


ITEMS: dict[str, Callable[[Path], str]] = {
    "card": card,
    "memory": memory,
    "garbage": garbage,
    "bits": bits,
    "uploads": uploads,
    **SWEEPS,
}


def main(name: str, folder: str) -> int:
    """Looks at one item; its last line says what was found."""
    try:
        print(ITEMS[name](Path(folder)))
    except SkipError as reason:
        print(reason)
        return SKIPPED
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:3]))
