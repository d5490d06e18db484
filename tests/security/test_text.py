"""S6, S7: text that others wrote stays text, in the report, in tables and on the terminal."""

from __future__ import annotations

import base64
import csv
import dataclasses
import gzip
import io
import json
import re
import unicodedata
from collections.abc import Sequence
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from lps_sweep.cli import main
from lps_sweep.commands.output import open_console
from lps_sweep.process import own_output
from lps_sweep.report.escape import csv_text, latex_text, markdown_text, plot_text, script_json
from lps_sweep.results import Json
from lps_sweep.text import printable_lines
from tests.report.report_cases import make_ledger, record
from tests.security.folders import database

HOSTILE = (
    '=1+1</script><script>alert(1)</script><img src=x onerror=alert(1)>" onclick="a" \''
    " onload='a' javascript:alert(1) <a href=javascript:alert(1)>x</a> {{7*7}} {%x%}"
    " \\input{/etc/passwd} \\write18{touch x} $x$ % & # ~ ^ | `x` [x](javascript:a) <!-- ]]>"
    " \x1b[2J\x1b]0;title\x07 \x9b31m \u202e \u2028 \x00 \r\n =cmd|'/C calc'!A0"
)
HARMLESS = "".join("x" if c.isalnum() or not c.isprintable() else "." for c in HOSTILE)
AXES: dict[str, list[Json]] = {"C": [1, 10], "frozen_through": ["stage3", "none"]}


def ledger_full_of(text: str, folder: Path) -> Path:
    """A sweep in which every string that somebody may have chosen is, or ends in, `text`."""
    settings: dict[str, Json] = {
        **{"dataset": "digits", "data_root": text, "labeled_ratio": 0.5, "seen_classes": 0},
        **{"network": text, "frozen_through": "stage3", "epochs": 5, "batch_size": 128},
        **{"C": 10, "tau": 0.4, "pretrained": text, f"own_{text}": text},
    }
    axes: dict[str, list[Json]] = {**AXES, "frozen_through": ["stage3", text]}
    sweep = record(axes, [0, 1], settings=settings, question=text)
    sweep = dataclasses.replace(sweep, source=f"name: c_tau\n# {text}\n{text}\n", preset=text)
    fates = {(1, text, 0): "failed", (10, text, 1): "diverged", (1, "stage3", 1): "running"}
    make_ledger(folder, sweep, fates, epochs=5, error=f"{text}\nTraceback\n{text}")
    with database(folder) as ledger:
        facts = json.dumps(
            {"lps_sweep": text, "commit": text, "device": text, "packages": {text: text}}
        )
        ledger.execute("UPDATE attempts SET provenance = ?, pack_id = ?", (facts, text))
        ledger.execute("UPDATE trials SET pack_key = ?", (text,))
    return folder


class Structure(HTMLParser):
    """The elements of a page with the names of their attributes, and what could run."""

    def __init__(self) -> None:
        super().__init__()
        self.elements: list[tuple[str, tuple[str, ...]]] = []
        self.scripts: list[str] = []
        self.addresses: list[str] = []
        self._in_script = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        names = tuple(name for name, _ in attrs if not name.startswith("data-"))
        self.elements.append((tag, names))
        self._in_script = tag == "script"
        if self._in_script:
            self.scripts.append("")
        places = {"href", "src", "action", "formaction", "data", "srcdoc", "xlink:href"}
        self.addresses += [value or "" for name, value in attrs if name in places]

    def handle_endtag(self, tag: str) -> None:
        if tag == "script":
            self._in_script = False

    def handle_data(self, data: str) -> None:
        if self._in_script:
            self.scripts[-1] += data


def page_of(text: str, folder: Path) -> Structure:
    results = ledger_full_of(text, folder)
    assert main(["report", str(results)]) == 0
    page = Structure()
    page.feed((results / "c_tau" / "report.html").read_text(encoding="utf-8"))
    return page


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Structure]:
    folder = tmp_path_factory.mktemp("hostile")
    return folder, page_of(HOSTILE, folder)


