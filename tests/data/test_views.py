from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from lps_sweep.config import DataConfig
from lps_sweep.data import data_set, load
from lps_sweep.data.affine import STRONG, strong_affine, weak_affine
from lps_sweep.data.random import fold_key, randint, uniform
from lps_sweep.data.sets import Recipe
from lps_sweep.data.simclr import resized_crop, simclr_view
from lps_sweep.data.views import VIEW_IDS, make_view, paper_strong, plain_view
from lps_sweep.errors import BadInputError

DIGITS, FASHION_MNIST = data_set("digits").recipe, data_set("fashion_mnist").recipe
COLOUR = data_set("cifar10").recipe
CASES = [
    pytest.param(DIGITS, (1, 8, 8), (1, 8, 8), id="digits"),
    pytest.param(DIGITS, (1, 8, 16), (1, 8, 16), id="numbers"),
    pytest.param(FASHION_MNIST, (1, 28, 28), (3, 32, 32), id="fashion_mnist"),
    pytest.param(COLOUR, (3, 32, 32), (3, 32, 32), id="colour"),
    pytest.param(data_set("imagenet100").recipe, (3, 64, 64), (3, 56, 56), id="imagenet"),
]
WORDS = (0, 2, 7)
Shape = tuple[int, ...]


def random_images(count: int, shape: Shape) -> Tensor:
    return randint(256, (count, *shape), fold_key(4)).to(torch.uint8)


@pytest.mark.parametrize("view", VIEW_IDS)
@pytest.mark.parametrize(("recipe", "shape", "out"), CASES)
def test_a_view_is_a_function_of_key_view_and_position(
    recipe: Recipe, shape: Shape, out: Shape, view: str
) -> None:
    """Not of the batch's size, of other samples, of global state; and it leaves its input alone."""
    images = random_images(64, shape)
    kept = images.clone()
    full = make_view(images, recipe, view, WORDS)
    torch.manual_seed(5)
    state = torch.get_rng_state()
    others = images.flip(0)
    others[:24] = images[:24]
    for batch in (images[:24], others):
        assert torch.equal(make_view(batch, recipe, view, WORDS)[:24], full[:24])
    assert torch.equal(torch.get_rng_state(), state)
    assert torch.equal(images, kept)
    for words in ((1, 2, 7), (0, 3, 7), (0, 2, 8)):
        assert not torch.equal(make_view(images, recipe, view, words), full)
    assert (full.shape, full.dtype, recipe.channels) == ((64, *out), torch.float32, out[0])
    assert full.is_contiguous()
    assert full.isfinite().all()


def test_plain_view_only_normalises() -> None:
    image = torch.tensor([[[[0, 51], [102, 255]]]] * 3, dtype=torch.uint8).view(1, 3, 2, 2)
    result = plain_view(image, COLOUR)
    for channel, (mean, std) in enumerate(zip(COLOUR.mean, COLOUR.std, strict=True)):
        expected = [(value - mean) / std for value in (0, 0.2, 0.4, 1)]
        assert result[0, channel].flatten().tolist() == pytest.approx(expected, abs=1e-6)


def test_fashion_mnist_is_padded_and_repeated() -> None:
    result = plain_view(torch.full((1, 1, 28, 28), 255, dtype=torch.uint8), FASHION_MNIST)
    black, white = (value - 0.2190 for value in (0, 1))
    assert torch.equal(result[:, 0], result[:, 2])
    assert result[0, 0, 1, 1].item() == pytest.approx(black / 0.3318, abs=1e-6)
    assert result[0, 0, 2, 29].item() == pytest.approx(white / 0.3318, abs=1e-6)
    assert (result == result[0, 0, 2, 2]).sum() == 3 * 28 * 28


def test_constants_are_those_of_the_reference() -> None:
    """For both CIFARs those of CIFAR-100, and for ImageNet-100 those of all of ImageNet."""
    cifar = Recipe(mean=(0.5071, 0.4867, 0.4408), std=(0.2675, 0.2565, 0.2761))
    assert data_set("cifar10").recipe == data_set("cifar100").recipe == cifar
    of_imagenet = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
    assert (data_set("imagenet100").recipe.mean, data_set("imagenet100").recipe.std) == of_imagenet


