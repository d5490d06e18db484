"""B2: triples made on the GPU, eager and captured, against loader workers and a CPU core.

All sides end with float32 triples on the device. The views must be those that a CPU makes.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader

from benchmarks.augmentation import RECIPE, VIEWS, Triple, batched, images_of
from benchmarks.frame import (
    Benchmark,
    Case,
    Check,
    Measurement,
    Ratio,
    Setting,
    clock_name,
    in_turns,
)
from benchmarks.reference_style.views import Views
from benchmarks.states import difference
from lps_sweep.data.views import make_view, view_key, view_under

BATCHES = 4
"""Batches of a turn."""

TOLERANCE = 1e-6
"""Of normalised values; a level of 256 is more than 0.01."""


class Captured:
    """The three views as a graph that is replayed; keys and images are copied into it."""

    def __init__(self, images: Tensor) -> None:
        self._images = images.clone()
        zeros = torch.zeros((len(VIEWS), 2), dtype=torch.int64)
        self._keys = zeros.to(images.device)
        stream = torch.cuda.Stream(images.device)  # type: ignore[no-untyped-call]
        stream.wait_stream(torch.cuda.current_stream(images.device))
        with torch.cuda.stream(stream):
            for _ in range(3):
                self._made = self._make()
        torch.cuda.current_stream(images.device).wait_stream(stream)
        self._graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(self._graph):
            self._made = self._make()

    def __call__(self, images: Tensor, step: int) -> Triple:
        """The triple, overwritten by the next call."""
        keys = torch.tensor([view_key(view, (0, step)) for view in VIEWS]).pin_memory()
        self._images.copy_(images)
        self._keys.copy_(keys, non_blocking=True)
        self._graph.replay()
        return self._made

    def _make(self) -> Triple:
        return [
            view_under((key[0], key[1]), self._images, RECIPE, view, True)
            for key, view in zip(self._keys, VIEWS, strict=True)
        ]


def eager(images: Tensor, step: int) -> Triple:
    """The fixed-shape views, operation by operation."""
    return [make_view(images, RECIPE, view, (0, step), fixed_shape=True) for view in VIEWS]


def by_workers(images: Tensor, device: torch.device) -> Callable[[int], object]:
    """A turn of a Pillow loader with two workers, which it starts."""
    count = len(images)
    pixels = np.ascontiguousarray(images.permute(0, 2, 3, 1).numpy())
    views = Views(np.tile(pixels, (BATCHES, 1, 1, 1)), np.zeros(count * BATCHES, int), train=True)

    def turn(_: int) -> None:
        for made, _labels in DataLoader(views, batch_size=count, num_workers=2):
            for view in made:
                view.to(device)

    return turn


def measure(setting: Setting, batch_size: int = 512) -> Measurement:
    """All sides in turns; the captured one on a GPU alone."""
    device = setting.device
    on_host = images_of(batch_size)
    images = on_host.to(device)
    makers: dict[str, Callable[[Tensor, int], Triple]] = {"eager": eager}
    if setting.on_cuda:
        makers["captured"] = Captured(images)
    checks = []
    for (name, maker), step in itertools.product(makers.items(), (3, 8)):
        made = [view.cpu() for view in maker(images, step)]
        gap = difference(made, batched(on_host, step))
        checks.append(Check(f"{name}, step {step}: difference to the CPU's views", gap, TOLERANCE))
    moved = difference(batched(on_host, 3), batched(on_host, 8))
    checks.append(Check("difference of two steps", moved, high=math.inf, low=0.1))

    def on_cpu(pair: int) -> None:
        for step in range(BATCHES):
            for view in batched(on_host, pair * BATCHES + step + BATCHES):
                view.to(device)

    def turn_of(maker: Callable[[Tensor, int], Triple]) -> Callable[[int], object]:
        return lambda pair: [maker(images, (pair + 1) * BATCHES + i) for i in range(BATCHES)]

    sides = {name: turn_of(maker) for name, maker in makers.items()}
    sides |= {"workers": by_workers(on_host, device), "cpu": on_cpu}
    times = in_turns(sides, setting.pairs, device)
    ratios = []
    for name in makers:
        ours = f"{name}, fixed shapes"
        ratios.append(Ratio("Pillow, 2 workers", ours, times["workers"], times[name]))
        ratios.append(Ratio("batched on a CPU, copied", ours, times["cpu"], times[name]))
    each = {name: 1000 * min(values) / BATCHES for name, values in times.items()}
    return Measurement(checks, ratios, {"ms per batch": each}, clock_name(device))


BENCHMARK = Benchmark(
    "augmentation on a GPU",
    lambda _: [Case("triples", "triples of 512 images of 3 x 32 x 32", measure, needs_cuda=True)],
)
