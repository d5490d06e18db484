"""Values as they were read, and their strict check against what a field declares."""

from __future__ import annotations

import dataclasses
import functools
import math
import types
import typing
from dataclasses import dataclass
from typing import Any

from lps_sweep.errors import BadInputError, nearest
from lps_sweep.files import refuse_address
from lps_sweep.params import FieldInfo
from lps_sweep.text import printable

Value = bool | int | float | str | tuple[int, ...] | None

SHOWN_LENGTH = 60


@dataclass(frozen=True)
class Located:
    """A value as it was read, and the place it was read from (``c_tau.yaml:7``).

    What a list or a mapping holds is `Located` in its turn.
    """

    value: Any
    where: str = ""

    def plain(self) -> Any:
        """The value without the places."""
        return _plain(self.value)


def _plain(value: Any) -> Any:
    if isinstance(value, Located):
        return _plain(value.value)
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return value


def shown(value: Any) -> str:
    """`value` for a message: as one would write it in YAML, cut where it is long."""
    value = _plain(value)
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, list | tuple):
        text = f"[{', '.join(map(shown, value))}]"
    elif isinstance(value, int) and value.bit_length() > 8 * SHOWN_LENGTH:
        return "a number of more than 100 digits"
    elif isinstance(value, bool) or value is None:
        return "null" if value is None else str(value).lower()
    else:
        text = repr(value)
    return text if len(text) <= SHOWN_LENGTH else f"{text[: SHOWN_LENGTH - 4]} ..."


def as_json(value: Any) -> Any:
    """`value` of a parameter in the form that JSON keeps; `check_value` is the way back."""
    return [*value] if isinstance(value, tuple) else value


def check_value(name: str, info: FieldInfo, located: Located) -> Value:
    """`located` as a value of the field's type and range.

    Whole numbers are taken for numbers, never the other way round; true and false are neither;
    -0.0 becomes 0.0.

    Raises:
        BadInputError: That says what would be right.
    """
    given = located.value
    if isinstance(given, list | tuple) and given and (item_type := _item_type(info.type)):
        return _checked_list(name, dataclasses.replace(info, type=item_type), located)
    try:
        value = _typed(info.type, given)
    except TypeError:
        raise BadInputError(
            f"{name} must be {_type_text(info.type)}, not {shown(given)}", located.where
        ) from None
    if isinstance(value, str) and value != printable(value):
        raise BadInputError(f"{name} holds what cannot be printed: {shown(value)}", located.where)
    if info.param.location and isinstance(value, str):
        refuse_address(value, f"{located.where}: {name}" if located.where else name)
    if value is not None and not info.param.accepts(value):
        hint = nearest(value, info.param.choices) if isinstance(value, str) else ""
        hint = f" ({hint})" if hint.startswith("did you mean") else ""
        raise BadInputError(
            f"{name} must be {info.param.range_text()}, not {shown(value)}{hint}", located.where
        )
    return value


def _checked_list(name: str, item_info: FieldInfo, located: Located) -> Value:
    items = [i if isinstance(i, Located) else Located(i, located.where) for i in located.value]
    values = tuple(check_value(name, item_info, item) for item in items)
    if len(set(values)) < len(values):
        raise BadInputError(f"{name} names a value twice: {shown(values)}", located.where)
    return typing.cast("Value", values)


@functools.cache
def _item_type(wanted: Any) -> type | None:
    """The type of what a list holds, where `wanted` takes one."""
    for option in typing.get_args(wanted) if isinstance(wanted, types.UnionType) else (wanted,):
        if typing.get_origin(option) is tuple:
            return typing.cast("type", typing.get_args(option)[0])
    return None


def _typed(wanted: Any, value: Any) -> bool | int | float | str | None:
    if wanted is float and type(value) in (int, float):
        return _number(value)
    if type(value) is wanted:
        return typing.cast("bool | int | float | str | None", value)
    if isinstance(wanted, types.UnionType):
        for option in typing.get_args(wanted):
            try:
                return _typed(option, value)
            except TypeError:
                continue
        raise TypeError
    if typing.get_origin(wanted) is typing.Literal:
        wanted = str
    if wanted is str and isinstance(value, str):
        return value
    raise TypeError


def _number(value: float) -> float:
    try:
        return float(value) + 0.0
    except OverflowError:
        return math.inf if value > 0 else -math.inf


def _type_text(wanted: Any) -> str:
    if isinstance(wanted, types.UnionType):
        return " or ".join(_type_text(option) for option in typing.get_args(wanted))
    if typing.get_origin(wanted) is tuple:
        return f"a list of {'whole numbers' if _item_type(wanted) is int else 'words'}"
    words = {int: "a whole number", float: "a number", bool: "true or false"}
    return words.get(wanted, "null" if wanted is types.NoneType else "a word")
