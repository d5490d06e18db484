"""The views of a batch, and how one is drawn by the recipe of a data set.

A view is drawn per sample on the device that holds the images. Its random decisions depend on the
key words, the view and the sample's place in the batch, and on nothing else.

ImageNet's views are 7/8 as large as its square images: from 256 they are the reference's, of 224
pixels with a border of 28; those of other sizes have the same proportions.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from typing import overload

import torch
from torch import Tensor
from torch.nn import functional

from lps_sweep.data.affine import strong_affine, weak_affine
from lps_sweep.data.crop import (
    BOX_COLUMNS,
    CROP_COLUMNS,
    PADDING,
    crop_then_flip,
    draw_boxes,
    draw_crops,
    flip_then_crop,
    resize_boxes,
)
from lps_sweep.data.randaugment import (
    AUGMENT_COLUMNS,
    Operations,
    augment,
    draw_augments,
    fixed_operations,
    grouped_operations,
)
from lps_sweep.data.random import Key, Word, bits, fold_key
from lps_sweep.data.sets import Recipe
from lps_sweep.data.simclr import simclr_view
from lps_sweep.errors import nearest

VIEW_IDS: dict[str, int] = {"weak1": 1, "weak2": 2, "strong": 3, "simclr1": 4, "simclr2": 5}
"""The number of each view: the last word of the key of its draws."""

STRONG_COLUMNS = CROP_COLUMNS + AUGMENT_COLUMNS
MIN_AREA = 0.5
"""Smallest share of the image in ImageNet's weak and strong views."""

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
    words = bits((len(images), STRONG_COLUMNS), key, images.device)
    return _strong(images, words, PADDING, operations)


def _strong(images: Tensor, words: Tensor, padding: int, operations: Operations) -> Tensor:
    cropped = flip_then_crop(images, draw_crops(words[:, :CROP_COLUMNS], padding), padding)
    return augment(cropped, draw_augments(words[:, CROP_COLUMNS:], *images.shape[2:]), operations)


def imagenet_weak(images: Tensor, key: Key) -> Tensor:
    """Random resized crop, then flip: uint8 (B, C, S, S) to uint8 (B, C, 7/8 S, 7/8 S)."""
    words = bits((len(images), BOX_COLUMNS + 1), key, images.device)
    cropped = _resized(images, words[:, :BOX_COLUMNS])
    mirrored = words[:, -1] >= 1 << 31
    return torch.where(mirrored[:, None, None, None], cropped.flip(3), cropped)


def imagenet_strong(
    images: Tensor, key: Key, operations: Operations = grouped_operations
) -> Tensor:
    """Random resized crop, then as `paper_strong` with a border of an eighth of the side.

    Shapes as in `imagenet_weak`; bit for bit `pil_reference.imagenet_strong_view`.
    """
    words = bits((len(images), BOX_COLUMNS + STRONG_COLUMNS), key, images.device)
    view = _resized(images, words[:, :BOX_COLUMNS])
    return _strong(view, words[:, BOX_COLUMNS:], view.shape[3] // 8, operations)


def imagenet_simclr(images: Tensor, key: Key) -> Tensor:
    """`simclr_view` at the size of a view: float32 (B, C, 7/8 S, 7/8 S) in 0..255."""
    return simclr_view(images, key, view_side(images.shape[3]))


def centre_crop(images: Tensor) -> Tensor:
    """The test transform: the middle 7/8 of the side."""
    stored = images.shape[3]
    side = view_side(stored)
    start = (stored - side) // 2
    return images[:, :, start : start + side, start : start + side]


def view_side(stored_side: int) -> int:
    """Side of the views of ImageNet's square images: 224 for 256."""
    return 7 * stored_side // 8


def whole_image(images: Tensor) -> Tensor:
    """The test transform of images that are as large as their views."""
    return images


def _resized(images: Tensor, words: Tensor) -> Tensor:
    """A random half of the image at least, at the size of a view."""
    stored = images.shape[3]
    return resize_boxes(images, draw_boxes(words, stored, MIN_AREA), view_side(stored))


FIXED_SHAPE: Mapping[object, Augment] = {
    kind: functools.partial(kind, operations=fixed_operations)
    for kind in (paper_strong, imagenet_strong)
}
"""The views with a kernel of their own for fixed shapes; all others have fixed shapes anyway."""

VIEWS: Mapping[str, Mapping[str, Callable[..., Tensor]]] = {
    "paper": {
        "weak": paper_weak,
        "strong": paper_strong,
        "simclr": simclr_view,
        "plain": whole_image,
    },
    "affine": {
        "weak": weak_affine,
        "strong": strong_affine,
        "simclr": strong_affine,
        "plain": whole_image,
    },
    "imagenet": {
        "weak": imagenet_weak,
        "strong": imagenet_strong,
        "simclr": imagenet_simclr,
        "plain": centre_crop,
    },
}
"""What draws each kind of view, by the name that a recipe gives: `plain` is the test transform."""


def make_view(
    images: Tensor,
    recipe: Recipe,
    view: str,
    key_words: tuple[Word, ...],
    fixed_shape: bool | None = None,
) -> Tensor:
    """One view of each image, float32 (B, recipe.channels, H', W'), normalised.

    Args:
        images: uint8 (B, C, H, W), as the data set holds them.
        recipe: Of their data set.
        view: A name of VIEW_IDS.
        key_words: Whole numbers that identify the draw, such as (seed, epoch, step); they may lie
            on the device, so that one recorded call serves all steps.
        fixed_shape: As in `view_under`.

    Raises:
        ValueError: `view` is no name of VIEW_IDS.
    """
    return view_under(view_key(view, key_words), images, recipe, view, fixed_shape)


@overload
def view_key(view: str, key_words: tuple[int, ...]) -> tuple[int, int]: ...
@overload
def view_key(view: str, key_words: tuple[Word, ...]) -> Key: ...
def view_key(view: str, key_words: tuple[Word, ...]) -> Key:
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
        recipe: Of their data set.
        view: A name of VIEW_IDS.
        fixed_shape: Whether to take the kernel whose shapes depend on no draw, so that the host
            waits for nothing; None: where the images are on a GPU. The bits are the same.
    """
    kind: Augment = VIEWS[recipe.views][view.rstrip("12")]
    if images.is_cuda if fixed_shape is None else fixed_shape:
        kind = FIXED_SHAPE.get(kind, kind)
    return _normalised(kind(_prepared(images, recipe), key), recipe)


def plain_view(images: Tensor, recipe: Recipe) -> Tensor:
    """The test transform, without random decisions; shapes as in `make_view`."""
    return _normalised(VIEWS[recipe.views]["plain"](_prepared(images, recipe)), recipe)


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
