"""The largest difference between a tree of expected values and a computed one."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

from torch import Tensor

TOLERANCE = 1e-6


def worst(expected: Any, computed: Any) -> tuple[float, str]:
    """The largest difference and the place of it; infinite where the two cannot be compared.

    Floats differ by their distance. Integers, strings and booleans are equal or infinitely far
    apart, and so is what was not computed, is not a number or has another shape. What was
    computed beyond the expected is not looked at.
    """
    return max(_differences(expected, computed, ""), key=lambda found: found[0])


def _differences(expected: Any, computed: Any, place: str) -> Iterator[tuple[float, str]]:
    if isinstance(computed, Tensor):
        computed = computed.tolist()
    if isinstance(expected, Mapping):
        if not isinstance(computed, Mapping) or not expected:
            yield math.inf, f"{place}: no entries to compare"
            return
        for name, value in expected.items():
            inner = f"{place}.{name}".lstrip(".")
            if name in computed:
                yield from _differences(value, computed[name], inner)
            else:
                yield math.inf, f"{inner}: not computed"
    elif isinstance(expected, list):
        if not isinstance(computed, list | tuple) or len(computed) != len(expected):
            yield math.inf, f"{place}: another shape"
            return
        yield 0.0, place
        for index, (wanted, found) in enumerate(zip(expected, computed, strict=True)):
            yield from _differences(wanted, found, f"{place}[{index}]")
    else:
        yield _distance(expected, computed), f"{place}: expected {expected!r}, is {computed!r}"


def _distance(expected: Any, computed: Any) -> float:
    if not isinstance(expected, float):
        return 0.0 if expected == computed else math.inf
    if not isinstance(computed, float | int):
        return math.inf
    distance = abs(expected - computed)
    return distance if math.isfinite(distance) else math.inf
