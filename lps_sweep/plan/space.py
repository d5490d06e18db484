"""A search space: what its YAML file says, checked."""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lps_sweep.config import (
    PRESETS,
    FieldInfo,
    Located,
    Value,
    build_config,
    check_value,
    fields_of_method,
    find_fields,
    shown,
)
from lps_sweep.errors import BadInputError, nearest
from lps_sweep.plan.resources import Resources, build_resources
from lps_sweep.plan.yaml_file import parse_value, parse_yaml, read_text

KEYS = ("name", "question", "preset", "method", "set", "grid", "seeds", "resources")
NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,63}")
RESERVED = re.compile(r"checkpoints|artefacts|(ledger\.sqlite|driver\.lock).*", re.IGNORECASE)
"""Names that the results folder has for its own files."""

MAX_TRIALS = 100_000
MAX_SEED = 2**31 - 1


@dataclass(frozen=True)
class SearchSpace:
    """A validated search space.

    Attributes:
        name: Name of the sweep and of its folder.
        question: What the sweep is to answer.
        source: The text it was read from.
        preset: Name of the preset, or empty for the defaults.
        method: Name of the method.
        fixed: Values of all trials, by flat name: the preset's, then the file's, then the
            command line's.
        grid: Values of each swept parameter, in the order of the file.
        seeds: The replicates.
        resources: What a pack gets.
        where: Where it was read from, for messages.
    """

    name: str
    question: str
    source: str
    preset: str
    method: str
    fixed: Mapping[str, Located]
    grid: Mapping[str, tuple[Located, ...]]
    seeds: tuple[int, ...]
    resources: Resources
    where: str = ""

    @property
    def num_trials(self) -> int:
        """Number of trials, without expanding them."""
        return math.prod(map(len, self.grid.values())) * len(self.seeds)


def read_space(path: Path, *, preset: str = "", settings: Sequence[str] = ()) -> SearchSpace:
    """The search space in the YAML file `path`.

    Args:
        path: The file.
        preset: A preset that replaces the file's.
        settings: ``key=value`` texts that override the file's `set`.

    Raises:
        BadInputError: That names the file, the line and what would be right.
    """
    source = read_text(path)
    content = parse_yaml(source, str(path))
    if not isinstance(content.value, dict):
        raise BadInputError("a search space is a mapping of keys to values", content.where)
    if preset:
        content.value["preset"] = Located(preset, "--preset")
    return build_space(content, settings=settings, source=source)


def build_space(content: Located, *, settings: Sequence[str], source: str) -> SearchSpace:
    """A search space from the located `content` of a file.

    Raises:
        BadInputError: For whatever is not understood, out of range, or planned too large.
    """
    entries: dict[str, Located] = content.value
    for key, located in entries.items():
        if key not in KEYS:
            raise BadInputError(f"unknown key {key!r}; {nearest(key, KEYS)}", located.where)
    method = _word(entries, "method", content.where, "lps")
    method_where = entries.get("method", content).where
    table = fields_of_method(method, method_where)
    preset = _word(entries, "preset", content.where, "")
    given = _values(_mapping(entries, "set"), table)
    given |= _values(_settings(settings), table)
    grid = _grid(_mapping(entries, "grid"), table)
    for key in grid.keys() & given.keys():
        raise BadInputError(f"{key} is swept too, at {grid[key][0].where}", given[key].where)
    space = SearchSpace(
        name=_name(entries, content.where),
        question=_word(entries, "question", content.where, ""),
        source=source,
        preset=preset,
        method=method,
        fixed=_preset(preset, entries.get("preset", content).where, table) | given,
        grid=grid,
        seeds=_seeds(entries.get("seeds"), content.where),
        resources=build_resources(_mapping(entries, "resources")),
        where=content.where,
    )
    _refuse_too_many(space, entries.get("grid", content).where)
    build_config(dict(space.fixed), method=method)  # what two keys together may not be
    return space


