"""The paper's weak and strong views as an ordinary Pillow pipeline, one image at a time.

The yardstick of the batched kernels: it takes the same decisions, as plain numbers of one sample,
uses Pillow's own operations and states the method's constants anew. Tests hold the two equal bit
for bit, benchmarks measure one against the other. Nothing in training imports this module.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw, ImageEnhance, ImageOps

from lps_sweep.data.crop import BoxDraws, CropDraws
from lps_sweep.data.randaugment import OPERATIONS, AugmentDraws

PADDING = 4

PixelArray = np.ndarray[tuple[int, ...], np.dtype[np.uint8]]


@dataclass(frozen=True)
class Crop:
    """One sample's row of `crop.CropDraws`."""

    flip: bool
    top: int
    left: int


@dataclass(frozen=True)
class Box:
    """One sample's row of `resized_crop.BoxDraws`."""

    top: int
    left: int
    height: int
    width: int


@dataclass(frozen=True)
class Operation:
    """One drawn operation: its name, magnitude 1..9, and the sign of a geometric argument."""

    name: str
    magnitude: int
    negative: bool


@dataclass(frozen=True)
class Augment:
    """One sample's row of `randaugment.AugmentDraws`; operations not applied are left out."""

    operations: tuple[Operation, ...]
    cut_top: int
    cut_left: int


def crops_of(draws: CropDraws) -> list[Crop]:
    """The batch's decisions, sample by sample."""
    rows = zip(draws.flip.tolist(), draws.top.tolist(), draws.left.tolist(), strict=True)
    return [Crop(*row) for row in rows]


def boxes_of(draws: BoxDraws) -> list[Box]:
    """The batch's decisions, sample by sample."""
    columns = (draws.top, draws.left, draws.height, draws.width)
    return [Box(*row) for row in zip(*(c.tolist() for c in columns), strict=True)]


def augments_of(draws: AugmentDraws) -> list[Augment]:
    """The batch's decisions, sample by sample."""
    columns = (draws.operation, draws.magnitude, draws.negative, draws.applied)
    rows = zip(*(c.tolist() for c in (*columns, draws.cut_top, draws.cut_left)), strict=True)
    return [
        Augment(
            operations=tuple(
                Operation(OPERATIONS[operation], magnitude, negative)
                for operation, magnitude, negative, applied in zip(*drawn, strict=True)
                if applied
            ),
            cut_top=cut_top,
            cut_left=cut_left,
        )
        for *drawn, cut_top, cut_left in rows
    ]


def weak_view(image: Image.Image, crop: Crop) -> Image.Image:
    """Crop out of a border of zeros, then mirror."""
    padded = ImageOps.expand(image, border=PADDING, fill=0)
    return _mirrored(_cropped(padded, crop, image.size), crop.flip)


def strong_view(
    image: Image.Image, crop: Crop, augment: Augment, padding: int = PADDING
) -> Image.Image:
    """Mirror, crop out of a reflected border, the drawn operations, cutout."""
    pixels = np.asarray(_mirrored(image, crop.flip))
    border = ((padding, padding), (padding, padding), (0, 0))[: pixels.ndim]
    padded = Image.fromarray(np.pad(pixels, border, mode="reflect"))
    view = _cropped(padded, crop, image.size)
    for operation in augment.operations:
        view = apply_operation(view, operation)
    return cut_out(view, augment.cut_top, augment.cut_left)


def resized_crop(image: Image.Image, box: Box, side: int) -> Image.Image:
    """The box, resized as torchvision does with Pillow images.

    Columns first, as Pillow did in one call before version 13.
    """
    corners = (box.left, box.top, box.left + box.width, box.top + box.height)
    narrow = image.crop(corners).resize((side, box.height), Image.Resampling.BILINEAR)
    return narrow.resize((side, side), Image.Resampling.BILINEAR)


def imagenet_weak_view(image: Image.Image, box: Box, flip: bool) -> Image.Image:
    """Random resized crop, then mirror."""
    return _mirrored(resized_crop(image, box, image.width * 7 // 8), flip)


def imagenet_strong_view(image: Image.Image, box: Box, crop: Crop, augment: Augment) -> Image.Image:
    """Random resized crop, then the strong view with a border of an eighth of the side."""
    view = resized_crop(image, box, image.width * 7 // 8)
    return strong_view(view, crop, augment, view.width // 8)


def apply_operation(image: Image.Image, operation: Operation) -> Image.Image:
    """One of the fourteen operations, by name."""
    if operation.name in _PLAIN:
        return _PLAIN[operation.name](image)
    if operation.name in _ENHANCERS:
        factor = operation.magnitude * 0.9 / 10 + 0.05
        return _ENHANCERS[operation.name](image).enhance(factor)
    if operation.name == "Posterize":
        return ImageOps.posterize(image, int(operation.magnitude * 4 / 10) + 4)
    if operation.name == "Solarize":
        return ImageOps.solarize(image, 256 - int(operation.magnitude * 256 / 10))
    return _warped(image, operation)


def cut_out(image: Image.Image, top: int, left: int) -> Image.Image:
    """A grey rectangle of half the side, its far edge included."""
    width, height = image.size
    corner = (min(width, left + width // 2), min(height, top + height // 2))
    image = image.copy()
    grey = (127, 127, 127) if image.mode == "RGB" else 127
    ImageDraw.Draw(image).rectangle(((left, top), corner), fill=grey)
    return image


def _cropped(padded: Image.Image, crop: Crop, size: tuple[int, int]) -> Image.Image:
    width, height = size
    return padded.crop((crop.left, crop.top, crop.left + width, crop.top + height))


def _mirrored(image: Image.Image, flip: bool) -> Image.Image:
    return image.transpose(Image.Transpose.FLIP_LEFT_RIGHT) if flip else image


def _warped(image: Image.Image, operation: Operation) -> Image.Image:
    sign = -1 if operation.negative else 1
    if operation.name == "Rotate":
        return image.rotate(sign * int(operation.magnitude * 30 / 10))
    shift = operation.magnitude * 0.3 / 10 * sign
    matrix = {
        "ShearX": (1, shift, 0, 0, 1, 0),
        "ShearY": (1, 0, 0, shift, 1, 0),
        "TranslateX": (1, 0, int(shift * image.size[0]), 0, 1, 0),
        "TranslateY": (1, 0, 0, 0, 1, int(shift * image.size[1])),
    }[operation.name]
    return image.transform(image.size, Image.Transform.AFFINE, matrix)


_PLAIN: dict[str, Callable[[Image.Image], Image.Image]] = {
    "Identity": lambda image: image,
    "AutoContrast": ImageOps.autocontrast,
    "Equalize": ImageOps.equalize,
}

_ENHANCERS: dict[str, Callable[[Image.Image], ImageEnhance._Enhance]] = {
    "Brightness": ImageEnhance.Brightness,
    "Color": ImageEnhance.Color,
    "Contrast": ImageEnhance.Contrast,
    "Sharpness": ImageEnhance.Sharpness,
}
