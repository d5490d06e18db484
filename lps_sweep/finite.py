"""What counts as measured: finite numbers, and none of those that are needed missing."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from numbers import Real
from typing import Any


def is_finite(value: Any) -> bool:
    """Whether `value` is a number that a float can hold, and neither NaN nor infinite."""
    if isinstance(value, bool) or not isinstance(value, Real):
        return False
    try:
        return math.isfinite(value)
    except OverflowError:
        return False


def unmeasured(metrics: Mapping[str, Any], needed: Iterable[str] = ()) -> str:
    """Which of `metrics` are not finite and which of `needed` are missing, in words; else empty."""
    wrong = [f"{name} is {value!s:.40}" for name, value in metrics.items() if not is_finite(value)]
    missing = [f"{name} is missing" for name in needed if name not in metrics]
    return ", ".join([*wrong, *missing])
