"""A search space: what its YAML file says, checked."""

from __future__ import annotations

import dataclasses
import hashlib
import json
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
    check_value,
    field_table,
    find_field,
    section_fields,
)
from lps_sweep.config.fields import param
from lps_sweep.errors import BadInputError, nearest
from lps_sweep.plan.yaml_file import parse_value, read_yaml

NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,63}")


@dataclass(frozen=True)
class Resources:
    """What a pack gets, and how it is looked after; no part of a trial's identity."""

    cpus_per_pack: int = param(1, "CPU cores and threads of a pack", low=1)
    gpus_per_pack: float | None = param(
        None, "GPUs of a pack, also a fraction; by default 1 where there is one, else 0", low=0
    )
    max_pack_size: int | None = param(
        None, "trials in a pack at the most; by default as many as keep all workers busy", low=1
    )
    checkpoint_interval_s: float = param(
        20.0, "seconds between the checkpoints of a trial; 0 saves after each epoch", low=0
    )
    max_attempts: int = param(3, "attempts before a trial that dies alone is failed", low=1)


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

    @property
    def num_trials(self) -> int:
        """Number of trials, without expanding them."""
        count = len(self.seeds)
        for values in self.grid.values():
            count *= len(values)
        return count


def read_space(path: Path, *, preset: str = "", settings: Sequence[str] = ()) -> SearchSpace:
    """The search space in the YAML file `path`.

    Args:
        path: The file.
        preset: A preset that replaces the file's.
        settings: ``key=value`` texts that override the file's `set`.

    Raises:
        BadInputError: That names the file, the line and what would be right.
    """
    content = read_yaml(path)
    if not isinstance(content.value, dict):
        raise BadInputError("a search space is a mapping of keys to values", content.where)
    if preset:
        content.value["preset"] = Located(preset, "--preset")
    return build_space(content, settings=settings, source=path.read_text(encoding="utf-8"))


def build_space(content: Located, *, settings: Sequence[str], source: str) -> SearchSpace:
    """A search space from the located `content` of a file."""
    keys = ("name", "question", "preset", "method", "set", "grid", "seeds", "resources")
    entries: dict[str, Located] = content.value
    for key, located in entries.items():
        if key not in keys:
            raise BadInputError(f"unknown key {key!r}; {nearest(key, keys)}", located.where)
    name = _word(entries, "name", content.where)
    if not NAME.fullmatch(name):
        raise BadInputError(
            f"name must be 1 to 64 letters, digits, '.', '_' or '-', not {name!r}",
            entries["name"].where,
        )
    method = _word(entries, "method", content.where, "lps")
    table = _table(method, entries.get("method", content).where)
    preset = _word(entries, "preset", content.where, "")
    fixed = _preset(preset, entries.get("preset", content).where, table)
    fixed |= _fixed(_mapping(entries, "set"), table)
    fixed |= _fixed(dict(split_setting(text) for text in settings), table)
    grid = _grid(_mapping(entries, "grid"), table)
    for key, values in grid.items():
        if key in fixed and not fixed[key].where.startswith("preset"):
            raise BadInputError(f"{key} is swept at {values[0].where}", fixed[key].where)
    return SearchSpace(
        name=name,
        question=_word(entries, "question", content.where, ""),
        source=source,
        preset=preset,
        method=method,
        fixed=fixed,
        grid=grid,
        seeds=_seeds(entries.get("seeds"), content.where),
        resources=_resources(_mapping(entries, "resources")),
    )


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


def _table(method: str, where: str) -> Mapping[str, FieldInfo]:
    from lps_sweep.methods import METHODS

    if method not in METHODS:
        raise BadInputError(f"unknown method {method!r}; {nearest(method, METHODS)}", where)
    return field_table(method)


def _word(entries: dict[str, Located], key: str, where: str, default: str | None = None) -> str:
    located = entries.get(key)
    if located is None:
        if default is None:
            raise BadInputError(f"the key {key!r} is missing", where)
        return default
    if not isinstance(located.value, str) or not located.value:
        raise BadInputError(f"{key} must be text, not {located.value!r}", located.where)
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
    place = f"preset {name}"
    return _fixed({key: Located(value, place) for key, value in PRESETS[name].items()}, table)


def _fixed(values: dict[str, Located], table: Mapping[str, FieldInfo]) -> dict[str, Located]:
    fixed: dict[str, Located] = {}
    for key, located in values.items():
        name, info = find_field(table, key, located.where)
        fixed[name] = _checked(name, info, located)
    return fixed


def _grid(
    values: dict[str, Located], table: Mapping[str, FieldInfo]
) -> dict[str, tuple[Located, ...]]:
    grid: dict[str, tuple[Located, ...]] = {}
    for key, located in values.items():
        name, info = find_field(table, key, located.where)
        if not isinstance(located.value, list) or not located.value:
            raise BadInputError(f"{key} must be a list of values to sweep", located.where)
        levels = tuple(_checked(name, info, item) for item in located.value)
        _refuse_repeats(name, levels)
        grid[name] = levels
    return grid


def _checked(name: str, info: FieldInfo, located: Located) -> Located:
    if isinstance(located.value, list):
        values = [v.value if isinstance(v, Located) else v for v in located.value]
        located = Located(values, located.where)
    return Located(check_value(name, info, located), located.where)


def _refuse_repeats(name: str, levels: Sequence[Located]) -> None:
    seen: dict[Value, str] = {}
    for level in levels:
        if level.value in seen:
            raise BadInputError(
                f"{name} has {level.value!r} twice, first at {seen[level.value]}", level.where
            )
        seen[level.value] = level.where


def _seeds(located: Located | None, where: str) -> tuple[int, ...]:
    if located is None:
        raise BadInputError("the key 'seeds' is missing; a list such as [0, 1, 2]", where)
    items: Any = located.value
    if not isinstance(items, list) or not items:
        raise BadInputError("seeds must be a list such as [0, 1, 2]", located.where)
    for item in items:
        if type(item.value) is not int or not 0 <= item.value < 2**31:
            raise BadInputError(
                f"a seed is a whole number from 0 to 2147483647, not {item.value!r}", item.where
            )
    _refuse_repeats("seeds", items)
    return tuple(item.value for item in items)


def _resources(values: dict[str, Located]) -> Resources:
    table = {info.name: info for info in section_fields("resources", Resources)}
    checked: dict[str, Any] = {}
    for key, located in values.items():
        name, info = find_field(table, key, located.where)
        checked[name] = check_value(name, info, located)
    return dataclasses.replace(Resources(), **checked)
