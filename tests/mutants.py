"""Modules with one change in their source, to see whether a check notices it."""

from __future__ import annotations

import inspect
import sys
from types import ModuleType


def mutant(module: ModuleType, old: str, new: str) -> ModuleType:
    """A copy of `module` in whose source `old` is `new`. The module itself stays as it is.

    Raises:
        ValueError: `old` does not stand there exactly once.
    """
    source = inspect.getsource(module)
    if source.count(old) != 1:
        raise ValueError(f"{old!r} stands {source.count(old)} times in {module.__name__}")
    copy = ModuleType(f"{module.__name__} mutant")
    copy.__file__ = module.__file__
    # dataclasses look their module up by name, and there while it runs
    sys.modules[copy.__name__] = copy
    try:
        exec(compile(source.replace(old, new), copy.__name__, "exec"), vars(copy))
    finally:
        del sys.modules[copy.__name__]
    return copy