def single_space(*, preset: str, settings: Sequence[str], seed: int) -> SearchSpace:
    """A sweep of one configuration, named by the settings.

    Raises:
        BadInputError: For an unknown key or preset, or a value that is not right.
    """
    source = json.dumps({"preset": preset, "settings": sorted(settings), "seed": seed})
    where = "command line"
    entries = {
        "name": Located(f"train-{hashlib.sha256(source.encode()).hexdigest()[:8]}", where),
        "seeds": Located([Located(seed, "--seed")], "--seed"),
    }
    if preset:
        entries["preset"] = Located(preset, "--preset")
    return build_space(Located(entries, where), settings=settings, source=source)


def split_setting(text: str) -> tuple[str, Located]:
    """``key=value`` from the command line."""
    key, equals, value = text.partition("=")
    if not equals or not key.strip():
        raise BadInputError(f"a setting is written key=value, not {text!r}", "command line")
    return key.strip(), parse_value(value, f"{key.strip()}= on the command line")


def _settings(texts: Sequence[str]) -> dict[str, Located]:
    values: dict[str, Located] = {}
    for text in texts:
        key, located = split_setting(text)
        if key in values:
            raise BadInputError(f"{key} is given twice", located.where)
        values[key] = located
    return values


def _name(entries: dict[str, Located], where: str) -> str:
    name = _word(entries, "name", where)
    if not NAME.fullmatch(name):
        raise BadInputError(
            "name must be 1 to 64 letters, digits, '.', '_' or '-' (no '.' or '-' first), "
            f"not {shown(name)}",
            entries["name"].where,
        )
    if RESERVED.fullmatch(name):
        raise BadInputError(
            f"{name!r} is what the results folder calls a part of itself; choose another name",
            entries["name"].where,
        )
    return name


def _refuse_too_many(space: SearchSpace, where: str) -> None:
    if space.num_trials > MAX_TRIALS:
        factors = [f"{len(values)} {key}" for key, values in space.grid.items()]
        product = " x ".join([*factors, f"{len(space.seeds)} seeds"])
        raise BadInputError(
            f"{space.num_trials} trials are planned ({product}); the limit is {MAX_TRIALS}", where
        )


def _word(entries: dict[str, Located], key: str, where: str, default: str | None = None) -> str:
    located = entries.get(key)
    if located is None:
        if default is None:
            raise BadInputError(f"the key {key!r} is missing", where)
        return default
    if not isinstance(located.value, str) or not located.value:
        raise BadInputError(f"{key} must be text, not {shown(located.value)}", located.where)
    return located.value


def _mapping(entries: dict[str, Located], key: str) -> dict[str, Located]:
    located = entries.get(key)
    if located is None:
        return {}
    if not isinstance(located.value, dict):
        raise BadInputError(f"{key} must be a mapping of names to values", located.where)
    return located.value


def _preset(name: str, where: str, table: Mapping[str, FieldInfo]) -> dict[str, Located]:
    if not name:
        return {}
    if name not in PRESETS:
        raise BadInputError(f"unknown preset {name!r}; {nearest(name, PRESETS)}", where)
    place = f"{where}: preset {name}"
    return _values({key: Located(value, place) for key, value in PRESETS[name].items()}, table)


def _values(values: dict[str, Located], table: Mapping[str, FieldInfo]) -> dict[str, Located]:
    return {
        name: Located(check_value(name, info, located), located.where)
        for name, (info, located) in find_fields(table, values).items()
    }


def _grid(
    values: dict[str, Located], table: Mapping[str, FieldInfo]
) -> dict[str, tuple[Located, ...]]:
    grid: dict[str, tuple[Located, ...]] = {}
    for name, (info, located) in find_fields(table, values).items():
        if not isinstance(located.value, list) or not located.value:
            raise BadInputError(
                f"{name} must be a list of values to sweep, not {shown(located.value)}",
                located.where,
            )
        levels = [Located(check_value(name, info, v), v.where) for v in located.value]
        _refuse_repeats(name, levels)
        grid[name] = tuple(levels)
    return grid


def _refuse_repeats(name: str, levels: Sequence[Located]) -> None:
    seen: dict[Value, str] = {}
    for level in levels:
        if level.value in seen:
            raise BadInputError(
                f"{name} has {shown(level.value)} twice, first at {seen[level.value]}", level.where
            )
        seen[level.value] = level.where


def _seeds(located: Located | None, where: str) -> tuple[int, ...]:
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
    _refuse_repeats("seeds", items)
    return tuple(item.value for item in items)
