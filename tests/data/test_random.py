from __future__ import annotations

import math

import pytest
import torch
from scipy import stats
from torch import Tensor

from lps_sweep.data.random import (
    bits,
    fold_key,
    normal_like,
    permutation,
    randint,
    to_range,
    uniform,
)

KEY = fold_key(0, 3, 17, 2)
GOLDEN_BITS = [[2907766771, 915658840], [2130906267, 3327786703]]


def chi_square_p(cells: Tensor, num_cells: int) -> float:
    """P-value of `cells` (whole numbers below num_cells) being uniform."""
    return float(stats.chisquare(torch.bincount(cells.flatten(), minlength=num_cells)).pvalue)


def test_golden_values() -> None:
    """A change here changes every result: it needs a new results revision."""
    assert fold_key() == (2261973619, 2654435769)
    assert fold_key(0) == (1482704787, 4190317497)
    assert KEY == (2182062102, 3569165909)
    assert bits((2, 2), KEY).tolist() == GOLDEN_BITS
    assert randint(10, (8,), KEY).tolist() == [6, 2, 4, 7, 3, 9, 5, 5]
    assert permutation(8, KEY).tolist() == [1, 4, 2, 7, 6, 0, 3, 5]
    assert uniform((2,), KEY).tolist() == [(b >> 8) / 2**24 for b in GOLDEN_BITS[0]]


@pytest.mark.parametrize("cells", [10, 256, 1000])
def test_one_stream_is_uniform(cells: int) -> None:
    assert 1e-3 < chi_square_p(randint(cells, (200_000,), KEY), cells) < 1 - 1e-3


@pytest.mark.parametrize("place", [0, 1, 2, 3])
def test_neighbouring_keys_are_uniform_at_a_fixed_position(place: int) -> None:
    """The first draws of 5,000 keys that differ in one word are uniform, whichever word."""
    words = [[0, 0, 0, 0] for _ in range(5_000)]
    for i, word in enumerate(words):
        word[place] = i
    draws = torch.stack([bits((2,), fold_key(*word)) for word in words])
    for column in draws.unbind(1):
        assert 1e-3 < chi_square_p(to_range(column, 100), 100) < 1 - 1e-3


@pytest.mark.parametrize("lag", [1, 2, 13])
def test_successive_draws_are_independent(lag: int) -> None:
    cells = randint(16, (400_000,), KEY)
    assert 1e-3 < chi_square_p(cells[:-lag] * 16 + cells[lag:], 256) < 1 - 1e-3


@pytest.mark.parametrize(
    "other", [(0, 3, 17, 1), (0, 3, 18, 2), (0, 4, 17, 2), (1, 3, 17, 2), (3, 0, 17, 2)]
)
def test_streams_of_neighbouring_keys_are_independent(other: tuple[int, ...]) -> None:
    mine, theirs = (randint(16, (200_000,), key) for key in (KEY, fold_key(*other)))
    assert 1e-3 < chi_square_p(mine * 16 + theirs, 256) < 1 - 1e-3


def test_a_draw_depends_on_the_position_and_not_on_the_size() -> None:
    assert torch.equal(bits((7, 5), KEY), bits((4096, 5), KEY)[:7])


def test_uniform_lies_below_one_and_has_24_bits() -> None:
    draws = uniform((1 << 20,), KEY)
    assert draws.dtype == torch.float32
    assert 0 <= draws.min() < 1e-4
    assert 1 - 1e-4 < draws.max() < 1
    scaled = draws.double() * 2**24
    assert torch.equal(scaled, scaled.round())
    assert abs(draws.mean() - 0.5) < 5 / math.sqrt(12 * len(draws))


@pytest.mark.parametrize("high", [1, 2, 3, 1 << 31])
def test_randint_covers_its_range(high: int) -> None:
    draws = randint(high, (10_000,), KEY)
    assert draws.dtype == torch.int64
    assert draws.min() >= 0
    assert draws.max() < high
    assert draws.max() >= high - 1 - high // 1000


def test_normal_like_has_mean_0_and_variance_1() -> None:
    noise = normal_like((1 << 20,), KEY)
    assert abs(noise.mean()) < 5 / math.sqrt(len(noise))
    assert abs(noise.var() - 1) < 0.01
    assert noise.abs().max() <= 3.46
    share = (noise.abs() < 1).double().mean()
    assert abs(share - 0.6827) < 0.03


def test_the_global_generator_is_neither_read_nor_moved() -> None:
    torch.manual_seed(1)
    before = torch.get_rng_state()
    first = [f((5,), KEY) for f in (bits, uniform, normal_like)]
    assert torch.equal(torch.get_rng_state(), before)
    torch.manual_seed(2)
    assert all(
        torch.equal(a, f((5,), KEY))
        for a, f in zip(first, (bits, uniform, normal_like), strict=True)
    )


@pytest.mark.gpu
def test_cuda_draws_the_same() -> None:
    assert torch.equal(bits((1 << 20,), KEY, "cuda").cpu(), bits((1 << 20,), KEY))
    assert torch.equal(uniform((1 << 20,), KEY, "cuda").cpu(), uniform((1 << 20,), KEY))
    assert torch.equal(normal_like((1 << 20,), KEY, "cuda").cpu(), normal_like((1 << 20,), KEY))
    assert torch.equal(permutation(60_000, KEY, "cuda").cpu(), permutation(60_000, KEY))
