"""Batched views against the same views by Pillow, one sample after the other.

python -m benchmarks.augmentation [--pairs 7] [--json]

Full triples (weak1, weak2, strong) of 512 colour images of 32 x 32: uint8 in, normalised float32
out. One thread, CPU time, the variants in turns. Two baselines: `usual`, torchvision's transforms
per sample as published code for the method composes them, and `lean`, this project's own Pillow
reference, which takes the same random decisions as the batched code and normalises a batch at once.

The batched views must equal those of the lean reference; if they do not, the timing is void: no
ratio is given, and the exit code is 1.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.nn import functional
from torchvision import transforms

from benchmarks.machine import machine_facts
from lps_sweep.data import pil_reference as pil
from lps_sweep.data.crop import CROP_COLUMNS, draw_crops
from lps_sweep.data.randaugment import AUGMENT_COLUMNS, draw_augments
from lps_sweep.data.random import bits, fold_key, uniform
from lps_sweep.data.views import VIEW_IDS, make_view, recipe_for
from lps_sweep.train import set_up_device

GATE, GOAL = 8.0, 16.0
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
    """What training uses."""
    return [make_view(images, RECIPE, view, (0, step)) for view in VIEWS]


def lean(images: Tensor, step: int) -> Triple:
    """The Pillow reference with the decisions of `batched`."""
    pictures = [Image.fromarray(pixels) for pixels in images.permute(0, 2, 3, 1).numpy()]
    mean = 255 * np.array(RECIPE.mean, dtype=np.float32)[:, None, None]
    factor = 1 / (255 * np.array(RECIPE.std, dtype=np.float32)[:, None, None])
    triple = []
    for view in VIEWS:
        key = fold_key(0, step, VIEW_IDS[view])
        made = _strong(pictures, key) if view == "strong" else _weak(pictures, key)
        stacked = np.stack([np.asarray(picture) for picture in made]).transpose(0, 3, 1, 2)
        triple.append(torch.from_numpy((stacked - mean) * factor))
    return triple


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


def usual(images: Tensor, step: int) -> Triple:
    """The transforms of torchvision, sample by sample."""
    key = fold_key(0, step, VIEW_IDS["strong"])
    drawn = draw_augments(bits((len(images), AUGMENT_COLUMNS), key), 32, 32)
    augments = iter(pil.augments_of(drawn))

    def augment(picture: Image.Image) -> Image.Image:
        decided = next(augments)
        for operation in decided.operations:
            picture = pil.apply_operation(picture, operation)
        return pil.cut_out(picture, decided.cut_top, decided.cut_left)

    finish = [transforms.ToTensor(), transforms.Normalize(RECIPE.mean, RECIPE.std)]
    flip = transforms.RandomHorizontalFlip()
    weak = transforms.Compose([transforms.RandomCrop(32, padding=4), flip, *finish])
    crop = transforms.RandomCrop(32, padding=4, padding_mode="reflect")
    strong = transforms.Compose([flip, crop, augment, *finish])
    pictures = [Image.fromarray(pixels) for pixels in images.permute(0, 2, 3, 1).numpy()]
    return [torch.stack([view(picture) for picture in pictures]) for view in (weak, weak, strong)]


VARIANTS: Mapping[str, Callable[[Tensor, int], Triple]] = {
    "batched": batched,
    "lean": lean,
    "usual": usual,
}


def measure(num_pairs: int, batch_size: int) -> dict[str, Any]:
    """All facts of a measurement; without ratios where it is void."""
    images = images_of(batch_size)
    gaps = [
        (ours - theirs).abs().max().item()
        for ours, theirs in zip(batched(images, 0), lean(images, 0), strict=True)
    ]
    facts: dict[str, Any] = {
        "benchmark": "augmentation",
        **machine_facts(),
        "batch_size": batch_size,
        "num_pairs": num_pairs,
        "clock": "CPU time",
        "max_abs_difference": max(gaps),
        "valid": max(gaps) <= TOLERANCE,
    }
    if not facts["valid"]:
        return facts
    usual(images, 0)
    seconds: dict[str, list[float]] = {name: [] for name in VARIANTS}
    for step in range(1, num_pairs + 1):
        for name, variant in VARIANTS.items():
            started = time.process_time()
            variant(images, step)
            seconds[name].append(time.process_time() - started)
    medians = {name: statistics.median(values) for name, values in seconds.items()}
    facts["triples_per_second"] = {name: batch_size / value for name, value in medians.items()}
    for name in ("usual", "lean"):
        ratios = [b / a for a, b in zip(seconds["batched"], seconds[name], strict=True)]
        facts[name] = {
            "ratio": statistics.median(ratios),
            "ratio_range": [min(ratios), max(ratios)],
        }
    return facts


def text(facts: Mapping[str, Any]) -> str:
    """The facts for a person."""
    lines = [
        f"triples of {facts['batch_size']} images, {facts['num_threads']} thread; "
        f"{facts['machine']}; Python {facts['python']}, torch {facts['torch']}",
        f"largest difference to Pillow with the same decisions: {facts['max_abs_difference']:.1e}",
    ]
    if not facts["valid"]:
        return "\n".join([*lines, "the views are not equal: the timing is void"])
    for name, rate in facts["triples_per_second"].items():
        lines.append(f"{name}: {rate:.0f} triples per second of {facts['clock']} and core")
    for name in ("usual", "lean"):
        low, high = facts[name]["ratio_range"]
        lines.append(
            f"{name} / batched: {facts[name]['ratio']:.1f} ({low:.1f} to {high:.1f}, "
            f"{facts['num_pairs']} pairs); gate {GATE:g}, goal {GOAL:g}"
        )
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measures and prints; 0 if the views are equal."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--pairs", type=int, default=7)
    parser.add_argument("--batch-size", type=int, default=512)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    given = parser.parse_args(arguments)
    set_up_device("cpu", num_threads=1)
    facts = measure(given.pairs, given.batch_size)
    print(json.dumps(facts) if given.json else text(facts))
    return 0 if facts["valid"] else 1


if __name__ == "__main__":
    sys.exit(main())
