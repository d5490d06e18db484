"""B1: batched views against the same views by Pillow, image by image, on one core.

Full triples (weak1, weak2, strong) of 512 colour images of 32 x 32: uint8 in, normalised float32
out. Two baselines: the loader of the reference-style loop without its processes, and `lean`, this
project's own Pillow pipeline, which takes the same random decisions as the batched code and
normalises a batch at once. The batched views must equal those of `lean`.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.nn import functional

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
from lps_sweep.data import pil_reference as pil
from lps_sweep.data.crop import CROP_COLUMNS, draw_crops
from lps_sweep.data.fixed_randaugment import fixed_operations
from lps_sweep.data.randaugment import (
    AUGMENT_COLUMNS,
    OPERATIONS,
    Operations,
    draw_augments,
    grouped_operations,
)
from lps_sweep.data.random import bits, fold_key, uniform
from lps_sweep.data.views import VIEW_IDS, make_view, recipe_for

GATE = 8.0
RECIPE = recipe_for("cifar100")
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
    checks = [
        Check(
            "end to end against Pillow", difference(batched(images, 0), lean(images, 0)), TOLERANCE
        ),
        Check("fixed shapes against grouped", difference(fixed(few, 0), batched(few, 0))),
        Check("each operation, grouped", operations_differ(grouped_operations, few)),
        Check("each operation, fixed shapes", operations_differ(fixed_operations, few)),
        Check("views differ from plain images", _change(images), high=np.inf, low=0.1),
    ]
    times = in_turns(
        {
            "batched": lambda pair: batched(images, pair + 1),
            "lean": lambda pair: lean(images, pair + 1),
            "usual": lambda _: usual(images),
        },
        setting.pairs + 2,
        setting.device,
    )
    ratios = [
        Ratio("torchvision and Pillow", "batched triples", times["usual"], times["batched"], GATE),
        Ratio("lean Pillow loop", "batched triples", times["lean"], times["batched"]),
    ]
    rates = {name: batch_size / float(np.median(values)) for name, values in times.items()}
    return Measurement(
        checks, ratios, {"triples per second and core": rates}, clock_name(setting.device)
    )


def _change(images: Tensor) -> float:
    first, second, _ = batched(images, 0)
    return difference(first, second)


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


BENCHMARK = Benchmark("augmentation on a CPU", cases)