@pytest.mark.parametrize("dataset", ["digits", "fashion_mnist", "fashion_mnist_small"])
def test_constants_are_those_of_the_data(dataset: str) -> None:
    try:
        images = torch.tensor(load(DataConfig(dataset=dataset)).images)
    except BadInputError as error:
        pytest.skip(str(error))
    recipe = data_set(dataset).recipe
    counts = torch.bincount(images.flatten()).double()
    counts[0] += images.numel() * ((1 + 2 * recipe.border / images.shape[-1]) ** 2 - 1)
    values = torch.arange(len(counts)).double() / 255
    mean = float((counts * values).sum() / counts.sum())
    std = math.sqrt(float((counts * (values - mean) ** 2).sum() / counts.sum()))
    assert recipe.mean == (round(mean, 4),) * recipe.channels
    assert recipe.std == (round(std, 4),) * recipe.channels


def test_unknown_names_are_refused() -> None:
    with pytest.raises(BadInputError, match="did you mean 'fashion_mnist'"):
        data_set("fashion-mnist")
    with pytest.raises(ValueError, match="did you mean 'weak"):
        make_view(random_images(2, (1, 8, 8)), DIGITS, "weak", WORDS)


def test_golden_pixels() -> None:
    """A change here changes every result: it needs a new results revision."""
    place = torch.arange(32)
    ramp = (place[:, None] * 5 + place * 3)[None, None].expand(64, 3, 32, 32).to(torch.uint8)
    weight = torch.arange(1, 32 * 32 * 3 * 64 + 1).view(64, 3, 32, 32)
    view = paper_strong(ramp, fold_key(*WORDS, VIEW_IDS["strong"]))
    assert int((view * weight % 1_000_003).sum()) == 94536309042


def blob(count: int) -> Tensor:
    """A bright square in the middle of 8 x 8 pixels."""
    images = torch.zeros(count, 1, 8, 8, dtype=torch.uint8)
    images[:, :, 2:6, 2:6] = 200
    return images


def centre(view: Tensor) -> Tensor:
    """Centres of mass (B, 2) of single-channel images, in pixels from the middle."""
    mass = view.squeeze(1) / view.sum((1, 2, 3))[:, None, None]
    place = torch.arange(8) - 3.5
    return torch.stack(((mass.sum(1) * place).sum(1), (mass.sum(2) * place).sum(1)), dim=1)


def test_weak_digits_move_and_grow_within_their_ranges() -> None:
    view = weak_affine(blob(2000), fold_key(1))
    offset = centre(view)
    # The affine map is applied to coordinates, so a shift of 10 % appears enlarged by up to 8 %.
    assert offset.abs().max() <= 0.8 * 1.08 + 0.1
    assert offset.abs().amax(0).min() > 0.7
    assert offset.mean(0).abs().max() < 0.05
    size = view.sum((1, 2, 3)) / (16 * 200)
    assert 0.92**2 - 0.06 < size.min() < 0.88
    assert 1.12 < size.max() < 1.08**2 + 0.06
    assert view.min() >= 0
    assert view.max() <= 200.01


def test_strong_digits_have_noise_light_and_cutout() -> None:
    white = torch.full((3000, 1, 8, 8), 100, dtype=torch.uint8)
    view = strong_affine(white, fold_key(1))
    black = (view == 0).sum((1, 2, 3))
    counts = torch.bincount(black, minlength=10)
    for area in (0, 1, 4, 9):
        assert abs(counts[area] / 3000 - 0.25) < 0.03
    assert counts.sum() == counts[[0, 1, 4, 9]].sum()
    inner = view[:, 0, 3:5, 3:5]
    inner = inner[(inner != 0).flatten(1).all(1)]
    # Variance in the middle: contrast, brightness, noise of a uniform level.
    expected = (100 * STRONG.contrast) ** 2 / 3 + (255 * STRONG.brightness) ** 2 / 3
    expected += (255 * STRONG.noise) ** 2 / 3
    assert float(inner.var()) == pytest.approx(expected, rel=0.1)
    assert float(inner.mean()) == pytest.approx(100, abs=3)


