"""A module with one place of its source changed: what a check must see."""

from __future__ import annotations

import inspect
from types import ModuleType


def mutated(module: ModuleType, right: str, wrong: str) -> ModuleType:
    """`module` anew, with `wrong` for the one place in its source that reads `right`."""
    source = inspect.getsource(module)
    assert source.count(right) == 1, f"{source.count(right)} places read {right!r}"
    made = ModuleType(module.__name__, module.__doc__)
    exec(compile(source.replace(right, wrong), f"{module.__name__} mutated", "exec"), vars(made))
    return made
