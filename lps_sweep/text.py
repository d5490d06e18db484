"""Text from elsewhere, made fit to be printed on a terminal or kept in a ledger."""

from __future__ import annotations

import os
import re
import unicodedata
from collections.abc import Mapping

_HIDDEN = {"Cc", "Cf", "Cs", "Zl", "Zp"}

_NAMED_LIKE_A_SECRET = re.compile(
    r"TOKEN|SECRET|PASSW|PASSPHRASE|CREDENTIAL|API_?KEY|ACCESS_?KEY|PRIVATE_?KEY|AUTH_?KEY", re.I
)
_SHORTEST_SECRET = 8
_IN_AN_ADDRESS = re.compile(r"(?<=://)[^\s/@:]*:[^\s/@]+(?=@)")
_IN_A_HEADER = re.compile(r"(?i)\b(bearer|authorization['\"]?\s*[:=]\s*['\"]?\w+)\s+[\w.~+/=-]{8,}")
REMOVED = "[removed]"

_NOT_OF_THE_KIND = (
    (re.compile(r"0x[0-9a-fA-F]+"), "#"),
    (re.compile(r"(?<![\w.])(?:/[\w.+~-]+){2,}/?"), "/#"),
    (re.compile(r"\b[0-9a-f]{8,}\b"), "#"),
    (re.compile(r"[-+]?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?"), "#"),
)
"""What differs between errors of one kind."""
_MOST = 200
"""Characters of `normalised_error`."""
_TRACEBACK = "Traceback (most recent call last):"


def printable(text: str) -> str:
    """`text` with a space for each control, format and surrogate character."""
    if text.isprintable():
        return text
    return "".join(" " if unicodedata.category(c) in _HIDDEN else c for c in text)


def printable_lines(text: str) -> str:
    """As `printable`, with the line ends kept."""
    return "\n".join(map(printable, text.split("\n")))


def without_secrets(text: str, environment: Mapping[str, str] | None = None) -> str:
    """`text` without credentials: values of the environment, in addresses, and in HTTP headers.

    Args:
        text: What is to be kept, such as the traceback of a trial.
        environment: Where secrets are looked for: variables with names such as ``X_TOKEN`` and
            values of 8 characters or more. By default that of this process.
    """
    known = os.environ if environment is None else environment
    secrets = {
        value
        for name, value in known.items()
        if len(value) >= _SHORTEST_SECRET and _NAMED_LIKE_A_SECRET.search(name)
    }
    for secret in sorted(secrets, key=len, reverse=True):
        text = text.replace(secret, REMOVED)
    return _IN_A_HEADER.sub(rf"\1 {REMOVED}", _IN_AN_ADDRESS.sub(REMOVED, text))


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
    for pattern, word in _NOT_OF_THE_KIND:
        line = pattern.sub(word, line)
    return line