@pytest.mark.parametrize(("height", "width"), [(33, 33), (33, 65), (65, 33)])
def test_rotation_turns_without_stretching(height: int, width: int) -> None:
    """Eigenvalues of the second moments of a bar stay, its direction varies within 8 degrees.

    Nor does the shape of the image matter to how far it is shifted.
    """
    bar = torch.zeros(2000, 1, height, width, dtype=torch.uint8)
    top, left = height // 2, width // 2
    bar[:, :, top - 1 : top + 2, left - 10 : left + 11] = 255
    view = weak_affine(bar, fold_key(2)).squeeze(1)
    mass = view / view.sum((1, 2), keepdim=True)
    columns, rows = torch.arange(float(width)), torch.arange(float(height))
    x, y = (mass.sum(1) * columns).sum(1), (mass.sum(2) * rows).sum(1)
    for shift in (x - left, y - top):
        assert 3.3 < shift.abs().max() < 4.1
    dx, dy = columns - x[:, None], rows - y[:, None]
    xx, yy = (mass.sum(1) * dx**2).sum(1), (mass.sum(2) * dy**2).sum(1)
    xy = (mass * dy[:, :, None] * dx[:, None, :]).sum((1, 2))
    degrees = torch.rad2deg(torch.atan2(2 * xy, xx - yy) / 2)
    assert 7 < degrees.abs().max() < 8.5
    assert abs(degrees.mean()) < 0.5
    length = (12 * (xx + yy)).sqrt()
    assert (length / length.mean() - 1).abs().max() < 0.1


def test_simclr_of_equal_channels_is_that_of_grey() -> None:
    grey = random_images(256, (1, 32, 32))
    key = fold_key(3)
    coloured = simclr_view(grey.expand(-1, 3, -1, -1), key)
    single = simclr_view(grey, key)
    assert torch.allclose(coloured, single.expand(-1, 3, -1, -1), atol=0.02)


def test_simclr_draws_each_part_at_its_rate() -> None:
    colour = torch.tensor([200, 90, 40], dtype=torch.uint8).view(1, 3, 1, 1)
    view = simclr_view(colour.expand(4000, 3, 8, 8), fold_key(3))
    assert torch.allclose(view, view[:, :, :1, :1].expand_as(view), atol=0.01)
    pixel = view[:, :, 0, 0]
    grey = (pixel.amax(1) - pixel.amin(1)) < 0.01
    untouched = (pixel - torch.tensor([200.0, 90.0, 40.0])).abs().amax(1) < 0.01
    assert abs(grey.double().mean() - 0.2) < 0.03
    assert abs(untouched.double().mean() - 0.2 * 0.8) < 0.03


@pytest.mark.parametrize(("right", "first"), [(0.0, 0.0), (0.5, 4.0), (1.0, 8.0)])
def test_a_known_crop(right: float, first: float) -> None:
    """Area .2 + .8 * .453125 = .75**2, square: 24 of 32 pixels, upright and mirrored."""
    ramp = torch.arange(32.0).expand(2, 1, 32, 32)
    draw = torch.tensor([0.453125, 0.453125])
    half, place = torch.full((2,), 0.5), torch.full((2,), right)
    view = resized_crop(ramp, draw, half, place, half, torch.tensor([False, True]))
    expected = (first + 0.75 * (torch.arange(32) + 0.5) - 0.5).clamp(0, 31)
    assert torch.allclose(view[0, 0], expected.expand(32, 32), atol=1e-3)
    assert torch.allclose(view[1, 0], view[0, 0].flip(1), atol=1e-3)


def test_crops_have_the_ranges_of_area_and_aspect() -> None:
    """On a plane that rises by 1 a pixel both ways, slopes are the crop's sides over 32."""
    rows, columns = torch.meshgrid(torch.arange(32.0), torch.arange(32.0), indexing="ij")
    planes = torch.stack((columns, rows)).expand(4000, 2, 32, 32)
    area, aspect, right, down, flip = uniform((5, 4000), fold_key(8)).unbind(0)
    view = resized_crop(planes, area, aspect, right, down, flip < 0.5)
    width = (view[:, 0, 16, 17] - view[:, 0, 16, 16]).abs()
    height = view[:, 1, 17, 16] - view[:, 1, 16, 16]
    area, aspect = width * height, width / height
    assert 0.2 - 1e-3 < area.min() < 0.21
    assert 0.97 < area.max() <= 1 + 1e-3
    assert 0.75 - 1e-3 < aspect.min() < 0.76
    assert 1.32 < aspect.max() < 4 / 3 + 1e-3
    assert abs(aspect.log().mean()) < 0.01
    assert view.min() >= 0
    assert view.max() <= 31


@pytest.mark.gpu
@pytest.mark.parametrize("view", VIEW_IDS)
@pytest.mark.parametrize(("recipe", "shape", "out"), CASES)
def test_cuda_draws_the_same_view(recipe: Recipe, shape: Shape, out: Shape, view: str) -> None:
    images = random_images(64, shape)
    result = make_view(images.cuda(), recipe, view, WORDS).cpu()
    assert result.shape[1:] == out
    assert torch.allclose(result, make_view(images, recipe, view, WORDS), atol=1e-3)
