"""What the words behind the options of the command line may be."""

from __future__ import annotations

import math
from argparse import ArgumentTypeError
from collections.abc import Callable
from pathlib import Path

from lps_sweep.files import ADDRESS, local_path

LONGEST_S = 86_400


def integer(text: str) -> int:
    """A whole number."""
    try:
        return int(text)
    except ValueError:
        raise ArgumentTypeError(f"{text!r} is no whole number") from None


def count(text: str) -> int:
    """A whole number from 1."""
    value = integer(text)
    if not 0 < value <= 1000:
        raise ArgumentTypeError(f"{text} is not from 1 to 1000")
    return value


def real(text: str) -> float:
    """A number, written as search spaces have it."""
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value) or "_" in text:
        raise ArgumentTypeError(f"{text!r} is not a number")
    return value


def duration(text: str) -> float:
    """Seconds above 0, behind ``--watch``, which can stand alone."""
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value <= LONGEST_S:
        raise ArgumentTypeError(
            f"{text!r} is no number of seconds above 0 and up to {LONGEST_S}; --watch can stand "
            "alone, behind all else"
        )
    return value


def path(option: str) -> Callable[[str], Path]:
    """A path of this machine, told of by the name of its option."""
    return lambda text: local_path(text, option)


def folder_or_address(text: str) -> Path | str:
    """What ``--results`` names: an address stays as it is."""
    return text if ADDRESS.match(text) else local_path(text, "--results")
