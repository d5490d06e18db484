from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torchvision import transforms

from lps_sweep.data import pil_reference as pil
from lps_sweep.data.crop import CROP_COLUMNS, draw_crops
from lps_sweep.data.decode import decode
from lps_sweep.data.imagenet_views import (
    border,
    centre_crop,
    imagenet_strong,
    imagenet_weak,
    view_side,
)
from lps_sweep.data.randaugment import AUGMENT_COLUMNS, cut_out, draw_augments
from lps_sweep.data.random import bits, fold_key
from lps_sweep.data.resized_crop import BOX_COLUMNS, draw_boxes
from lps_sweep.data.views import IMAGENET, VIEW_IDS, make_view, plain_view
from tests.data.imagenet_cases import picture
from tests.data.test_randaugment import KERNELS, differing, photographs, to_pil, to_tensor

SIZES = [(256, 40), (64, 700)]
WORDS = (0, 2, 7)


def test_sizes_of_the_reference() -> None:
    assert view_side(256) == 224
    assert border(224) == 28
    corner = torch.tensor([10])
    cut = cut_out(torch.zeros(1, 3, 224, 224, dtype=torch.uint8), corner, corner)
    assert int((cut[0, 0] == 127).sum()) == (112 + 1) ** 2


@pytest.mark.parametrize(("stored", "count"), SIZES)
def test_weak_view_is_pillows(stored: int, count: int) -> None:
    images, key = photographs(count, 3, stored), fold_key(8)
    words = bits((count, BOX_COLUMNS + 1), key)
    boxes = pil.boxes_of(draw_boxes(words[:, :BOX_COLUMNS], stored, 0.5))
    flips = (words[:, -1] >= 1 << 31).tolist()
    rows = zip(images, boxes, flips, strict=True)
    expected = [pil.imagenet_weak_view(to_pil(image), *row) for image, *row in rows]
    assert differing(imagenet_weak(images, key), expected) == []
    assert 0.25 < np.mean(flips) < 0.75


@pytest.mark.parametrize(("stored", "count"), SIZES)
def test_strong_view_is_pillows(stored: int, count: int) -> None:
    images, key, side = photographs(count, 3, stored), fold_key(9), view_side(stored)
    columns = [BOX_COLUMNS, CROP_COLUMNS, AUGMENT_COLUMNS]
    of_box, of_crop, of_augment = torch.split(bits((count, sum(columns)), key), columns, dim=1)
    boxes = pil.boxes_of(draw_boxes(of_box, stored, 0.5))
    crops = pil.crops_of(draw_crops(of_crop, side // 8))
    augments = pil.augments_of(draw_augments(of_augment, side, side))
    expected = [
        pil.imagenet_strong_view(to_pil(image), box, crop, augment)
        for image, box, crop, augment in zip(images, boxes, crops, augments, strict=True)
    ]
    for operations in KERNELS:
        assert differing(imagenet_strong(images, key, operations), expected) == []


def test_the_border_is_drawn_as_wide_as_it_is() -> None:
    draws = draw_crops(bits((20_000, CROP_COLUMNS), fold_key(3)), 28)
    assert {int(draws.top.min()), int(draws.left.min())} == {0}
    assert {int(draws.top.max()), int(draws.left.max())} == {56}


@pytest.mark.parametrize("size", [(500, 375), (375, 500), (300, 300), (120, 700), (257, 256)])
def test_the_test_view_is_that_of_the_original_photograph(
    tmp_path: Path, size: tuple[int, int]
) -> None:
    """Resize to 256 and crop to 224, which here are two steps with a file between them."""
    file = tmp_path / "a.JPEG"
    picture(1, *size).save(file)
    resize = transforms.Compose([transforms.Resize(256), transforms.CenterCrop(224)])
    with Image.open(file) as image:
        expected = to_tensor(resize(image.convert("RGB")))
    stored = torch.from_numpy(decode(file, 256))[None]
    assert stored.shape == (1, 3, 256, 256)
    assert torch.equal(centre_crop(stored)[0], expected)


def test_plain_view_is_normalised_with_the_constants_of_imagenet() -> None:
    images = photographs(3, 3, 64)
    normalise = transforms.Normalize((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
    expected = normalise(images[:, :, 4:60, 4:60].float() / 255)
    assert torch.allclose(plain_view(images, IMAGENET), expected, atol=1e-5)


@pytest.mark.parametrize("view", VIEW_IDS)
def test_a_view_is_a_function_of_key_view_and_position(view: str) -> None:
    images = photographs(40, 3, 64)
    kept = images.clone()
    full = make_view(images, IMAGENET, view, WORDS)
    assert full.shape == (40, 3, 56, 56)
    assert full.dtype == torch.float32
    assert full.isfinite().all()
    assert torch.equal(make_view(images[:15], IMAGENET, view, WORDS), full[:15])
    assert not torch.equal(make_view(images, IMAGENET, view, (0, 2, 8)), full)
    assert torch.equal(images, kept)


def test_golden_pixels() -> None:
    """A change here changes every result: it needs a new results revision."""
    place = torch.arange(64)
    ramp = (place[:, None] * 5 + place * 3)[None, None].expand(64, 3, 64, 64).to(torch.uint8)
    weight = torch.arange(1, 56 * 56 * 3 * 64 + 1).view(64, 3, 56, 56)
    sums = [
        int((kind(ramp, fold_key(*WORDS)).long() * weight % 1_000_003).sum())
        for kind in (imagenet_weak, imagenet_strong)
    ]
    assert sums == [299689735824, 288732699827]
