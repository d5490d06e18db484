"""Strict reading of YAML: every value with its line, no duplicate keys, numbers as in YAML 1.2."""

from __future__ import annotations

import re
from typing import Any

import yaml

from lps_sweep.config import Located
from lps_sweep.errors import BadInputError

MAX_BYTES = 256 * 1024
MAX_DEPTH = 12
MAX_VALUES = 10_000
"""Keys, values, lists and mappings of a file; with `MAX_BYTES` it bounds the time to read one."""
MAX_DIGITS = 4000
"""Python reads no longer whole numbers."""

_TABS = re.compile(r"^( *)\t[ \t]*(?=[^ \t\r\n#])", re.MULTILINE)
"""Tabs before the first word of a line, where its column has a meaning outside of brackets."""
_INT = re.compile(r"[-+]?[0-9]+")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_NOT_FINITE = re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")
_WORDS = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}


def parse_yaml(text: str, source: str) -> Located:
    """`text` as nested `Located` values, mappings as `dict[str, Located]`; a tab is a space.

    Args:
        text: The text.
        source: Its name in messages, which the line is added to.

    Raises:
        BadInputError: The text is empty or no YAML, uses duplicate keys, anchors, tags or several
            documents, or is nested too deep or too long.
    """
    _refuse_tabs(text, source)
    try:
        node = _PlainLoader(text.replace("\t", " "), source).only_node()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        said = ", ".join(part for part in (error.context, error.problem) if part)
        line = mark.line + 1 if mark else 1
        raise BadInputError(f"not valid YAML: {said}", f"{source}:{line}") from None
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise BadInputError(
            f"not valid YAML: character U+{error.character:04X} is not allowed", f"{source}:{line}"
        ) from None
    if node is None:
        raise BadInputError("there is nothing in it", f"{source}:1")
    return _located(node, source)


def _refuse_tabs(text: str, source: str) -> None:
    """No tab indents a line, but between brackets, where it is a blank."""
    depth = place = 0
    for tab in _TABS.finditer(text):
        passed, place = text[place : tab.start()], tab.start()
        depth += sum(map(passed.count, "[{")) - sum(map(passed.count, "]}"))
        if depth <= 0:
            where = f"{source}:{text.count(chr(10), 0, place) + 1}"
            raise BadInputError("a tab cannot indent a line; take spaces", where)


def parse_value(text: str, where: str) -> Located:
    """One value as it would stand in a YAML file, for ``key=value`` on the command line.

    Raises:
        BadInputError: The text is no YAML.
    """
    if not text.strip():
        return Located("", where)
    try:
        return Located(parse_yaml(text, where).plain(), where)
    except BadInputError as error:
        raise BadInputError(str(error).removeprefix(f"{error.where}: "), where) from None


class _PlainLoader(yaml.SafeLoader):
    """Nodes of a text, each refused before it is made where it is not plain data."""

    def __init__(self, text: str, source: str) -> None:
        super().__init__(text)
        self._source = source
        self._depth = 0
        self._values = 0

    def only_node(self) -> yaml.Node | None:
        """The node of the one document, or nothing."""
        self.get_event()  # type: ignore[no-untyped-call]
        node = None
        if not self.check_event(yaml.StreamEndEvent):
            node = self.compose_document()
        if not self.check_event(yaml.StreamEndEvent):
            where = self._where(self.peek_event())  # type: ignore[no-untyped-call]
            raise BadInputError("a second document begins here; one file is one document", where)
        return node

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        """A node, called by YAML's own code for each; `parent` and `index` are where it goes."""
        event = self.peek_event()  # type: ignore[no-untyped-call]
        where = self._where(event)
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
            raise BadInputError("anchors and aliases are not supported; write the value out", where)
        if tag := getattr(event, "tag", None):
            raise BadInputError(f"tags such as {tag} are not supported", where)
        self._values += 1
        if self._values > MAX_VALUES:
            raise BadInputError(f"more than {MAX_VALUES} values", where)
        nested = isinstance(event, yaml.CollectionStartEvent)
        self._depth += nested
        if self._depth > MAX_DEPTH:
            raise BadInputError(f"nested deeper than {MAX_DEPTH} levels", where)
        node = super().compose_node(parent, index)
        self._depth -= nested
        return node

    def _where(self, event: yaml.Event) -> str:
        return f"{self._source}:{event.start_mark.line + 1}" if event.start_mark else self._source


def _located(node: yaml.Node, source: str) -> Located:
    where = f"{source}:{node.start_mark.line + 1}"
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
    """The value by YAML 1.2: ``1e-3`` is a number, ``no`` a word, and ``010`` is ten."""
    text: str = node.value
    if getattr(node, "style", None) is not None:
        return text
    if text in _WORDS:
        return _WORDS[text]
    if _INT.fullmatch(text) and len(text) <= MAX_DIGITS:
        return int(text)
    if _FLOAT.fullmatch(text):
        return float(text)
    if _NOT_FINITE.fullmatch(text):
        return float(text.lower().replace(".", ""))
    return text
