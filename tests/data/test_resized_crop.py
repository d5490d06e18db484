from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from lps_sweep.data.crop import ATTEMPTS, BOX_COLUMNS, BoxDraws, draw_boxes, resize_boxes
from lps_sweep.data.random import bits, fold_key
from tests.data import pil_reference as pil
from tests.data.test_randaugment import differing, photographs, to_pil


def boxes(count: int, side: int, min_area: float = 0.5) -> BoxDraws:
    return draw_boxes(bits((count, BOX_COLUMNS), fold_key(5)), side, min_area)


@pytest.mark.parametrize(
    ("stored", "side", "count", "min_area"),
    [(256, 224, 60, 0.5), (64, 56, 900, 0.5), (64, 20, 400, 0.2), (64, 97, 200, 0.05)],
)
def test_pixels_are_those_of_pillow(stored: int, side: int, count: int, min_area: float) -> None:
    images = photographs(count, 3, stored)
    draws = boxes(count, stored, min_area)
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
    if not torch.cuda.is_available():
        pytest.skip("no CUDA device")
    images, words = photographs(40, 3, 256), bits((40, BOX_COLUMNS), fold_key(5))
    host = resize_boxes(images, draw_boxes(words, 256, 0.5), 224)
    device = resize_boxes(images.cuda(), draw_boxes(words.cuda(), 256, 0.5), 224)
    assert torch.equal(device.cpu(), host)
