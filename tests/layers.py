"""The imports of the package: who imports whom, circles, and the picture of the rooms.

``python -m tests.layers`` draws the picture in docs/architecture.md anew.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

PACKAGE = Path(__file__).parents[1] / "lps_sweep"
PAGE = PACKAGE.with_name("docs") / "architecture.md"

LEAVES = {
    *("__init__", "argument_types", "arguments", "errors", "failpoints", "files", "finite"),
    *("indices", "network_parts", "params", "process", "signals", "text"),
}
"""Open to all rooms; the package's own `__init__` holds the version."""

_PICTURE = re.compile(r"(?<=```mermaid\n).*?(?=```)", re.DOTALL)


@dataclass(frozen=True)
class Import:
    """`importer` imports `imported`, both full names; `lazy`: in a function or for types only."""

    importer: str
    imported: str
    lazy: bool


def modules() -> dict[str, str]:
    """The source of each module of the package by its full name; `__init__` is written out."""
    return {
        ".".join(("lps_sweep", *path.relative_to(PACKAGE).with_suffix("").parts)): path.read_text()
        for path in sorted(PACKAGE.rglob("*.py"))
    }


def imports(sources: Mapping[str, str], known: Collection[str]) -> Iterator[Import]:
    """All imports of the modules, wherever in a module they stand; `known` are names of modules."""
    for importer, source in sources.items():
        tree = ast.parse(source)
        at_import = set(map(id, tree.body))
        for node in ast.walk(tree):
            lazy = id(node) not in at_import
            if isinstance(node, ast.Import):
                yield from (Import(importer, name.name, lazy) for name in node.names)
            elif isinstance(node, ast.ImportFrom):
                base = "." * node.level + (node.module or "")
                names = [f"{base}.{name.name}" for name in node.names]
                found = [n if n in known or f"{n}.__init__" in known else base for n in names]
                yield from (Import(importer, name, lazy) for name in dict.fromkeys(found))


def room_of(name: str) -> str:
    """The room that a module of ours belongs to."""
    parts = name.split(".")
    return parts[1] if len(parts) > 1 else "__init__"


def circles(sources: Mapping[str, str]) -> list[list[str]]:
    """The groups of modules each of which imports, through others, itself."""
    graph: dict[str, set[str]] = {name: set() for name in sources}
    for one in imports(sources, sources):
        target = one.imported if one.imported in graph else f"{one.imported}.__init__"
        if target in graph:
            graph[one.importer].add(target)
    reached = {name: _reached(graph, name) for name in graph}
    groups = {
        tuple(sorted(other for other in reached[name] if name in reached[other]))
        for name in graph
        if name in reached[name]
    }
    return [list(group) for group in sorted(groups)]


def _reached(graph: Mapping[str, Collection[str]], start: str) -> set[str]:
    found: set[str] = set()
    ahead = list(graph.get(start, ()))
    while ahead:
        name = ahead.pop()
        if name not in found:
            found.add(name)
            ahead += graph.get(name, ())
    return found


def picture(sources: Mapping[str, str]) -> str:
    """The rooms in Mermaid's language, leaves left out; what a path says already has no arrow."""
    rooms: dict[str, set[str]] = {}
    for one in imports(sources, sources):
        room, target = room_of(one.importer), room_of(one.imported)
        if one.imported.startswith("lps_sweep.") and not {room, target} & (LEAVES | {"__main__"}):
            rooms.setdefault(room, set()).update({target} - {room})
    lines = ["graph TD"]
    for room, targets in sorted(rooms.items()):
        implied = set().union(*(_reached(rooms, target) for target in targets))
        lines += [f"    {room} --> {target}" for target in sorted(targets - implied)]
    return "\n".join(lines) + "\n"


def drawn(page: str) -> str:
    """The picture that stands in `page`."""
    (found,) = _PICTURE.findall(page)
    return str(found)


if __name__ == "__main__":
    content = PAGE.read_text(encoding="utf-8")
    PAGE.write_text(_PICTURE.sub(picture(modules()), content), encoding="utf-8")
