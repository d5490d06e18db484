"""The kernel of fixed shapes: the bits of the grouped one, and a host that waits for nothing."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor
from torch._subclasses.fake_tensor import DynamicOutputShapeException

from lps_sweep.data import DATA_SETS, data_set
from lps_sweep.data.randaugment import fixed_operations, grouped_operations
from lps_sweep.data.random import fold_key, normal_like
from lps_sweep.data.views import (
    VIEW_IDS,
    make_view,
    plain_view,
    view_key,
    view_under,
)
from tests.data.test_randaugment import photographs
from tests.host_syncs import HostSyncs, all_on, fake_cuda

SHAPES = {
    "digits": (1, 8, 8),
    "fashion_mnist": (1, 28, 28),
    "fashion_mnist_small": (1, 14, 14),
    "numbers": (1, 8, 16),
    "cifar10": (3, 32, 32),
    "cifar100": (3, 32, 32),
    "imagenet100": (3, 64, 64),
}
WORDS = (3, 1, 4)
with_data_set = pytest.mark.parametrize("dataset", SHAPES)
with_recipe = pytest.mark.parametrize(
    "dataset", ["digits", "fashion_mnist", "cifar10", "imagenet100"]
)
"""The data sets whose views differ: the others have those of one of them."""
with_view = pytest.mark.parametrize("view", VIEW_IDS)


def images_of(dataset: str, count: int = 90) -> Tensor:
    channels, height, width = SHAPES[dataset]
    return photographs(count, channels, width)[:, :, :height]


def test_every_data_set_is_here() -> None:
    assert set(SHAPES) == set(DATA_SETS)


@pytest.mark.parametrize("view", ["weak1", "strong"])
@with_data_set
def test_both_kernels_give_the_same_bits(dataset: str, view: str) -> None:
    images, recipe = images_of(dataset), data_set(dataset).recipe
    kept = images.clone()
    fixed = make_view(images, recipe, view, WORDS, fixed_shape=True)
    assert torch.equal(fixed, make_view(images, recipe, view, WORDS, fixed_shape=False))
    assert torch.equal(images, kept)


@pytest.mark.parametrize("spoilt", ["magnitude", "negative", "operation"])
def test_another_decision_gives_other_bits(spoilt: str) -> None:
    images = photographs(280, 3, 32)
    place = torch.arange(len(images))
    draws = {"operation": place % 14, "magnitude": place // 14 % 9 + 1, "negative": place % 2 == 1}
    expected = grouped_operations(images, **draws)
    assert torch.equal(fixed_operations(images, **draws), expected)
    other = {"operation": place % 13, "magnitude": place % 4 + 6, "negative": place % 2 == 0}
    draws[spoilt] = other[spoilt]
    assert not torch.equal(fixed_operations(images, **draws), expected)


@with_view
@with_recipe
def test_a_key_on_the_device_draws_the_same(dataset: str, view: str) -> None:
    """One recorded call can serve all steps: no draw hangs on a number of the host."""
    images, recipe = images_of(dataset, 32), data_set(dataset).recipe
    first, second = torch.tensor(view_key(view, WORDS))
    under = view_under((first, second), images, recipe, view, fixed_shape=True)
    assert torch.equal(under, make_view(images, recipe, view, WORDS))


def test_streams_of_keys_on_the_device_are_the_same() -> None:
    words = fold_key(7, (1 << 40) + 3)
    there = torch.tensor(words)
    ours, theirs = fold_key(*words, 1), fold_key(there[0], there[1], 1)
    assert ours == tuple(int(word) for word in theirs)
    assert torch.equal(normal_like((50,), ours), normal_like((50,), theirs))


@with_view
@with_recipe
def test_on_a_gpu_the_host_waits_for_nothing(dataset: str, view: str) -> None:
    recipe = data_set(dataset).recipe
    with fake_cuda():
        images = torch.empty(16, *SHAPES[dataset], dtype=torch.uint8, device="cuda")
        key = torch.empty(2, dtype=torch.int64, device="cuda")
        makers: list[Callable[[], Tensor]] = [
            lambda: make_view(images, recipe, view, WORDS),
            lambda: view_under((key[0], key[1]), images, recipe, view),
            lambda: plain_view(images, recipe),
        ]
        for make in makers:
            make()  # constants come onto the device
            with HostSyncs() as syncs:
                made = make()
            assert made.shape[:2] == (16, recipe.channels)
            assert all_on("cuda", made)
            assert syncs.num_seen >= 2


@pytest.mark.parametrize("dataset", ["fashion_mnist", "cifar10", "imagenet100"])
def test_the_grouped_kernel_does_wait(dataset: str) -> None:
    recipe = data_set(dataset).recipe
    images = images_of(dataset, 32)
    with HostSyncs(refuse=False) as syncs:
        make_view(images, recipe, "strong", WORDS, fixed_shape=False)
    assert syncs.found == ["bincount"] * 2  # and `tolist` of its result, which no mode sees
    with HostSyncs(), pytest.raises(AssertionError, match="bincount waits"):
        make_view(images, recipe, "strong", WORDS)
    with fake_cuda():
        images = torch.empty(16, *SHAPES[dataset], dtype=torch.uint8, device="cuda")
        with pytest.raises(DynamicOutputShapeException):
            make_view(images, recipe, "strong", WORDS, fixed_shape=False)


@pytest.mark.gpu
@pytest.mark.parametrize("view", ["weak1", "weak2", "strong"])
@pytest.mark.parametrize("dataset", ["fashion_mnist", "cifar10", "imagenet100"])
def test_cuda_gives_the_same_bits_and_does_not_wait(dataset: str, view: str) -> None:
    images, recipe = images_of(dataset), data_set(dataset).recipe
    on_gpu = images.cuda()
    make_view(on_gpu, recipe, view, WORDS)
    torch.cuda.set_sync_debug_mode("error")
    try:
        made = make_view(on_gpu, recipe, view, WORDS)
    finally:
        torch.cuda.set_sync_debug_mode("default")
    assert torch.equal(made.cpu(), make_view(images, recipe, view, WORDS))
