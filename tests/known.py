"""What is there: for values that may be missing and, in a test, must not be."""

from __future__ import annotations

from typing import TypeVar

T = TypeVar("T")


def known(value: T | None) -> T:
    """`value`, which is not None."""
    assert value is not None
    return value
