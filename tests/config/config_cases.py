from __future__ import annotations

from lps_sweep.config import Located, Value, field_table
from lps_sweep.params import FieldInfo

FIELDS = dict(field_table("lps"))


def located(**values: object) -> dict[str, Located]:
    return {name: Located(value) for name, value in values.items()}


def other(info: FieldInfo) -> Value:
    """A valid value that is not the default, together with which all other defaults are valid."""
    if info.name == "seen_classes":
        return (1, 2)
    if info.param.choices:
        return next(choice for choice in info.param.choices if choice != info.default)
    if isinstance(info.default, bool):
        return not info.default
    if isinstance(info.default, int):
        return info.default + 1
    if isinstance(info.default, float):
        return info.default / 2 or 0.5
    return f"other-{info.name}"
