from __future__ import annotations

import math
from pathlib import Path

import pytest
import torch
from PIL import Image
from torch import Tensor
from torchvision import transforms

from lps_sweep.data import data_set
from lps_sweep.data.crop import (
    ATTEMPTS,
    BOX_COLUMNS,
    CROP_COLUMNS,
    BoxDraws,
    draw_boxes,
    draw_crops,
    resize_boxes,
)
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
SIZES = [(256, 12), (64, 250)]
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
    assert 0 < sum(flips) < count


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


def boxes(count: int, side: int, min_area: float = 0.5) -> BoxDraws:
    return draw_boxes(bits((count, BOX_COLUMNS), fold_key(5)), side, min_area)


@pytest.mark.parametrize(("side", "min_area"), [(20, 0.2), (97, 0.05)])
def test_pixels_of_other_sides_are_those_of_pillow(side: int, min_area: float) -> None:
    images, draws = photographs(100, 3, 64), boxes(100, 64, min_area)
    rows = zip(images, pil.boxes_of(draws), strict=True)
    expected = [pil.resized_crop(to_pil(image), box, side) for image, box in rows]
    assert differing(resize_boxes(images, draws, side), expected) == []


def test_pixels_do_not_depend_on_how_many_are_done_at_a_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    images, draws = photographs(20, 3, 64), boxes(20, 64)
    first = resize_boxes(images, draws, 56)
    monkeypatch.setattr("lps_sweep.data.crop.CHUNK_PIXELS", 3 * 64 * 64 * 7)
    assert torch.equal(resize_boxes(images, draws, 56), first)


def test_boxes_are_distributed_as_those_of_torchvision() -> None:
    from torchvision.transforms import RandomResizedCrop

    torch.manual_seed(0)
    blank = torch.empty(1, 256, 256)
    theirs = [RandomResizedCrop.get_params(blank, [0.5, 1], [3 / 4, 4 / 3]) for _ in range(4000)]
    draws = boxes(20_000, 256)
    ours = torch.stack((draws.top, draws.left, draws.height, draws.width), dim=1).double()
    other = torch.tensor(theirs).double()
    for statistic in (torch.mean, torch.std):
        difference = statistic(ours, dim=0) - statistic(other, dim=0)
        error = other.std(dim=0) * math.sqrt(1 / 4000 + 1 / 20_000)
        assert bool((difference.abs() < 4 * error).all())


def attempts(*first: tuple[float, float]) -> Tensor:
    """Words whose first attempts have these shares and shapes; the others never fit."""
    drawn = [*first, *[(0.999, 0.999)] * (ATTEMPTS - len(first))]
    numbers = torch.tensor([x for pair in drawn for x in pair] + [0.5, 0.5], dtype=torch.float64)
    return (numbers * 2.0**32).long()[None]


def test_the_first_attempt_that_fits_is_taken() -> None:
    draws = draw_boxes(attempts((0.999, 0.001), (0.2, 0.5), (0.0, 0.5)), 100, 0.5)
    side = round(math.sqrt(0.6) * 100)
    assert (int(draws.height), int(draws.width)) == (side, side)
    assert (int(draws.top), int(draws.left)) == ((101 - side) // 2,) * 2


@pytest.mark.gpu
def test_a_gpu_gives_the_same_pixels() -> None:
    images, words = photographs(40, 3, 256), bits((40, BOX_COLUMNS), fold_key(5))
    host = resize_boxes(images, draw_boxes(words, 256, 0.5), 224)
    device = resize_boxes(images.cuda(), draw_boxes(words.cuda(), 256, 0.5), 224)
    assert torch.equal(device.cpu(), host)
