"""Rates of failures, and errors made comparable."""

from __future__ import annotations

import math
import re

_NORMAL_95 = 1.959963984540054
_REPLACED = (
    (re.compile(r"0x[0-9a-fA-F]+"), "#"),
    (re.compile(r"(?<![\w.])(?:/[\w.+~-]+){2,}/?"), "/#"),
    (re.compile(r"\b[0-9a-f]{8,}\b"), "#"),
    (re.compile(r"[-+]?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?"), "#"),
)
_MOST = 200
_TRACEBACK = "Traceback (most recent call last):"


def wilson_interval(count: int, total: int) -> tuple[float, float] | None:
    """95 % interval of the rate `count` / `total`, 0 to 1, by Wilson\u2019s score; None of nothing.

    Wilson, J. Am. Stat. Assoc. 22 (1927). It also speaks where no or every case counts.

    Raises:
        ValueError: `count` is negative or above `total`.
    """
    if not 0 <= count <= total:
        raise ValueError(f"{count} of {total} is no rate")
    if not total:
        return None
    z2 = _NORMAL_95**2
    middle = (count + z2 / 2) / (total + z2)
    half = _NORMAL_95 * math.sqrt(count * (total - count) / total + z2 / 4) / (total + z2)
    return max(0.0, middle - half), min(1.0, middle + half)


def error_line(text: str) -> str:
    """What went wrong, on one line: of a traceback the line of its last exception.

    A first line before a traceback is kept if it ends with a colon; of any other text it is the
    first line that is not blank.
    """
    before, found, _ = text.partition(_TRACEBACK)
    start = next((line.strip() for line in before.splitlines() if line.strip()), "")
    if not found:
        return start
    lines = [line for line in text.rpartition(_TRACEBACK)[2].splitlines() if line.strip()]
    named = next((line for line in lines if not line[0].isspace()), lines[-1] if lines else "")
    return f"{start} {named.strip()}" if start.endswith(":") else named.strip()


def normalised_error(text: str) -> str:
    """`error_line` with numbers, addresses, hashes and paths as ``#``: one kind of error.

    At most 200 characters.
    """
    line = error_line(text)[:_MOST]
    for pattern, word in _REPLACED:
        line = pattern.sub(word, line)
    return line
