from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor
from torch.nn import functional

from lps_sweep.data.crop import CROP_COLUMNS, draw_crops
from lps_sweep.data.pixel_ops import pixel_op
from lps_sweep.data.randaugment import (
    AUGMENT_COLUMNS,
    OPERATIONS,
    PIXEL_OPS,
    cut_out,
    draw_augments,
    fixed_operations,
    grouped_operations,
)
from lps_sweep.data.random import bits, fold_key, randint, uniform
from lps_sweep.data.views import paper_strong, paper_weak
from lps_sweep.data.warp import WARPS
from tests.data import pil_reference as pil

KERNELS = (grouped_operations, fixed_operations)


def photographs(count: int, channels: int, side: int) -> Tensor:
    """Smooth images of varied contrast, noise, two-valued and constant images: uint8."""
    shape = (count, channels, side + 4, side + 4)
    smooth = functional.avg_pool2d(uniform(shape, fold_key(1)), 5, stride=1)
    low, high = smooth.amin((1, 2, 3), keepdim=True), smooth.amax((1, 2, 3), keepdim=True)
    ends = uniform((count, 2, 1, 1, 1), fold_key(2)).sort(1).values.unbind(1)
    varied = (ends[0] + (smooth - low) / (high - low) * (ends[1] - ends[0])) * 255
    images = varied.to(torch.uint8)
    kind = torch.arange(count) % 9
    noise = randint(256, images.shape, fold_key(3)).to(torch.uint8)
    images[kind == 0] = noise[kind == 0]
    two_valued = 40 + 180 * (noise > 128).to(torch.uint8)
    images[kind == 1] = two_valued[kind == 1]
    images[kind == 2] = noise[kind == 2][..., :1, :1]
    return images


def to_pil(image: Tensor) -> Image.Image:
    pixels = image.permute(1, 2, 0).numpy()
    return Image.fromarray(pixels if pixels.shape[2] == 3 else pixels[..., 0])


def to_tensor(image: Image.Image) -> Tensor:
    pixels = np.array(image)
    return torch.from_numpy(pixels.reshape(*pixels.shape[:2], -1)).permute(2, 0, 1)


def differing(batch: Tensor, expected: list[Image.Image]) -> list[int]:
    """Samples in which any pixel differs."""
    wrong = (batch != torch.stack([to_tensor(image) for image in expected])).flatten(1).any(1)
    found: list[int] = wrong.nonzero().flatten().tolist()
    return found


@pytest.mark.parametrize(("channels", "side"), [(3, 32), (1, 28), (3, 17)])
@pytest.mark.parametrize("name", OPERATIONS)
def test_each_operation_is_pillows(name: str, channels: int, side: int) -> None:
    """All magnitudes with both signs, on 180 images."""
    images = photographs(180, channels, side)
    place = torch.arange(len(images))
    magnitude, negative = place // 2 % 9 + 1, place % 2 == 1
    operation = torch.full_like(place, OPERATIONS.index(name))
    expected = [
        pil.apply_operation(to_pil(image), pil.Operation(name, m, n))
        for image, m, n in zip(images, magnitude.tolist(), negative.tolist(), strict=True)
    ]
    untouched = name == "Identity" or (name, channels) == ("Color", 1)
    for operations in KERNELS:
        result = operations(images, operation, magnitude, negative)
        assert differing(result, expected) == []
        assert torch.equal(result, images) == untouched


def test_an_image_that_is_not_square_is_pillows() -> None:
    images = photographs(180, 3, 32)[:, :, :20]
    place = torch.arange(len(images))
    operation, magnitude, negative = place % len(WARPS) + 1, place % 9 + 1, place % 2 == 1
    expected = [
        pil.apply_operation(to_pil(image), pil.Operation(OPERATIONS[o], m, n))
        for image, o, m, n in zip(
            images, operation.tolist(), magnitude.tolist(), negative.tolist(), strict=True
        )
    ]
    for operations in KERNELS:
        assert differing(operations(images, operation, magnitude, negative), expected) == []


@pytest.mark.parametrize("name", PIXEL_OPS)
def test_grey_stands_for_three_equal_channels(name: str) -> None:
    images = photographs(90, 1, 32)
    magnitude = torch.arange(90) % 9 + 1
    coloured = pixel_op(name, images.expand(-1, 3, -1, -1), magnitude)
    assert torch.equal(coloured, pixel_op(name, images, magnitude).expand(-1, 3, -1, -1))