def test_a_hostile_page_has_the_elements_of_a_harmless_one(
    hostile: tuple[Path, Structure], tmp_path: Path
) -> None:
    page, harmless = hostile[1], page_of(HARMLESS, tmp_path)
    assert len(page.elements) > 200
    assert page.elements == harmless.elements
    assert len(page.scripts) == len(harmless.scripts)
    names = {name for _, names in page.elements for name in names}
    assert [name for name in names if name.startswith("on")] == []
    assert {tag for tag, _ in page.elements}.isdisjoint({"iframe", "object", "embed", "base"})


def test_a_hostile_page_goes_nowhere(hostile: tuple[Path, Structure]) -> None:
    addresses = hostile[1].addresses
    assert len(addresses) > 10
    anchor_or_table = re.compile(r"#|data:,$|data:(text/(csv|markdown)|application/x-tex);")
    assert {a[:60] for a in addresses if not anchor_or_table.match(a)} == set()


def unpacked(script: str) -> str:
    """A script's text, which may be packed."""
    try:
        return gzip.decompress(base64.b64decode(script, validate=True)).decode()
    except (ValueError, OSError):
        return script


def strings(value: Any) -> list[str]:
    """All strings in a JSON value."""
    if isinstance(value, dict):
        return [text for item in value.items() for part in item for text in strings(part)]
    if isinstance(value, list):
        return [text for item in value for text in strings(item)]
    return [value] if isinstance(value, str) else []


def test_data_in_scripts_is_json_and_figures_have_no_foreign_tags(
    hostile: tuple[Path, Structure],
) -> None:
    data = [text for text in map(unpacked, hostile[1].scripts) if text.startswith(("{", "["))]
    assert len(data) == 2, "figures and tables"
    texts = [text for script in data for text in strings(json.loads(script))]
    assert any("alert(1)" in text for text in texts)
    figures = strings(json.loads(data[0]))
    tags = {tag for text in figures for tag in re.findall(r"<\s*/?\s*(\w+)", text)}
    assert tags <= {"b", "br", "i", "sup", "sub", "extra"}
    assert all("<" not in script for script in data)


def test_tables_are_harmless_to_spreadsheets_latex_and_markdown(
    hostile: tuple[Path, Structure],
) -> None:
    tables = sorted((hostile[0] / "c_tau" / "tables").iterdir())
    assert {path.suffix for path in tables} == {".csv", ".tex", ".md"}
    seen = ""
    for path in tables:
        text = path.read_text(encoding="utf-8")
        seen += text
        assert printable_lines(text) == text, path
        if path.suffix == ".csv":
            assert [c for row in csv.reader(io.StringIO(text)) for c in row if is_formula(c)] == []
        elif path.suffix == ".tex":
            assert re.findall(r"(?<!\\)\\(?:input|write)", text) == []
            assert text.count("{") - text.count(r"\{") == text.count("}") - text.count(r"\}")
        else:
            assert "<" not in text
            assert re.findall(r"(?<!\\)\]\(", text) == []
    assert "alert" in seen


def is_formula(cell: str) -> bool:
    """Whether a spreadsheet would calculate a cell."""
    try:
        float(cell)
    except ValueError:
        return cell.startswith(("=", "+", "-", "@", "\t", "\r"))
    return False


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff20"])
def test_no_cell_begins_as_a_formula(start: str) -> None:
    for blank in ("", " ", "\u00a0", "\u200b", "\ufeff", "\x00", "\x1b"):
        cell = csv_text(f"{blank}{start}cmd|'/C calc'!A0")
        assert cell.lstrip()[:1] not in ("=", "+", "-", "@", "\uff1d", "\uff20"), (blank, cell)


def test_each_escape_leaves_nothing_of_its_language() -> None:
    assert (
        re.sub(r"\\(textbackslash|[{}$&%#_^~])|\\text\w+\{\}", "", latex_text(HOSTILE)).count("\\")
        == latex_text(HOSTILE).count("\\input")
        == 0
    )
    assert "<" not in plot_text(HOSTILE) + markdown_text(HOSTILE)
    assert "<" not in script_json({HOSTILE: HOSTILE})
    assert "\u2028" not in script_json({HOSTILE: HOSTILE})


