"""The plain entries of a search space: names, mappings, settings, and blocks of declared fields."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lps_sweep.config import PRESETS, Located, Value, check_value, find_fields, shown
from lps_sweep.errors import BadInputError, nearest
from lps_sweep.files import NAME_WORDS, is_name, is_reserved
from lps_sweep.params import FieldInfo, param, section_table
from lps_sweep.plan.yaml_file import parse_value

Entries = Mapping[str, Located]
Table = Mapping[str, FieldInfo]


@dataclass(frozen=True, kw_only=True)
class Plain:
    """The keys of a file that stand for one value each."""

    preset: str = param("", "named values to start from", choices=tuple(sorted(PRESETS)))
    method: str = param("lps", "the method; lps if missing")
    seeds: tuple[int, ...] = param(
        (), "the replicates: every configuration is run at each", low=0, high=2**31 - 1
    )
    margin_points: float | None = param(
        None,
        "largest difference, in points of accuracy, that does not matter",
        low=0,
        open_low=True,
        high=100,
    )


PLAIN = section_table("", Plain)


def read_plain(entries: Entries, where: str) -> dict[str, Any]:
    """The value of each of `PLAIN`, or its default.

    Raises:
        BadInputError: For a wrong value, and where there are no seeds.
    """
    found = check_values({key: entries[key] for key in PLAIN if key in entries}, PLAIN)
    refuse_missing(found, ("seeds",), PLAIN, where)
    return {key: found[key].value if key in found else info.default for key, info in PLAIN.items()}


def read_text(entries: Entries, key: str) -> str:
    """The text at `key`, of one line or several; empty if it is missing."""
    located = entries.get(key, Located(""))
    if not isinstance(located.value, str):
        raise BadInputError(f"{key} must be text, not {shown(located.value)}", located.where)
    return located.value


def read_name(entries: Entries, where: str) -> str:
    """The name of the sweep, which is also the name of its folder."""
    if "name" not in entries:
        raise BadInputError("the key 'name' is missing", where)
    name, place = read_text(entries, "name"), entries["name"].where
    if not is_name(name):
        raise BadInputError(f"name must be {NAME_WORDS}, not {shown(name)}", place)
    if is_reserved(name):
        raise BadInputError(
            f"{name!r} is what the results folder calls a part of itself; choose another name",
            place,
        )
    return name


def read_mapping(entries: Entries, key: str) -> dict[str, Located]:
    """The mapping at `key`; empty if it is missing."""
    located = entries.get(key, Located({}))
    if not isinstance(located.value, dict):
        raise BadInputError(f"{key} must be a mapping of names to values", located.where)
    return located.value


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


def check_values(values: Entries, table: Table) -> dict[str, Located]:
    """`values` by flat name, each of the type and in the range that its field declares."""
    return {
        name: Located(check_value(name, info, located), located.where)
        for name, (info, located) in find_fields(table, values).items()
    }


def refuse_missing(found: Entries, required: Sequence[str], table: Table, where: str) -> None:
    """Each of the `required` keys is there."""
    for key in required:
        if key not in found:
            param = table[key].param
            right = param.range_text() if param.choices else param.help
            raise BadInputError(f"the key {key!r} is missing; {right}", where)


def refuse_unknown(given: Entries, known: Sequence[str]) -> None:
    """No key is there besides the `known` ones."""
    for key, located in given.items():
        if key not in known:
            raise BadInputError(f"unknown key {key!r}; {nearest(key, known)}", located.where)


def refuse_repeats(name: str, levels: Sequence[Located]) -> None:
    """No value of a list is there twice."""
    seen: dict[Value, str] = {}
    for level in levels:
        if level.value in seen:
            raise BadInputError(
                f"{name} has {shown(level.value)} twice, first at {seen[level.value]}", level.where
            )
        seen[level.value] = level.where
