"""The table of methods: a name, the folder behind it, and nothing loaded until asked for."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from lps_sweep.errors import BadInputError, nearest

if TYPE_CHECKING:
    from lps_sweep.methods.protocol import Objective

METHODS = {
    "ds3l": "lps_sweep.methods.ds3l",
    "dtc": "lps_sweep.methods.dtc",
    "fixmatch": "lps_sweep.methods.fixmatch",
    "gcd": "lps_sweep.methods.gcd",
    "lps": "lps_sweep.methods.lps",
    "nach": "lps_sweep.methods.nach",
    "openncd": "lps_sweep.methods.openncd",
    "orca": "lps_sweep.methods.orca",
    "owmatch": "lps_sweep.methods.owmatch",
    "rankstats": "lps_sweep.methods.rankstats",
    "simclr_kmeans": "lps_sweep.methods.simclr_kmeans",
    "simgcd": "lps_sweep.methods.simgcd",
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
