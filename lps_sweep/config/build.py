"""Strict build of a configuration from flat names: anything not understood is an error."""

from __future__ import annotations

import dataclasses
import functools
import types
import typing
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from lps_sweep.config.fields import Param
from lps_sweep.config.sections import Config
from lps_sweep.errors import BadInputError, nearest
from lps_sweep.methods import METHODS, config_class

Value = bool | int | float | str | tuple[int, ...] | None


@dataclass(frozen=True)
class Located:
    """A value as it was read, and the place it was read from (``c_tau.yaml:7``)."""

    value: Any
    where: str = ""


@dataclass(frozen=True)
class FieldInfo:
    """A configuration field under its flat name."""

    section: str
    name: str
    type: Any
    default: Any
    param: Param


@functools.cache
def field_table(method: str) -> Mapping[str, FieldInfo]:
    """All fields of a configuration by flat name.

    A name that two sections share is written with its section, as is any other on request.
    """
    classes = {f.name: _section_class(f.name) for f in dataclasses.fields(Config)}
    classes["method"] = config_class(method)
    found = [info for name, cls in classes.items() for info in section_fields(name, cls)]
    names = [info.name for info in found]
    table = {i.name if names.count(i.name) == 1 else f"{i.section}.{i.name}": i for i in found}
    return types.MappingProxyType(table)


def section_fields(section: str, cls: type[Any]) -> list[FieldInfo]:
    """The fields of one section's class, in order."""
    hints = typing.get_type_hints(cls)
    return [
        FieldInfo(section, f.name, hints[f.name], f.default, f.metadata["param"])
        for f in dataclasses.fields(cls)
    ]


@functools.cache
def _section_class(name: str) -> type[Any]:
    hint = typing.get_type_hints(Config)[name]
    assert isinstance(hint, type)
    return hint


def find_field(table: Mapping[str, FieldInfo], key: str, where: str = "") -> tuple[str, FieldInfo]:
    """The flat name and field that `key` means; `section.name` is understood for every field.

    Raises:
        BadInputError: With the nearest valid name.
    """
    if key in table:
        return key, table[key]
    for name, info in table.items():
        if key == f"{info.section}.{info.name}":
            return name, info
    raise BadInputError(f"unknown key {key!r}; {nearest(key, table)}", where)


def check_value(name: str, info: FieldInfo, located: Located) -> Value:
    """`located` as a value of the field's type and range.

    Raises:
        BadInputError: That says what would be right.
    """
    try:
        value = _typed(info.type, located.value)
    except TypeError:
        wanted = _type_text(info.type)
        raise BadInputError(
            f"{name} must be {wanted}, not {located.value!r}", located.where
        ) from None
    for item in value if isinstance(value, tuple) else (value,):
        if item is not None and not info.param.accepts(item):
            hint = f" ({nearest(item, info.param.choices)})" if isinstance(item, str) else ""
            raise BadInputError(
                f"{name} must be {info.param.range_text()}, not {item!r}{hint}", located.where
            )
    if isinstance(value, tuple) and len(set(value)) < len(value):
        raise BadInputError(f"{name} names a value twice: {list(value)}", located.where)
    return value


def _typed(wanted: Any, value: Any) -> Value:
    if isinstance(wanted, types.UnionType) or typing.get_origin(wanted) is typing.Union:
        for option in typing.get_args(wanted):
            try:
                return _typed(option, value)
            except TypeError:
                continue
        raise TypeError
    if typing.get_origin(wanted) is typing.Literal:
        wanted = str
    if typing.get_origin(wanted) is tuple and isinstance(value, list | tuple) and value:
        return tuple(typing.cast("int", _typed(int, item)) for item in value)
    if wanted is float and type(value) is int:
        return float(value)
    if isinstance(wanted, type) and type(value) is wanted:
        return typing.cast("Value", value)
    raise TypeError


def _type_text(wanted: Any) -> str:
    if isinstance(wanted, types.UnionType) or typing.get_origin(wanted) is typing.Union:
        return " or ".join(_type_text(option) for option in typing.get_args(wanted))
    if typing.get_origin(wanted) is tuple:
        return "a list of whole numbers"
    words = {int: "a whole number", float: "a number", bool: "true or false"}
    return words.get(wanted, "a word")


def build_config(
    values: Mapping[str, Located], *, method: str = "lps", method_where: str = ""
) -> Config:
    """The configuration with `values` (by flat name) in place of the defaults.

    Raises:
        BadInputError: For an unknown method or key, a wrong type or a value out of range.
    """
    if method not in METHODS:
        raise BadInputError(f"unknown method {method!r}; {nearest(method, METHODS)}", method_where)
    table = field_table(method)
    checked: dict[str, dict[str, Value]] = {}
    for key, located in values.items():
        name, info = find_field(table, key, located.where)
        section = checked.setdefault(info.section, {})
        if info.name in section:
            raise BadInputError(f"{name} is given twice", located.where)
        section[info.name] = check_value(name, info, located)
    classes = {f.name: _section_class(f.name) for f in dataclasses.fields(Config)}
    classes["method"] = config_class(method)
    return Config(**{name: cls(**checked.get(name, {})) for name, cls in classes.items()})


def flat(config: Config) -> dict[str, Value]:
    """All values of `config` by flat name, with `method` first."""
    values: dict[str, Value] = {"method": config.method.name}
    for name, info in field_table(config.method.name).items():
        values[name] = getattr(getattr(config, info.section), info.name)
    return values


def config_from_flat(values: Mapping[str, Any]) -> Config:
    """The inverse of `flat`, also after a journey through JSON."""
    rest = {key: Located(value) for key, value in values.items() if key != "method"}
    return build_config(rest, method=values["method"])
