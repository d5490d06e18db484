"""One case of a file: its method's module runs it, and the result is compared."""

from __future__ import annotations

import importlib
import importlib.util
import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.methods.golden.comparing import worst
from tests.methods.golden.inputs import inputs_of

Case = Mapping[str, Any]

FILE = Path(__file__).with_name("golden_methods.json")


def load(file: Path) -> list[Case]:
    """The cases of a file."""
    cases: list[Case] = json.loads(file.read_text(encoding="utf-8"))["cases"]
    return cases


def has_module(method: str) -> bool:
    """Whether there is a module here that computes the values of `method`."""
    if not method.isidentifier() or importlib.util.find_spec(f"{__package__}.{method}") is None:
        return False
    return hasattr(importlib.import_module(f"{__package__}.{method}"), "computed")


def difference(case: Case) -> tuple[float, str]:
    """The largest difference of a case and its place, or infinity and what went wrong."""
    method, parameters, expected = case["method"], case["parameters"], case["expected"]
    if not has_module(method):
        return math.inf, f"unknown method {method!r}"
    module = importlib.import_module(f"{__package__}.{method}")
    try:
        inputs = inputs_of(parameters, with_gradient="grad_norms" in expected)
        return worst(expected, module.computed(parameters, inputs, expected))
    except Exception as error:
        return math.inf, f"{type(error).__name__}: {error}"
