"""Random numbers as a pure function of a key and a position: counter-based integer hashing.

Nothing here has a state. A draw is the hash of its position in the tensor under a key made of
whole numbers, such as (seed, epoch, step, view). It is therefore the same on a CPU and on CUDA,
after a resume, and whoever else is trained beside it; the global generators of torch are neither
read nor moved. Only integer operations and exact scalings are used, and no product exceeds 63
bits, so nothing depends on how a device rounds or wraps.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TypeVar, overload

import torch
from torch import Tensor

Word = int | Tensor
"""A whole number, on the host or as a 0-d int64 tensor: what comes of both is the same."""

Key = tuple[Word, Word]
"""Two 32-bit words, made by `fold_key`."""

W = TypeVar("W", int, Tensor, Word)

_MASK = 0xFFFFFFFF
_MULTIPLIER_1 = 0x21F0AAAD
_MULTIPLIER_2 = 0x735A2D97
"""The multipliers are below 2**31: a product with a 32-bit word fits into int64."""


def _mix(word: W) -> W:
    """A bijection of 32-bit words whose output bits all depend on all input bits."""
    word = word ^ word >> 16
    word = word * _MULTIPLIER_1 & _MASK
    word = word ^ word >> 15
    word = word * _MULTIPLIER_2 & _MASK
    return word ^ word >> 15


def _mix_in_place(words: Tensor) -> Tensor:
    """`_mix` of every element of an int64 tensor that holds 32-bit words."""
    words ^= words >> 16
    words *= _MULTIPLIER_1
    words &= _MASK
    words ^= words >> 15
    words *= _MULTIPLIER_2
    words &= _MASK
    words ^= words >> 15
    return words


@overload
def fold_key(*words: int) -> tuple[int, int]: ...
@overload
def fold_key(*words: Word) -> Key: ...
def fold_key(*words: Word) -> Key:
    """The key of a stream of draws; different sequences of words give unrelated streams.

    Args:
        words: Any number of whole numbers from 0 to 2**64 - 1. Their order and their number
            matter: (1, 2), (2, 1) and (1, 2, 0) are three keys. A tensor may hold 63 bits, and
            is not looked at, since the host would have to wait for it.

    Raises:
        ValueError: A word is negative or has more than 64 bits.
    """
    first: Word = _mix(len(words) + 1)
    second: Word = 0x9E3779B9
    for word in words:
        if isinstance(word, int) and not 0 <= word < 1 << 64:
            raise ValueError(f"a word of a key must lie in 0..2**64 - 1, got {word}")
        for half in (word & _MASK, word >> 32):
            first = _mix(first ^ half)
            second = _mix((second + half ^ first) & _MASK)
    return first, second


def bits(shape: Sequence[int], key: Key, device: torch.device | str = "cpu") -> Tensor:
    """Uniform 32-bit words: int64 in [0, 2**32), no two of them equal within one call.

    The element at row-major position i depends on `key` and i alone. Draws of shape
    (batch, draws per sample) thus depend on the sample's place in the batch and not on the
    size of the batch.
    """
    count = math.prod(shape)
    if count > 1 << 32:
        raise ValueError(f"a key holds 2**32 draws, {count} were asked for")
    words = torch.arange(count, dtype=torch.int64, device=device)
    words ^= key[0]
    _mix_in_place(words)
    words ^= key[1]
    return _mix_in_place(words).reshape(tuple(shape))


def to_uniform(words: Tensor) -> Tensor:
    """Words of `bits` as float32 in [0, 1): multiples of 2**-24, rounded nowhere."""
    return (words >> 8).to(torch.float32).mul_(2.0**-24)


def to_range(words: Tensor, high: int | Tensor) -> Tensor:
    """Words of `bits` as int64 in [0, high), 0 < high <= 2**31; bias at most high / 2**32."""
    return (words * high) >> 32


def uniform(shape: Sequence[int], key: Key, device: torch.device | str = "cpu") -> Tensor:
    """Uniform float32 in [0, 1) with 24 bits; positions as in `bits`."""
    return to_uniform(bits(shape, key, device))


def randint(
    high: int, shape: Sequence[int], key: Key, device: torch.device | str = "cpu"
) -> Tensor:
    """Uniform int64 in [0, high), 0 < high <= 2**31; positions as in `bits`.

    Raises:
        ValueError: `high` lies outside that range.
    """
    if not 0 < high <= 1 << 31:
        raise ValueError(f"high must lie in 1..2**31, got {high}")
    return to_range(bits(shape, key, device), high)


def permutation(n: int, key: Key, device: torch.device | str = "cpu") -> Tensor:
    """A random order of 0..n - 1, int64 (n,); the hash has no ties, so the order is unique."""
    return torch.argsort(bits((n,), key, device), stable=True)


def normal_like(shape: Sequence[int], key: Key, device: torch.device | str = "cpu") -> Tensor:
    """Bell-shaped float32 noise of mean 0 and variance 1, bounded by 3.45.

    The scaled sum of four uniform bytes: the sum is exact and one multiplication follows, so
    devices agree bit for bit, which a logarithm or a cosine would not grant.
    """
    words = bits(shape, key, device)
    total = words & 0xFF
    for shift in (8, 16):
        total += (words >> shift) & 0xFF
    total += words >> 24
    variance = 4 * (256**2 - 1) / 12
    return (total - 510).to(torch.float32).mul_(variance**-0.5)