def hidden(text: str) -> list[str]:
    """Characters that a terminal may obey."""
    return [c for c in text if c != "\n" and unicodedata.category(c) in ("Cc", "Cf", "Cs", "Zl")]


def verbs(results: Path) -> list[list[str]]:
    sweep, json_ = f"{results}/c_tau", ["--json"]
    looking = [
        ["status", str(results)],
        ["show", str(results), "t00000"],
        ["compare", sweep, sweep],
    ]
    return [
        *looking,
        *([*verb, *json_] for verb in looking),
        ["show", str(results), "t00002"],
        ["show", str(results), HOSTILE.replace("\0", "")],
        ["status", str(results), HOSTILE.replace("\0", "")],
        ["export", str(results), "c_tau", "--to", str(results / "out")],
        ["report", str(results)],
        ["check", str(results)],
        ["check", str(results), "--repair"],
    ]


def test_no_verb_lets_a_control_character_reach_the_terminal(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    results = ledger_full_of(HOSTILE, tmp_path / "results")
    with database(results) as ledger:
        ledger.execute(
            "UPDATE outcomes SET artefact_path = ?, artefact_sha256 = ?", (HOSTILE, HOSTILE)
        )
    told = 0
    for verb in verbs(results):
        assert main(verb) in (0, 4, 5)
        printed = "".join(capfd.readouterr())
        assert hidden(printed) == [], verb
        told += "alert(1)" in printed
    assert told >= 6


WRITTEN = json.dumps(HOSTILE)
SPACES = {
    "a key": f"name: a\n{WRITTEN}: 1\nseeds: [0]\n",
    "a key of set": f"name: a\nset: {{{WRITTEN}: 1}}\nseeds: [0]\n",
    "a name": f"name: {WRITTEN}\nseeds: [0]\n",
    "a value": f"name: a\nset: {{epochs: {WRITTEN}}}\nseeds: [0]\n",
    "a path": f"name: a\npreset: cifar10\nset: {{data_root: {WRITTEN}}}\nseeds: [0]\n",
    "an arm": f"name: a\narms: {{{WRITTEN}: {{}}}}\nseeds: [0]\n",
    "a method": f"name: a\nmethod: {WRITTEN}\nseeds: [0]\n",
    "a preset": f"name: a\npreset: {WRITTEN}\nseeds: [0]\n",
    "a question": f"name: a\npreset: digits\nquestion: {WRITTEN}\nseeds: [0]\n",
    "a tag": "name: !\x1b[2J a\n",
    "an anchor": "name: &\u202e a\n",
}


@pytest.mark.parametrize("place", SPACES)
def test_no_search_space_lets_a_control_character_reach_the_terminal(
    place: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "space\x1b[2J\u202e.yaml"
    file.write_text(SPACES[place], encoding="utf-8")
    for verb in (["plan", str(file)], ["run", str(file), "--inline", "--limit", "0"]):
        assert main([*verb, "--results", str(tmp_path / "\x1b[31m")]) in (0, 4)
        printed = "".join(capfd.readouterr())
        assert printed
        assert hidden(printed) == [], verb


@pytest.mark.parametrize("arguments", [["\x1b[2J"], ["plan"], ["run", "x", "--\x1b]0;t\x07"]])
def test_a_wrong_command_line_is_told_without_control_characters(
    arguments: Sequence[str], capfd: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        main(arguments)
    assert hidden("".join(capfd.readouterr())) == []


def test_the_progress_lets_no_control_character_through(
    capfd: pytest.CaptureFixture[str],
) -> None:
    with own_output(), open_console() as console:
        console.print(HOSTILE, highlight=False, markup=False)
        console.print(f"trial {HOSTILE}", markup=False)
    printed = capfd.readouterr().out
    assert "alert(1)" in printed
    assert hidden(printed) == []
