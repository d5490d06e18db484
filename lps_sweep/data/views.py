"""The views of a batch: which recipe a data set has, and how a view is drawn from it.

A view is drawn per sample on the device that holds the images. Its random decisions depend on the
key words, the view and the sample's place in the batch, and on nothing else.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import torch
from torch import Tensor
from torch.nn import functional

from lps_sweep.data.affine import strong_affine, weak_affine
from lps_sweep.data.crop import CROP_COLUMNS, crop_then_flip, draw_crops, flip_then_crop
from lps_sweep.data.fixed_randaugment import fixed_operations
from lps_sweep.data.imagenet_views import (
    centre_crop,
    imagenet_simclr,
    imagenet_strong,
    imagenet_weak,
)
from lps_sweep.data.randaugment import (
    AUGMENT_COLUMNS,
    Operations,
    augment,
    draw_augments,
    grouped_operations,
)
from lps_sweep.data.random import Key, bits, fold_key
from lps_sweep.data.simclr import simclr_view
from lps_sweep.errors import BadInputError, nearest

VIEW_IDS: dict[str, int] = {"weak1": 1, "weak2": 2, "strong": 3, "simclr1": 4, "simclr2": 5}
"""The number of each view: the last word of the key of its draws."""

Augment = Callable[[Tensor, Key], Tensor]
"""Takes uint8 (B, C, H, W); gives uint8 or float32 (B, C, H', W'), full white being 255."""


def paper_weak(images: Tensor, key: Key) -> Tensor:
    """The paper's weak view on uint8 (B, C, H, W): zero-padded random crop, then flip."""
    return crop_then_flip(images, draw_crops(bits((len(images), CROP_COLUMNS), key, images.device)))


def paper_strong(images: Tensor, key: Key, operations: Operations = grouped_operations) -> Tensor:
    """The paper's strong view on uint8 (B, C, H, W), C = 1 or 3.

    Flip, random crop with a reflected border, two RandAugment operations, cutout: bit for bit
    `pil_reference.strong_view` under the same decisions.
    """
    words = bits((len(images), CROP_COLUMNS + AUGMENT_COLUMNS), key, images.device)
    cropped = flip_then_crop(images, draw_crops(words[:, :CROP_COLUMNS]))
    return augment(cropped, draw_augments(words[:, CROP_COLUMNS:], *images.shape[2:]), operations)


FIXED_SHAPE: Mapping[Augment, Augment] = {
    paper_strong: functools.partial(paper_strong, operations=fixed_operations),
    imagenet_strong: functools.partial(imagenet_strong, operations=fixed_operations),
}
"""The views with a kernel of their own for fixed shapes; all others have fixed shapes anyway."""


def whole_image(images: Tensor) -> Tensor:
    """The test transform of images that are as large as their views."""
    return images


@dataclass(frozen=True)
class Recipe:
    """How the images of a data set become the input of a network.

    Attributes:
        mean: Per input channel, as a share of full white. Grey images are repeated to as many
            channels as there are values.
        std: Likewise.
        border: Black pixels added on each side before anything else.
        weak: Draws weak1 and weak2.
        strong: Draws strong.
        simclr: Draws simclr1 and simclr2.
        plain: The test transform.
    """

    mean: tuple[float, ...]
    std: tuple[float, ...]
    border: int = 0
    weak: Augment = field(default=paper_weak)
    strong: Augment = field(default=paper_strong)
    simclr: Augment = field(default=simclr_view)
    plain: Callable[[Tensor], Tensor] = field(default=whole_image)

    @property
    def channels(self) -> int:
        """Channels of a view."""
        return len(self.mean)


FASHION_MNIST = Recipe(mean=(0.2190,) * 3, std=(0.3318,) * 3, border=2)
"""Grey 28 x 28, padded to 32 x 32 and repeated, so that the paper's recipe for CIFAR applies; the
constants are those of all training images after padding."""

DIGITS = Recipe(
    mean=(0.3053,), std=(0.3759,), weak=weak_affine, strong=strong_affine, simclr=strong_affine
)
"""8 x 8 grey; the constants are those of all images."""

