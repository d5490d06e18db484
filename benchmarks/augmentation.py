"""Views: B1, batched against the same by Pillow, image by image, on one core; B2, made on a GPU.

Full triples (weak1, weak2, strong) of 512 colour images of 32 x 32: uint8 in, normalised float32
out. Two baselines: the loader of the reference-style loop without its processes, and `lean`, this
project's own Pillow pipeline, which takes the same random decisions as the batched code and
normalises a batch at once. The batched views must equal those of `lean`.

B2 makes triples on the GPU, eager and captured, against loader workers and a CPU core. All sides
end with triples on the device, and the views must be those that a CPU makes.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.nn import functional
from torch.utils.data import DataLoader

from benchmarks.frame import ANSWER_S, Case, Check, Measurement, Setting, in_turns
from benchmarks.reference_style.views import Views
from benchmarks.states import difference
from lps_sweep.data import data_set
from lps_sweep.data.crop import CROP_COLUMNS, draw_crops
from lps_sweep.data.randaugment import (
    AUGMENT_COLUMNS,
    OPERATIONS,
    Operations,
    draw_augments,
    fixed_operations,
    grouped_operations,
)
from lps_sweep.data.random import bits, fold_key, uniform
from lps_sweep.data.views import VIEW_IDS, make_view, view_key, view_under
from lps_sweep.train.capture import WARM_UPS, CudaRecorder
from tests.data import pil_reference as pil

GATE = 8.0
RECIPE = data_set("cifar100").recipe
VIEWS = ("weak1", "weak2", "strong")
TOLERANCE = 1e-5
"""Of normalised values; the uint8 images behind them are equal, the rounding of float32 is not."""

Triple = list[Tensor]


def images_of(count: int) -> Tensor:
    """Smoothed noise of varied contrast, uint8 (count, 3, 32, 32)."""
    smooth = functional.avg_pool2d(uniform((count, 3, 36, 36), fold_key(1)), 5, stride=1)
    low, high = smooth.amin((1, 2, 3), keepdim=True), smooth.amax((1, 2, 3), keepdim=True)
    return ((smooth - low) / (high - low) * 255).to(torch.uint8)


def batched(images: Tensor, step: int) -> Triple:
    """What training uses on a CPU."""
    return [make_view(images, RECIPE, view, (0, step)) for view in VIEWS]


def fixed(images: Tensor, step: int) -> Triple:
    """What training uses on a GPU."""
    return [make_view(images, RECIPE, view, (0, step), fixed_shape=True) for view in VIEWS]


def lean(images: Tensor, step: int) -> Triple:
    """The Pillow reference with the decisions of `batched`."""
    pictures = _pictures(images)
    mean = 255 * np.array(RECIPE.mean, dtype=np.float32)[:, None, None]
    factor = 1 / (255 * np.array(RECIPE.std, dtype=np.float32)[:, None, None])
    triple = []
    for view in VIEWS:
        key = fold_key(0, step, VIEW_IDS[view])
        made = _strong(pictures, key) if view == "strong" else _weak(pictures, key)
        stacked = np.stack([np.asarray(picture) for picture in made]).transpose(0, 3, 1, 2)
        triple.append(torch.from_numpy((stacked - mean) * factor))
    return triple


def usual(images: Tensor) -> Triple:
    """The baseline: torchvision's transforms, sample by sample, collated."""
    pixels = np.ascontiguousarray(images.permute(0, 2, 3, 1).numpy())
    views = Views(pixels, np.zeros(len(pixels), dtype=np.int64), train=True)
    samples = [views[row][0] for row in range(len(views))]
    return [torch.stack(view) for view in zip(*samples, strict=True)]


def operations_differ(kernel: Operations, images: Tensor) -> float:
    """Largest difference of any operation to Pillow's, over all magnitudes and both signs."""
    places = torch.arange(len(images))
    magnitude, negative = places % 9 + 1, places // 9 % 2 == 1
    worst = 0.0
    for number, name in enumerate(OPERATIONS):
        found = kernel(images, torch.full_like(places, number), magnitude, negative)
        for row, picture in enumerate(_pictures(images)):
            drawn = pil.Operation(name, int(magnitude[row]), bool(negative[row]))
            right = np.asarray(pil.apply_operation(picture, drawn)).transpose(2, 0, 1)
            gap = np.abs(found[row].numpy().astype(int) - right).max()
            worst = max(worst, float(gap))
    return worst


def measure(setting: Setting, batch_size: int = 512) -> Measurement:
    """The batched views against both baselines."""
    images = images_of(batch_size)
    few = images_of(18 if setting.quick else 72)
    made = batched(images, 0)
    checks = [
        Check("end to end against Pillow", difference(made, lean(images, 0)), TOLERANCE),
        Check("fixed shapes against grouped", difference(fixed(few, 0), batched(few, 0))),
        Check("each operation, grouped", operations_differ(grouped_operations, few)),
        Check("each operation, fixed shapes", operations_differ(fixed_operations, few)),
        Check.above("views differ from plain images", difference(made[0], made[1]), 0.1),
    ]
    sides = {
        "torchvision and Pillow": lambda _: usual(images),
        "lean Pillow loop": lambda pair: lean(images, pair + 1),
        "batched triples": lambda pair: batched(images, pair + 1),
    }
    times = in_turns(sides, setting)
    rates = {name: 1000 * batch_size / times.ms(name) for name in sides}
    facts = {"triples per second and core": rates}
    versus = [(name, "batched triples") for name in list(sides)[:2]]
    return times.measurement(checks, facts, low=GATE, versus=versus)


