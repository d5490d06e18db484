"""A store in memory, at ``shelf://``, that can be slow, fail, refuse and forget."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, ClassVar

import fsspec
from fsspec.implementations.memory import MemoryFileSystem


def works(mode: str, path: str) -> None:
    """Does as it is told."""
    del mode, path


class Shelf(MemoryFileSystem):  # type: ignore[misc]
    """Files in memory; `before` is called with the mode and the path of each that is opened."""

    protocol = "shelf"
    store: ClassVar[dict[str, Any]] = {}
    pseudo_dirs: ClassVar[list[str]] = [""]
    before: ClassVar[Callable[[str, str], None]] = staticmethod(works)

    def _open(self, path: str, mode: str = "rb", **options: Any) -> Any:
        Shelf.before(mode, path)
        return super()._open(path, mode, **options)

    @classmethod
    def clear(cls) -> None:
        """An empty store that works."""
        cls.store.clear()
        cls.pseudo_dirs[:] = [""]
        cls.before = staticmethod(works)

    @classmethod
    def names(cls, part: str) -> list[str]:
        """The files with `part` in their paths."""
        return sorted(path for path in cls.store if part in path)


fsspec.register_implementation("shelf", Shelf, clobber=True)


def slowly(mode: str, path: str) -> None:
    """Takes its time."""
    del mode, path
    time.sleep(0.01)


def refusing(mode: str, path: str) -> None:
    """Is not writable."""
    if "w" in mode:
        raise PermissionError(f"403 access denied: {path}")


def now_and_then() -> Callable[[str, str], None]:
    """Every third request fails."""
    count = 0

    def fail(mode: str, path: str) -> None:
        del mode
        nonlocal count
        count += 1
        if count % 3 == 0:
            raise OSError(f"503 slow down: {path}")

    return fail
