"""The plain entries of a search space: words, mappings, values, settings and seeds."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from lps_sweep.config import (
    PRESETS,
    FieldInfo,
    Located,
    Value,
    check_value,
    find_fields,
    shown,
)
from lps_sweep.errors import BadInputError, nearest
from lps_sweep.files import NAME_WORDS, is_name
from lps_sweep.plan.yaml_file import parse_value

Entries = Mapping[str, Located]
Table = Mapping[str, FieldInfo]

RESERVED = re.compile(r"checkpoints|artefacts|ray|(ledger\.|driver\.lock).*", re.IGNORECASE)
"""Names that the results folder has for its own files."""

MAX_SEED = 2**31 - 1


def read_name(entries: Entries, where: str) -> str:
    """The name of the sweep, which is also the name of its folder."""
    name = read_word(entries, "name", where)
    if not is_name(name):
        raise BadInputError(f"name must be {NAME_WORDS}, not {shown(name)}", entries["name"].where)
    if RESERVED.fullmatch(name):
        raise BadInputError(
            f"{name!r} is what the results folder calls a part of itself; choose another name",
            entries["name"].where,
        )
    return name


def read_word(entries: Entries, key: str, where: str, default: str | None = None) -> str:
    """The text at `key`; an error at `where` if it is missing and has no `default`."""
    located = entries.get(key)
    if located is None:
        if default is None:
            raise BadInputError(f"the key {key!r} is missing", where)
        return default
    if not isinstance(located.value, str) or not located.value:
        raise BadInputError(f"{key} must be text, not {shown(located.value)}", located.where)
    return located.value


def read_mapping(entries: Entries, key: str) -> dict[str, Located]:
    """The mapping at `key`; empty if it is missing."""
    located = entries.get(key)
    if located is None:
        return {}
    if not isinstance(located.value, dict):
        raise BadInputError(f"{key} must be a mapping of names to values", located.where)
    return located.value


def read_preset(name: str, where: str, table: Table) -> dict[str, Located]:
    """The values of the preset `name`; none if it is empty."""
    if not name:
        return {}
    if name not in PRESETS:
        raise BadInputError(f"unknown preset {name!r}; {nearest(name, PRESETS)}", where)
    place = f"{where}: preset {name}"
    values = {key: Located(value, place) for key, value in PRESETS[name].items()}
    return check_values(values, table)


def read_settings(texts: Sequence[str]) -> dict[str, Located]:
    """``key=value`` texts of the command line."""
    values: dict[str, Located] = {}
    for text in texts:
        key, located = split_setting(text)
        if key in values:
            raise BadInputError(f"{key} is given twice", located.where)
        values[key] = located
    return values


def split_setting(text: str) -> tuple[str, Located]:
    """``key=value`` from the command line."""
    key, equals, value = text.partition("=")
    if not equals or not key.strip():
        raise BadInputError(f"a setting is written key=value, not {text!r}", "command line")
    return key.strip(), parse_value(value, f"{key.strip()}= on the command line")


def read_seeds(located: Located | None, where: str) -> tuple[int, ...]:
    """The seeds, in the order of the file."""
    if located is None:
        raise BadInputError("the key 'seeds' is missing; a list such as [0, 1, 2]", where)
    items: Any = located.value
    if not isinstance(items, list) or not items:
        raise BadInputError(
            f"seeds must be a list such as [0, 1, 2], not {shown(items)}", located.where
        )
    for item in items:
        if type(item.value) is not int or not 0 <= item.value <= MAX_SEED:
            raise BadInputError(
                f"a seed is a whole number from 0 to {MAX_SEED}, not {shown(item.value)}",
                item.where,
            )
    refuse_repeats("seeds", items)
    return tuple(item.value for item in items)


def read_margin(located: Located | None) -> float | None:
    """The practical margin, in points of accuracy; None where none is declared."""
    if located is None:
        return None
    value = located.value
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value <= 100:
        raise BadInputError(
            f"margin_points must be a number above 0 and up to 100, not {shown(value)}",
            located.where,
        )
    return float(value)


def check_values(values: Entries, table: Table) -> dict[str, Located]:
    """`values` by flat name, each of the type and in the range that its field declares."""
    return {
        name: Located(check_value(name, info, located), located.where)
        for name, (info, located) in find_fields(table, values).items()
    }


def refuse_repeats(name: str, levels: Sequence[Located]) -> None:
    """No value of a list is there twice."""
    seen: dict[Value, str] = {}
    for level in levels:
        if level.value in seen:
            raise BadInputError(
                f"{name} has {shown(level.value)} twice, first at {seen[level.value]}", level.where
            )
        seen[level.value] = level.where
