"""The table of methods: a name, the folder behind it, and nothing loaded until asked for."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from lps_sweep.errors import BadInputError, nearest

if TYPE_CHECKING:
    from lps_sweep.methods.protocol import Objective

METHODS = {
    "lps": "lps_sweep.methods.lps",
    "orca": "lps_sweep.methods.orca",
    "simclr_kmeans": "lps_sweep.methods.simclr_kmeans",
}
"""Name to package. Its `config.py` names the configuration class `CONFIG` and loads no torch; its
`objective.py` names the objective `OBJECTIVE`."""


def config_class(name: str) -> type[Any]:
    """The frozen dataclass of the hyper-parameters of method `name`; loads no torch.

    Raises:
        BadInputError: There is no such method.
    """
    found: type[Any] = _module(name, "config").CONFIG
    return found


def objective_class(name: str) -> type[Objective]:
    """The objective of method `name`.

    Raises:
        BadInputError: There is no such method.
    """
    found: type[Objective] = _module(name, "objective").OBJECTIVE
    return found


def _module(name: str, part: str) -> Any:
    if name not in METHODS:
        raise BadInputError(f"unknown method {name!r}; {nearest(name, METHODS)}")
    return importlib.import_module(f"{METHODS[name]}.{part}")
