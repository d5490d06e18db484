"""The JSON Schema of a search space, for editors: made from the fields that methods declare."""

from __future__ import annotations

import math
import types
import typing
from collections.abc import Mapping
from typing import Any

from lps_sweep.config import METHODS, field_table, shown
from lps_sweep.files import NAME_PATTERN
from lps_sweep.params import FieldInfo
from lps_sweep.plan.blocks import qualified
from lps_sweep.plan.domains import DOMAIN_KEYS
from lps_sweep.plan.entries import PLAIN
from lps_sweep.plan.resources import RESOURCES
from lps_sweep.plan.search import SETTINGS
from lps_sweep.plan.selection import PSEUDO_NOVEL, RULE
from lps_sweep.plan.stopping import REQUIRED, STOPPING

Schema = dict[str, Any]

DIALECT = "https://json-schema.org/draft/2020-12/schema"
BLOCKS = {
    "set": "Values of all trials that differ from the preset.",
    "grid": "Every combination of the values listed.",
    "zip": "Lists of one length whose values move together.",
    "one_at_a_time": "Each parameter varied alone around the defaults; these are planned once.",
    "arms": "Named settings of several values; {} is the plain method, the first is the default.",
    "optuna": "An adaptive search, one for each cell of the blocks that list values.",
    "stopping": "What ends trials that do badly before their last epoch.",
    "selection": "What rules of selection need to have trained besides.",
    "resources": "How trials are placed; no part of what they are.",
}
"""What each block of values is, in words."""

_TYPES = {int: "integer", float: "number", bool: "boolean", str: "string", types.NoneType: "null"}


def json_schema() -> Schema:
    """The schema of a search space file, as JSON.

    It knows all keys, types, ranges, choices and presets. What needs several values at once (equal
    lengths, a key in two blocks, what a method or network lacks) is left to `lps_sweep plan`.
    """
    fields = _fields()
    keys = {key: {"$ref": f"#/$defs/{key}"} for key in fields}
    name = {
        "description": "Name of the sweep and of its folder.",
        "type": "string",
        "pattern": f"^(?:{NAME_PATTERN})$",
    }
    question = {"description": "What the sweep is to answer.", "type": "string"}
    plain = _properties(PLAIN)
    plain["method"]["enum"] = sorted(METHODS)
    return {
        "$schema": DIALECT,
        "title": "Search space of lps_sweep",
        **_mapping({"name": name, "question": question, **plain, **_blocks(keys)}),
        "required": ["name", "seeds"],
        "$defs": fields,
    }


def _blocks(keys: Mapping[str, Schema]) -> dict[str, Schema]:
    """What is set, listed and searched, by the `keys` of all fields."""
    lists = {key: _list(item) for key, item in keys.items()}
    repeating = {key: _list(item) | {"uniqueItems": False} for key, item in keys.items()}
    schemas: dict[str, Schema] = {
        "set": _mapping(keys),
        "grid": _mapping(lists),
        "zip": _mapping(repeating),
        "one_at_a_time": _mapping(lists),
        "arms": {
            "type": "object",
            "propertyNames": {"pattern": f"^(?:{NAME_PATTERN})$"},
            "additionalProperties": _mapping({"method": {"$ref": "#/properties/method"}, **keys}),
        },
        "optuna": _search(keys),
        "stopping": {**_mapping(_properties(STOPPING)), "required": list(REQUIRED)},
        "selection": _mapping(
            {RULE: {**_mapping(_properties(PSEUDO_NOVEL)), "required": [*PSEUDO_NOVEL]}}
        ),
        "resources": _mapping(_properties(RESOURCES)),
    }
    return {block: {"description": BLOCKS[block], **schema} for block, schema in schemas.items()}


def _search(keys: Mapping[str, Schema]) -> Schema:
    """The block `optuna`."""
    number = {"type": "number"}
    choices = {"type": "array", "minItems": 2, "uniqueItems": True}
    kinds = (number, number, {"type": "boolean"}, choices, {"type": "object", "minProperties": 1})
    domain = _mapping(dict(zip(DOMAIN_KEYS, kinds, strict=True)))
    properties = _properties(SETTINGS)
    several = properties["objective"]
    properties["objective"] = {"anyOf": [several["items"], several]}
    properties["domains"] = {**_mapping(dict.fromkeys(keys, domain)), "minProperties": 1}
    return {**_mapping(properties), "required": ["objective", "domains"]}


def _properties(table: Mapping[str, FieldInfo]) -> dict[str, Schema]:
    return {name: _field(info) for name, info in table.items()}


def _mapping(properties: Mapping[str, Schema]) -> Schema:
    return {"type": "object", "properties": dict(properties), "additionalProperties": False}


def _list(item: Schema) -> Schema:
    return {"type": "array", "items": item, "minItems": 1, "uniqueItems": True}


def _fields() -> dict[str, Schema]:
    """The schema of each key of any method, by flat name and by ``section.name``."""
    found: dict[str, list[Schema]] = {}
    for method in METHODS:
        for name, info in field_table(method).items():
            for key in {name, qualified(info)}:
                schema = _field(info)
                if schema not in found.setdefault(key, []):
                    found[key].append(schema)
    some = {
        key: schemas[0] if len(schemas) == 1 else {"anyOf": schemas}
        for key, schemas in found.items()
    }
    return dict(sorted(some.items()))


def _field(info: FieldInfo) -> Schema:
    help_ = info.param.help
    symbol = f" ({info.param.symbol})" if info.param.symbol else ""
    source = f" Source: {info.param.source}." if info.param.source else ""
    text = f"{help_}{symbol}. Default: {shown(info.default)}.{source}"
    return {"description": text, **_type(info.type, info)}


def _type(wanted: Any, info: FieldInfo) -> Schema:
    if isinstance(wanted, types.UnionType):
        return {"anyOf": [_type(option, info) for option in typing.get_args(wanted)]}
    if typing.get_origin(wanted) is tuple:
        return _list(_type(typing.get_args(wanted)[0], info))
    if info.param.choices:
        return {"enum": list(info.param.choices)}
    schema: Schema = {"type": _TYPES[wanted]}
    return schema | (_range(info) if wanted in (int, float) else {})


def _range(info: FieldInfo) -> Schema:
    param = info.param
    found: Schema = {}
    if param.low > -math.inf:
        found["exclusiveMinimum" if param.open_low else "minimum"] = param.low
    if param.high < math.inf:
        found["exclusiveMaximum" if param.open_high else "maximum"] = param.high
    return found
