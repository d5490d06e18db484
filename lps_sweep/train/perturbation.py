"""Other last bits: what another machine does to a trial, done on purpose."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor

from lps_sweep.data.random import bits, fold_key

PERTURBATION_STREAM = 202
"""Second word of the keys of the signs."""

LAST_BIT = 2.0**-23
"""A float32 weight w moves by w times this: by one or two units in its last place."""


@torch.no_grad()
def perturb(weights: Iterable[Tensor], seed: int, draw: int) -> None:
    """Multiplies each number of `weights` by 1 + `LAST_BIT` or 1 - `LAST_BIT`.

    The signs depend on seed, draw and the place of the number alone. Zeros stay zero.

    Args:
        weights: Float32, changed in place.
        seed: The trial's seed.
        draw: Which signs, from 1.
    """
    for place, weight in enumerate(weights):
        words = bits(weight.shape, fold_key(seed, PERTURBATION_STREAM, draw, place))
        signs = (words & 1).mul_(2).sub_(1).to(weight.device, weight.dtype)
        weight.mul_(1 + LAST_BIT * signs)
