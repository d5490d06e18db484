"""Every test that a page names is there."""

from __future__ import annotations

import ast
import re
from pathlib import Path

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
_NAMED = re.compile(r"`(tests/[\w/]+\.py)(?:::(\w+))?`")


def missing(text: str) -> list[str]:
    """The tests that a text names and that are not there."""
    found = []
    for file, name in _NAMED.findall(text):
        path = ROOT / file
        if not path.exists():
            found.append(file)
        elif name:
            tree = ast.parse(path.read_text(encoding="utf-8"))
            defined = {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}
            if name not in defined or not name.startswith("test_"):
                found.append(f"{file}::{name}")
    return found


def test_every_test_that_a_page_names_is_there() -> None:
    pages = {page: page.read_text(encoding="utf-8") for page in PAGES}
    assert {str(page.relative_to(ROOT)): missing(text) for page, text in pages.items()} == {
        str(page.relative_to(ROOT)): [] for page in pages
    }
    named = [match for text in pages.values() for match in _NAMED.findall(text)]
    assert len(named) >= 15


def test_each_promise_of_the_security_page_has_its_test() -> None:
    page = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")
    table = page.partition("| promise | held by |")[2].partition("\n\n")[0]
    rows = [line for line in table.splitlines() if line.startswith("| ")]
    assert len(rows) >= 15
    assert [row for row in rows if not _NAMED.search(row)] == []


def test_a_test_that_is_gone_is_seen() -> None:
    assert missing("see `tests/test_promises.py::test_a_test_that_is_gone_is_seen`") == []
    assert missing("see `tests/test_promises.py::test_gone`") == [
        "tests/test_promises.py::test_gone"
    ]
    assert missing("see `tests/gone.py`") == ["tests/gone.py"]
