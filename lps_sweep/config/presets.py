"""Named settings of data, network and training: each data set's own. Always chosen explicitly."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from lps_sweep.data import DATA_SETS
from lps_sweep.methods import METHODS

PRESETS: Mapping[str, Mapping[str, Any]] = MappingProxyType(
    {
        name: MappingProxyType({"dataset": name, **data_set.preset})
        for name, data_set in DATA_SETS.items()
    }
)
"""Values by flat name; what stands below the name of a method is of that method alone."""


def preset_values(name: str, method: str = "") -> dict[str, Any]:
    """The values of the preset `name` by flat name: for all methods, and for `method` alone."""
    values = {key: value for key, value in PRESETS[name].items() if key not in METHODS}
    return {**values, **PRESETS[name].get(method, {})}
