"""How far two nested states are apart."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

from torch import Tensor


def difference(first: Any, second: Any) -> float:
    """Largest absolute difference of two nested states; infinite if they are not comparable."""
    ours, theirs = dict(_leaves(first)), dict(_leaves(second))
    if ours.keys() != theirs.keys() or not ours:
        return math.inf
    return max(_distance(ours[name], theirs[name]) for name in ours)


def relative_error(found: Tensor, right: Tensor) -> float:
    """Norm of the difference over the norm of `right`; infinite where that is not a number."""
    gap, size = (found - right).detach().double().norm().item(), right.detach().double().norm()
    if gap == 0:
        return 0.0
    return math.inf if math.isnan(gap) or size == 0 else gap / size.item()


def _leaves(state: Any, name: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(state, Mapping):
        for key, value in state.items():
            yield from _leaves(value, f"{name}/{key}")
    elif isinstance(state, list | tuple):
        yield f"{name}/len", len(state)
        for i, value in enumerate(state):
            yield from _leaves(value, f"{name}/{i}")
    else:
        yield name, state


def _distance(first: Any, second: Any) -> float:
    if isinstance(first, Tensor) and isinstance(second, Tensor):
        if first.shape != second.shape or first.dtype != second.dtype:
            return math.inf
        gap = (first.double() - second.double()).abs().max().item() if first.numel() else 0.0
        return math.inf if math.isnan(gap) else gap
    if isinstance(first, int | float) and isinstance(second, int | float):
        return math.inf if math.isnan(first - second) else abs(first - second)
    return 0.0 if first == second else math.inf
