from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torchvision import transforms

from lps_sweep.data import data_set
from lps_sweep.data.crop import BOX_COLUMNS, CROP_COLUMNS, draw_boxes, draw_crops
from lps_sweep.data.prepare import decode
from lps_sweep.data.randaugment import AUGMENT_COLUMNS, draw_augments
from lps_sweep.data.random import bits, fold_key
from lps_sweep.data.views import (
    centre_crop,
    imagenet_strong,
    imagenet_weak,
    view_side,
)
from tests.data import pil_reference as pil
from tests.data.imagenet_cases import picture
from tests.data.test_randaugment import KERNELS, differing, photographs, to_pil, to_tensor

IMAGENET = data_set("imagenet100").recipe
SIZES = [(256, 40), (64, 700)]
WORDS = (0, 2, 7)


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