def _pictures(images: Tensor) -> list[Image.Image]:
    return [Image.fromarray(pixels) for pixels in images.permute(0, 2, 3, 1).numpy()]


def _weak(pictures: Sequence[Image.Image], key: tuple[int, int]) -> list[Image.Image]:
    crops = pil.crops_of(draw_crops(bits((len(pictures), CROP_COLUMNS), key)))
    return [pil.weak_view(p, crop) for p, crop in zip(pictures, crops, strict=True)]


def _strong(pictures: Sequence[Image.Image], key: tuple[int, int]) -> list[Image.Image]:
    drawn = bits((len(pictures), CROP_COLUMNS + AUGMENT_COLUMNS), key)
    crops = pil.crops_of(draw_crops(drawn[:, :CROP_COLUMNS]))
    augments = pil.augments_of(draw_augments(drawn[:, CROP_COLUMNS:], 32, 32))
    return [
        pil.strong_view(p, crop, augment)
        for p, crop, augment in zip(pictures, crops, augments, strict=True)
    ]


def cases(setting: Setting) -> list[Case]:
    """One, always on the CPU."""
    cpu = Setting(torch.device("cpu"), setting.quick)
    title = "triples of 512 images of 3 x 32 x 32, one core"
    return [Case("triples", title, lambda _: measure(cpu))]


BATCHES = 4
"""Batches of a turn."""

GPU_TOLERANCE = 1e-6
"""Of normalised values; a level of 256 is more than 0.01."""


class Captured:
    """The three views as a graph that is replayed; keys and images are copied into it."""

    def __init__(self, images: Tensor) -> None:
        self._images = images.clone()
        zeros = torch.zeros((len(VIEWS), 2), dtype=torch.int64)
        self._keys = zeros.to(images.device)
        recorder = CudaRecorder(images.device)
        for _ in range(WARM_UPS):
            recorder.warm_up(self._make)
        self._replay = recorder.record(self._make)

    def __call__(self, images: Tensor, step: int) -> Triple:
        """The triple, overwritten by the next call."""
        keys = torch.tensor([view_key(view, (0, step)) for view in VIEWS]).pin_memory()
        self._images.copy_(images)
        self._keys.copy_(keys, non_blocking=True)
        self._replay()
        return self._made

    def _make(self) -> None:
        self._made = [
            view_under((key[0], key[1]), self._images, RECIPE, view, True)
            for key, view in zip(self._keys, VIEWS, strict=True)
        ]


def by_workers(images: Tensor, device: torch.device) -> Callable[[int], object]:
    """A turn of a Pillow loader with two workers, which it starts."""
    count = len(images)
    pixels = np.ascontiguousarray(images.permute(0, 2, 3, 1).numpy())
    views = Views(np.tile(pixels, (BATCHES, 1, 1, 1)), np.zeros(count * BATCHES, int), train=True)

    def turn(_: int) -> None:
        for made, _labels in DataLoader(views, count, num_workers=2, timeout=ANSWER_S):
            for view in made:
                view.to(device)

    return turn


def measure_on_gpu(setting: Setting, batch_size: int = 512) -> Measurement:
    """All sides in turns; the captured one on a GPU alone."""
    device, on_host = setting.device, images_of(batch_size)
    images = on_host.to(device)
    makers: dict[str, Callable[[Tensor, int], Triple]] = {"eager, fixed shapes": fixed}
    if setting.on_cuda:
        makers["captured, fixed shapes"] = Captured(images)
    checks = []
    for (name, maker), step in itertools.product(makers.items(), (3, 8)):
        made = [view.cpu() for view in maker(images, step)]
        gap = difference(made, batched(on_host, step))
        checks.append(
            Check(f"{name}, step {step}: difference to the CPU's views", gap, GPU_TOLERANCE)
        )
    moved = difference(batched(on_host, 3), batched(on_host, 8))
    checks.append(Check.above("difference of two steps", moved, 0.1))

    def turn_of(maker: Callable[[int], Triple]) -> Callable[[int], object]:
        return lambda pair: [maker((pair + 1) * BATCHES + i) for i in range(BATCHES)]

    baselines = {
        "Pillow, 2 workers": by_workers(on_host, device),
        "batched on a CPU, copied": turn_of(
            lambda step: [view.to(device) for view in batched(on_host, step)]
        ),
    }
    ours = {
        name: turn_of(lambda step, maker=maker: maker(images, step))  # type: ignore[misc]
        for name, maker in makers.items()
    }
    times = in_turns(baselines | ours, setting)
    facts = {"ms per batch": {name: times.ms(name, BATCHES) for name in times.sides}}
    return times.measurement(checks, facts, versus=list(itertools.product(baselines, ours)))


def gpu_cases(_: Setting) -> list[Case]:
    """B2: one."""
    return [
        Case("triples", "triples of 512 images of 3 x 32 x 32", measure_on_gpu, needs_cuda=True)
    ]
