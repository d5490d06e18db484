"""A store in a folder, at ``flaky://``, that fails in the process that has it fail."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from typing import Any, ClassVar

import fsspec
from fsspec.implementations.local import LocalFileSystem

from lps_sweep.sweep import remote

SCHEME = "flaky://"
PAUSES_S = 0.01, 0.01, 0.01


class Flaky(LocalFileSystem):  # type: ignore[misc]
    """Files of this disk; `fails` is asked with the path of each that is opened."""

    protocol = "flaky"
    fails: ClassVar[Callable[[str], bool]] = staticmethod(lambda path: False)  # noqa: ARG005

    def _open(self, path: str, mode: str = "rb", **options: Any) -> Any:
        if Flaky.fails(path):
            raise OSError("503 slow down")
        return super()._open(path, mode, **options)


fsspec.register_implementation("flaky", Flaky, clobber=True)


def fail_now_and_then(draw: random.Random) -> None:
    """A quarter of the requests fail, each file's no more often than a request is made again."""
    failed: Counter[str] = Counter()

    def fails(path: str) -> bool:
        failing = failed[path] < len(PAUSES_S) and draw.random() < 0.25
        failed[path] += failing
        return failing

    _install(fails)


def fail_after(requests: int) -> None:
    """The store is gone after so many requests."""
    left = requests

    def fails(path: str) -> bool:
        del path
        nonlocal left
        left -= 1
        return left < 0

    _install(fails)


def _install(fails: Callable[[str], bool]) -> None:
    remote.PAUSES_S = PAUSES_S
    Flaky.fails = staticmethod(fails)