def test_auto_contrast_divides_before_it_multiplies() -> None:
    """The trap of ``255.0 / tensor``: all ranges of values, against Python's own arithmetic."""
    for low in range(0, 255, 6):
        high = torch.arange(low + 1, 256, dtype=torch.uint8)
        ramp = torch.linspace(0, 1, 64) * (high.float() - low)[:, None] + low
        images = ramp.to(torch.uint8)[:, None, None]
        images[..., -1] = high[:, None, None]
        result = pixel_op("AutoContrast", images, torch.ones(len(images), dtype=torch.int64))
        for row, top, stretched in zip(images, high.tolist(), result, strict=True):
            scale = 255.0 / (top - low)
            expected = [int(v * scale + -low * scale) for v in row.flatten().tolist()]
            assert stretched.flatten().tolist() == [min(max(v, 0), 255) for v in expected]


@pytest.mark.parametrize("side", [17, 28])
def test_cutout_is_pillows_wherever_it_lies(side: int) -> None:
    starts = torch.cartesian_prod(torch.arange(side), torch.arange(side))
    images = photographs(1, 3, side).expand(len(starts), -1, -1, -1)
    expected = [pil.cut_out(to_pil(images[0]), top, left) for top, left in starts.tolist()]
    assert differing(cut_out(images, starts[:, 0], starts[:, 1]), expected) == []


@pytest.mark.parametrize("channels", [3, 1])
def test_the_whole_strong_view_is_pillows(channels: int) -> None:
    images, key = photographs(500, channels, 32), fold_key(0, 5, 3)
    words = bits((500, CROP_COLUMNS + AUGMENT_COLUMNS), key)
    crops = pil.crops_of(draw_crops(words[:, :CROP_COLUMNS]))
    augments = pil.augments_of(draw_augments(words[:, CROP_COLUMNS:], 32, 32))
    expected = [
        pil.strong_view(to_pil(image), crop, augment)
        for image, crop, augment in zip(images, crops, augments, strict=True)
    ]
    for operations in KERNELS:
        assert differing(paper_strong(images, key, operations), expected) == []
    assert {len(augment.operations) for augment in augments} == {0, 1, 2}


@pytest.mark.parametrize("channels", [3, 1])
def test_the_whole_weak_view_is_pillows(channels: int) -> None:
    images, key = photographs(500, channels, 32), fold_key(0, 5, 4)
    crops = pil.crops_of(draw_crops(bits((500, CROP_COLUMNS), key)))
    expected = [
        pil.weak_view(to_pil(image), crop) for image, crop in zip(images, crops, strict=True)
    ]
    assert differing(paper_weak(images, key), expected) == []


def test_decisions_have_the_papers_distribution() -> None:
    draws = draw_augments(bits((70_000, AUGMENT_COLUMNS), fold_key(9)), 32, 32)
    shares = torch.bincount(draws.operation.flatten(), minlength=14) / draws.operation.numel()
    assert torch.allclose(shares, torch.full((14,), 1 / 14), atol=0.004)
    shares = torch.bincount(draws.magnitude.flatten(), minlength=10) / draws.magnitude.numel()
    assert torch.allclose(shares, torch.tensor([0.0] + [1 / 9] * 9), atol=0.005)
    for half in (draws.applied, draws.negative):
        assert abs(half.double().mean() - 0.5) < 0.01
    assert len(set(map(tuple, draws.operation.tolist()))) == 196
    for start in (draws.cut_top, draws.cut_left):
        shares = torch.bincount(start, minlength=32) / len(start)
        assert torch.allclose(shares[1:24], torch.full((23,), 1 / 32), atol=0.004)
        assert abs(shares[0] - 9 / 32) < 0.01
        assert shares[24:].sum() == 0


@pytest.mark.gpu
def test_cuda_gives_the_same_pixels() -> None:
    images, key = photographs(1200, 3, 32), fold_key(0, 5, 3)
    assert torch.equal(paper_strong(images.cuda(), key).cpu(), paper_strong(images, key))
    assert torch.equal(paper_weak(images.cuda(), key).cpu(), paper_weak(images, key))
