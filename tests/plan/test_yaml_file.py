from __future__ import annotations

import math
import os
import threading
from pathlib import Path

import pytest

from lps_sweep.config import Located
from lps_sweep.errors import BadInputError
from lps_sweep.files import read_text
from lps_sweep.plan.yaml_file import MAX_BYTES, MAX_DEPTH, parse_value, parse_yaml


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("5", 5),
        ("-5", -5),
        ("+5", 5),
        ("010", 10),
        ("9" * 30, int("9" * 30)),
        ("1e-3", 0.001),
        ("1e3", 1000.0),
        ("1E3", 1000.0),
        (".5", 0.5),
        ("5.", 5.0),
        ("-1.5e+2", -150.0),
        (".inf", math.inf),
        ("-.INF", -math.inf),
        ("true", True),
        ("False", False),
        ("null", None),
        ("~", None),
        ("no", "no"),
        ("on", "on"),
        ("Yes", "Yes"),
        ("0x10", "0x10"),
        ("0o10", "0o10"),
        ("1_000", "1_000"),
        ("12:30:45", "12:30:45"),
        ("2024-01-01", "2024-01-01"),
        ("1.2.3", "1.2.3"),
        ("e5", "e5"),
        ("=", "="),
        ("'5'", "5"),
        ('"true"', "true"),
        ("'null'", "null"),
        ("''", ""),
        ("|\n  5\n", "5\n"),
        ("[1, a, [2.5]]", [1, "a", [2.5]]),
        ("{a: 1, b: {c: no}}", {"a": 1, "b": {"c": "no"}}),
        ("\ufeffname", "name"),
    ],
)
def test_scalars_are_those_of_yaml_1_2(text: str, expected: object) -> None:
    value = parse_yaml(text, "f").plain()
    assert value == expected
    assert type(value) is type(expected)


def test_nan_is_read_and_left_to_the_check_of_values() -> None:
    value = parse_yaml(".nan", "f").plain()
    assert isinstance(value, float)
    assert math.isnan(value)


def test_every_value_has_the_line_of_its_key_or_its_own() -> None:
    content = parse_yaml("# comment\na: 1\nb:\n  - 2\n  - c:\n      3\n", "f")
    assert content == Located(
        {
            "a": Located(1, "f:2"),
            "b": Located([Located(2, "f:4"), Located({"c": Located(3, "f:5")}, "f:5")], "f:3"),
        },
        "f:2",
    )


@pytest.mark.parametrize("brackets", ["[]", "{}"])
def test_depth_up_to_the_limit(brackets: str) -> None:
    def nested(depth: int) -> str:
        opening = "[" if brackets == "[]" else "{a: "
        return opening * depth + "1" + brackets[1] * depth

    parse_yaml(nested(MAX_DEPTH), "f")
    with pytest.raises(BadInputError, match="nested deeper than 12 levels"):
        parse_yaml(nested(MAX_DEPTH + 1), "f")
    with pytest.raises(BadInputError, match="nested deeper than 12 levels"):
        parse_yaml(nested(20_000), "f")


def test_a_value_of_the_command_line_is_read_as_in_a_file() -> None:
    assert parse_value("1e-3", "x") == Located(0.001, "x")
    assert parse_value(" 5 ", "x") == Located(5, "x")
    assert parse_value("[1, 2]", "x") == Located([1, 2], "x")
    assert parse_value("", "x") == Located("", "x")
    with pytest.raises(BadInputError, match=r"^x: not valid YAML: .*expected ',' or ']'"):
        parse_value("[1", "x")
    with pytest.raises(BadInputError, match=r"^x: anchors and aliases"):
        parse_value("&a 1", "x")


def test_a_pipe_is_read_once(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = threading.Thread(target=pipe.write_text, args=("name: x\n",))
    writer.start()
    assert read_text(pipe, MAX_BYTES, named=True) == "name: x\n"
    writer.join()


@pytest.mark.parametrize(
    "text",
    [
        "a:\t5\nb: [1,\t2]\t# two\nc: x y\n",
        "a: 5\t\n\t\n \t# nothing\nb:\n-\t1\n- 2\t\nc: x y\t \n",
        "a\t:\t5\nb: [\n\t1,\n\t2\n\t]\nc:\tx y # z\n",
    ],
)
def test_a_tab_is_a_blank_but_in_indentation(text: str) -> None:
    assert parse_yaml(text, "f").plain() == {"a": 5, "b": [1, 2], "c": "x y"}


@pytest.mark.parametrize("text", ["a:\n\tb: 5\n", "a: x\n\tb: 5\n", "a:\n \tb: 5\n", "a:\n\t- 5\n"])
def test_a_tab_that_indents_is_refused_by_line(text: str) -> None:
    with pytest.raises(BadInputError, match=r"^f:2: a tab cannot indent a line; take spaces$"):
        parse_yaml(text, "f")


@pytest.mark.parametrize("content", [b"\xef\xbb\xbfa: 1\r\nb:\t2\r\n", b"a: 1\rb: 2\r"])
def test_a_search_space_is_taken_as_editors_leave_it(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "space.yaml"
    file.write_bytes(content)
    content_of = parse_yaml(read_text(file, MAX_BYTES, named=True), "f")
    assert content_of.value == {"a": Located(1, "f:1"), "b": Located(2, "f:2")}
