"""What the repository promises outside the code."""

from __future__ import annotations

import ast
import re
from pathlib import Path

from lps_sweep.arguments import build_parser

ROOT = Path(__file__).parent.parent


def test_ci_finds_the_test_command_and_every_file_that_the_readme_points_to_is_there() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    found = re.search(r"<!-- tests -->\n```sh\n(.+?)\n```", readme, re.DOTALL)
    assert found is not None
    assert "python -m pytest" in found.group(1)
    links = re.findall(r"\]\((?!http)([^)#]+)\)", readme)
    spaces = re.findall(r"`(search_spaces/[\w/]+\.yaml)`", readme)
    assert len(links) >= 8
    assert len(spaces) >= 4
    assert [name for name in (*links, *spaces) if not (ROOT / name).exists()] == []


def test_every_verb_stands_in_the_readme() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    (verbs,) = [action for action in build_parser()._actions if action.dest == "verb"]
    assert verbs.choices is not None
    assert [verb for verb in verbs.choices if f"`lps-sweep {verb}" not in readme] == []


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
    texts = [page.read_text(encoding="utf-8") for page in PAGES]
    assert [name for text in texts for name in missing(text)] == []
    assert len([match for text in texts for match in _NAMED.findall(text)]) >= 15


def test_each_promise_of_the_security_page_has_its_test() -> None:
    page = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")
    table = page.partition("| promise | held by |")[2].partition("\n\n")[0]
    rows = [line for line in table.splitlines() if line.startswith("| ")]
    assert len(rows) >= 15
    assert [row for row in rows if not _NAMED.search(row)] == []


def test_a_test_that_is_gone_is_seen() -> None:
    assert missing("see `tests/test_repository.py::test_a_test_that_is_gone_is_seen`") == []
    assert missing("see `tests/test_repository.py::test_gone`") == [
        "tests/test_repository.py::test_gone"
    ]
    assert missing("see `tests/gone.py`") == ["tests/gone.py"]
