"""Strict reading of YAML: every value with its line, no duplicate keys, numbers as in YAML 1.2."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import yaml

from lps_sweep.config import Located
from lps_sweep.errors import BadInputError

MAX_BYTES = 256 * 1024
MAX_DEPTH = 12

_INT = re.compile(r"[-+]?[0-9]+")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_NOT_FINITE = re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")
_WORDS = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_PLAIN_TAGS = {
    f"tag:yaml.org,2002:{kind}"
    for kind in ("str", "int", "float", "bool", "null", "timestamp", "value", "seq", "map")
}


def read_yaml(path: Path) -> Located:
    """The content of `path` as nested `Located` values; mappings are `dict[str, Located]`.

    Raises:
        BadInputError: If the file is missing, too large, no YAML, or uses duplicate keys, aliases
            or tags.
    """
    try:
        size = path.stat().st_size
        if size > MAX_BYTES:
            raise BadInputError(
                f"{size} bytes are too many for YAML; the limit is {MAX_BYTES}", str(path)
            )
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise BadInputError("there is no such file", str(path)) from None
    except (OSError, UnicodeDecodeError) as error:
        raise BadInputError(f"cannot be read as UTF-8 text: {error}", str(path)) from None
    return parse_yaml(text, str(path))


def parse_yaml(text: str, source: str) -> Located:
    """`text` as nested `Located` values; `source` names it in messages."""
    try:
        _refuse_aliases_and_depth(text, source)
        node = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        line = f":{mark.line + 1}" if mark else ""
        raise BadInputError(f"not valid YAML: {error.problem}", f"{source}{line}") from None
    except yaml.YAMLError as error:
        raise BadInputError(f"not valid YAML: {error}", source) from None
    if node is None:
        raise BadInputError("the file is empty", source)
    return _located(node, source)


def parse_value(text: str, where: str) -> Located:
    """One value as it would stand in a YAML file, for ``key=value`` on the command line."""
    return Located(plain(parse_yaml(text, where)) if text.strip() else "", where)


def plain(located: Located) -> Any:
    """`located` without the places."""
    if isinstance(located.value, dict):
        return {key: plain(item) for key, item in located.value.items()}
    if isinstance(located.value, list):
        return [plain(item) for item in located.value]
    return located.value


def _refuse_aliases_and_depth(text: str, source: str) -> None:
    depth = 0
    for event in yaml.parse(text, Loader=yaml.SafeLoader):
        where = f"{source}:{event.start_mark.line + 1}" if event.start_mark else source
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
            raise BadInputError("anchors and aliases are not supported; write the value out", where)
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        if depth > MAX_DEPTH:
            raise BadInputError(f"nested deeper than {MAX_DEPTH} levels", where)


def _located(node: yaml.Node, source: str) -> Located:
    where = f"{source}:{node.start_mark.line + 1}"
    if node.tag not in _PLAIN_TAGS:
        raise BadInputError(f"the tag {node.tag} is not supported", where)
    if isinstance(node, yaml.MappingNode):
        return Located(_mapping(node, source), where)
    if isinstance(node, yaml.SequenceNode):
        return Located([_located(item, source) for item in node.value], where)
    return Located(_scalar(node), where)


def _mapping(node: yaml.MappingNode, source: str) -> dict[str, Located]:
    entries: dict[str, Located] = {}
    for key_node, value_node in node.value:
        where = f"{source}:{key_node.start_mark.line + 1}"
        if not isinstance(key_node, yaml.ScalarNode):
            raise BadInputError("a key must be a word", where)
        key = key_node.value
        if key in entries:
            raise BadInputError(f"{key!r} is given twice, first at {entries[key].where}", where)
        entries[key] = Located(_located(value_node, source).value, where)
    return entries


def _scalar(node: yaml.Node) -> Any:
    text: str = node.value
    if getattr(node, "style", None) is not None:
        return text
    if text in _WORDS:
        return _WORDS[text]
    if _INT.fullmatch(text) and len(text) < 20:
        return int(text)
    if _FLOAT.fullmatch(text):
        return float(text)
    if _NOT_FINITE.fullmatch(text):
        return float(text.lower().replace(".", ""))
    return text
