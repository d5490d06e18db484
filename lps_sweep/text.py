"""Text from elsewhere, made fit to be printed on a terminal or kept in a ledger."""

from __future__ import annotations

import contextlib
import os
import re
import sys
import unicodedata
from collections.abc import Iterator, Mapping
from typing import Any, TextIO, cast

_HIDDEN = {"Cc", "Cf", "Cs", "Zl", "Zp"}

_NAMED_LIKE_A_SECRET = re.compile(
    r"TOKEN|SECRET|PASSW|PASSPHRASE|CREDENTIAL|API_?KEY|ACCESS_?KEY|PRIVATE_?KEY|AUTH_?KEY", re.I
)
_SHORTEST_SECRET = 8
_IN_AN_ADDRESS = re.compile(r"(?<=://)[^\s/@:]*:[^\s/@]+(?=@)")
_IN_A_HEADER = re.compile(r"(?i)\b(bearer|authorization['\"]?\s*[:=]\s*['\"]?\w+)\s+[\w.~+/=-]{8,}")
REMOVED = "[removed]"


def printable(text: str) -> str:
    """`text` with a space for each control, format and surrogate character."""
    if text.isprintable():
        return text
    return "".join(" " if unicodedata.category(c) in _HIDDEN else c for c in text)


def printable_lines(text: str) -> str:
    """As `printable`, with the line ends kept."""
    return "\n".join(map(printable, text.split("\n")))


class _Printable:
    """A text stream that passes on what is printable; line ends stay."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        encoding = self._stream.encoding or "utf-8"
        plain = printable_lines(text).encode(encoding, "backslashreplace").decode(encoding)
        self._stream.write(plain)
        return len(text)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


@contextlib.contextmanager
def printable_output() -> Iterator[None]:
    """Lets no control character reach standard output and error for the length of the block.

    Names, messages and errors come from files that others wrote, and a terminal obeys them.
    """
    clean = (cast("TextIO", _Printable(stream)) for stream in (sys.stdout, sys.stderr))
    with contextlib.redirect_stdout(next(clean)), contextlib.redirect_stderr(next(clean)):
        yield


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
