"""Strict build of a configuration from flat names: anything not understood is an error."""

from __future__ import annotations

import dataclasses
import functools
import types
import typing
from collections.abc import Mapping
from typing import Any

from lps_sweep.config.sections import Config
from lps_sweep.config.values import Located, Value, check_value
from lps_sweep.errors import BadInputError, nearest
from lps_sweep.methods import METHODS, config_class
from lps_sweep.network_parts import NETWORK_PARTS
from lps_sweep.params import FieldInfo, section_fields


@functools.cache
def field_table(method: str) -> Mapping[str, FieldInfo]:
    """All fields of a configuration by flat name.

    A name that two sections share is written with its section, as is any other on request.
    """
    found = [i for name, cls in _classes(method).items() for i in section_fields(name, cls)]
    names = [info.name for info in found]
    table = {i.name if names.count(i.name) == 1 else f"{i.section}.{i.name}": i for i in found}
    return types.MappingProxyType(table)


@functools.cache
def _classes(method: str) -> Mapping[str, type[Any]]:
    """The class of each section, the method's own among them."""
    hints = typing.get_type_hints(Config)
    classes: dict[str, type[Any]] = {f.name: hints[f.name] for f in dataclasses.fields(Config)}
    return types.MappingProxyType(classes | {"method": config_class(method)})


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
    wrong = key if key.rpartition(".")[2] not in table else key.rpartition(".")[2]
    raise BadInputError(f"unknown key {key!r}; {nearest(wrong, table)}", where)


def find_fields(
    table: Mapping[str, FieldInfo], values: Mapping[str, Located]
) -> dict[str, tuple[FieldInfo, Located]]:
    """`values` by flat name, each with its field.

    Raises:
        BadInputError: For an unknown key, and for one given twice (``C`` and ``method.C``).
    """
    found: dict[str, tuple[FieldInfo, Located]] = {}
    for key, located in values.items():
        name, info = find_field(table, key, located.where)
        if name in found:
            first = found[name][1].where
            raise BadInputError(
                f"{name} is given twice" + (f", first at {first}" if first else ""), located.where
            )
        found[name] = info, located
    return found


def fields_of_method(method: str, where: str = "") -> Mapping[str, FieldInfo]:
    """`field_table` of a method that may be misspelt.

    Raises:
        BadInputError: There is no such method.
    """
    if method not in METHODS:
        raise BadInputError(f"unknown method {method!r}; {nearest(method, METHODS)}", where)
    return field_table(method)


def build_config(
    values: Mapping[str, Located], *, method: str = "lps", method_where: str = ""
) -> Config:
    """The configuration with `values` (by flat name) in place of the defaults.

    Raises:
        BadInputError: For an unknown method or key, a wrong type, a value out of range, a part
            that the network does not have, or a `graph` of steps that cannot be recorded.
    """
    fields_of_method(method, method_where)
    return changed_config(Config(**{s: cls() for s, cls in _classes(method).items()}), values)


def changed_config(config: Config, values: Mapping[str, Located]) -> Config:
    """`config` with `values` (by flat name) in place of its own; it shares the other sections.

    Raises:
        BadInputError: As `build_config`.
    """
    found = find_fields(field_table(config.method.name), values)
    checked: dict[str, dict[str, Value]] = {}
    for name, (info, located) in found.items():
        checked.setdefault(info.section, {})[info.name] = check_value(name, info, located)
    sections = dict(vars(config))
    for section, changed in checked.items():
        before = sections[section]
        sections[section] = type(before)(**(vars(before) | changed))
    config = Config(**sections)
    parts = ("none", *NETWORK_PARTS[config.trunk.network])
    if config.trunk.frozen_through not in parts:
        given = {i.name: place.where for i, place in found.values() if i.section == "trunk"}
        raise BadInputError(
            f"frozen_through must be one of {', '.join(parts)} for {config.trunk.network}, "
            f"not {config.trunk.frozen_through!r}",
            given.get("frozen_through", given.get("network", "")),
        )
    if config.loop.graph and not getattr(config.method, "records", True):
        raise BadInputError(
            f"a step of {config.method.name} cannot be recorded; graph must be false",
            found["graph"][1].where if "graph" in found else "",
        )
    return config


def flat(config: Config) -> dict[str, Value]:
    """All values of `config` by flat name, `method` first; those `beside` only where set."""
    sections = {section: vars(own) for section, own in vars(config).items()}
    values: dict[str, Value] = {"method": config.method.name}
    for name, info in field_table(config.method.name).items():
        value = sections[info.section][info.name]
        if not info.param.beside or value != info.default:
            values[name] = value
    return values


def config_from_flat(values: Mapping[str, Any]) -> Config:
    """The inverse of `flat`, also after a journey through JSON.

    Raises:
        BadInputError: The values are not those of a configuration of this version.
    """
    rest = {key: Located(value) for key, value in values.items() if key != "method"}
    return build_config(rest, method=str(values.get("method", "")))