CIFAR = Recipe(mean=(0.5071, 0.4867, 0.4408), std=(0.2675, 0.2565, 0.2761))
"""32 x 32 in colour with the paper's recipe; the constants are those of CIFAR-100 for both data
sets, as in the reference, whose released weights take them so."""

IMAGENET = Recipe(
    mean=(0.485, 0.456, 0.406),
    std=(0.229, 0.224, 0.225),
    weak=imagenet_weak,
    strong=imagenet_strong,
    simclr=imagenet_simclr,
    plain=centre_crop,
)
"""256 x 256 in colour with the paper's recipe, views of 224 x 224; the constants are those of all
of ImageNet, as in the reference."""

RECIPES: Mapping[str, Recipe] = {
    "digits": DIGITS,
    "fashion_mnist": FASHION_MNIST,
    "cifar10": CIFAR,
    "cifar100": CIFAR,
    "imagenet100": IMAGENET,
}


def recipe_for(dataset: str) -> Recipe:
    """The recipe of a data set.

    Raises:
        BadInputError: There is none of that name.
    """
    if dataset not in RECIPES:
        raise BadInputError(f"no views for data set {dataset!r}; {nearest(dataset, RECIPES)}")
    return RECIPES[dataset]


def make_view(
    images: Tensor,
    recipe: Recipe,
    view: str,
    key_words: tuple[int, ...],
    fixed_shape: bool | None = None,
) -> Tensor:
    """One view of each image, float32 (B, recipe.channels, H', W'), normalised.

    Args:
        images: uint8 (B, C, H, W), as the data set holds them.
        recipe: Of their data set.
        view: A name of VIEW_IDS.
        key_words: Whole numbers that identify the draw, such as (seed, epoch, step).
        fixed_shape: As in `view_under`.

    Raises:
        ValueError: `view` is no name of VIEW_IDS.
    """
    return view_under(view_key(view, key_words), images, recipe, view, fixed_shape)


def view_key(view: str, key_words: tuple[int, ...]) -> tuple[int, int]:
    """The key of a view's draws.

    Raises:
        ValueError: `view` is no name of VIEW_IDS.
    """
    if view not in VIEW_IDS:
        raise ValueError(f"unknown view {view!r}; {nearest(view, VIEW_IDS)}")
    return fold_key(*key_words, VIEW_IDS[view])


def view_under(
    key: Key, images: Tensor, recipe: Recipe, view: str, fixed_shape: bool | None = None
) -> Tensor:
    """`make_view` with the key of its draws, which may lie on the device.

    Args:
        key: From `view_key`, or the same two words as 0-d tensors, so that one recorded call
            serves all steps.
        images: As in `make_view`.
        recipe: Likewise.
        view: Likewise.
        fixed_shape: Whether to take the kernel whose shapes depend on no draw, so that the host
            waits for nothing; None: where the images are on a GPU. The bits are the same.
    """
    kind: Augment = getattr(recipe, view.rstrip("12"))
    if images.is_cuda if fixed_shape is None else fixed_shape:
        kind = FIXED_SHAPE.get(kind, kind)
    return _normalised(kind(_prepared(images, recipe), key), recipe)


def plain_view(images: Tensor, recipe: Recipe) -> Tensor:
    """The test transform, without random decisions; shapes as in `make_view`."""
    return _normalised(recipe.plain(_prepared(images, recipe)), recipe)


def _prepared(images: Tensor, recipe: Recipe) -> Tensor:
    return functional.pad(images, (recipe.border,) * 4) if recipe.border else images


def _normalised(images: Tensor, recipe: Recipe) -> Tensor:
    mean, factor = _constants(recipe.mean, recipe.std, images.device)
    return (images - mean).mul_(factor)


@functools.lru_cache(maxsize=16)
def _constants(
    mean: tuple[float, ...], std: tuple[float, ...], device: torch.device
) -> tuple[Tensor, Tensor]:
    """Mean and reciprocal standard deviation of values 0..255, float32 (channels, 1, 1)."""
    shift = torch.tensor([255 * m for m in mean], dtype=torch.float32, device=device)
    factor = torch.tensor([1 / (255 * s) for s in std], dtype=torch.float32, device=device)
    return shift[:, None, None], factor[:, None, None]
