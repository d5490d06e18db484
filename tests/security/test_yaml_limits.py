"""S4: a search space is planned or refused by file and line, with little work and memory."""

from __future__ import annotations

import tracemalloc
from pathlib import Path

import pytest

from lps_sweep.errors import BadInputError
from lps_sweep.plan import read_space
from lps_sweep.plan.yaml_file import MAX_BYTES, MAX_VALUES, parse_yaml
from tests.counted import counted_calls
from tests.security import fuzz

LIMIT_BYTES = 200 * 2**20


def filled(head: str, unit: str, tail: str = "") -> str:
    """As many of `unit` as a file holds."""
    return head + unit * ((MAX_BYTES - len(head) - len(tail)) // len(unit.encode())) + tail


def counted(text: str) -> str:
    """Lines of `text` with a number in the place of #, as many as a file holds."""
    lines = (text.replace("#", str(number)) for number in range(MAX_BYTES))
    whole, size = [], 0
    for line in lines:
        size += len(line)
        if size > MAX_BYTES:
            break
        whole.append(line)
    return "".join(whole)


LARGE = {
    "a list": filled("a: [", "1,", "1]"),
    "empty pairs": filled("[", "? ,", "]"),
    "a mapping": counted("k#: 1\n"),
    "a mapping in braces": "{" + counted("k#: 1,")[:-1] + "}",
    "one key again and again": filled("", "a: 1\n"),
    "brackets": filled("", "["),
    "dashes": filled("", "- "),
    "indentation": "".join(" " * depth + "a:\n" for depth in range(700)),
    "comments": filled("", "#\n"),
    "tabs": filled("", "\t\n"),
    "tabs in brackets": filled("a: [", "\t1,\n", "]"),
    "lines of a word": filled("a: ", "x\n "),
    "escapes": filled('a: "', "\\x41", '"'),
    "an open quote": filled('a: "', "x"),
    "a folded block": filled("a: >\n", " x\n\n"),
    "documents": filled("", "---\n"),
    "digits": filled("a: ", "9"),
    "wide letters": filled("a: ", "\U0001f600"),
}
BOMB = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]\n" for i in range(1, 12)
)


@pytest.mark.parametrize("name", LARGE)
def test_a_file_as_large_as_may_be_is_read_or_refused(name: str) -> None:
    text = LARGE[name]
    assert len(text.encode()) > MAX_BYTES - 100 or name == "indentation"
    assert said_of(text).startswith("f:")


@pytest.mark.parametrize("name", LARGE)
def test_the_calls_of_reading_grow_with_the_bytes(name: str) -> None:
    parts = [LARGE[name][: len(LARGE[name]) // part] for part in (128, 64)]
    numbers = []
    for text in parts:
        with counted_calls() as calls:
            said_of(text)
        numbers.append(calls.number)
    assert numbers[1] < 2.5 * numbers[0] + 2000
    assert numbers[1] < 200 * len(parts[1]) + 2000


def said_of(text: str) -> str:
    """What is wrong with `text`."""
    try:
        parse_yaml(text, "f")
    except BadInputError as error:
        return str(error)
    return "f:"


@pytest.mark.parametrize("name", ["a mapping", "wide letters"])
def test_a_file_as_large_as_may_be_needs_little_memory(name: str) -> None:
    tracemalloc.start()
    try:
        parse_yaml(LARGE[name], "f")
    except BadInputError:
        pass
    finally:
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert peak < LIMIT_BYTES


def test_values_up_to_the_limit() -> None:
    assert len(parse_yaml(f"[{'1,' * (MAX_VALUES - 1)}]", "f").value) == MAX_VALUES - 1
    with pytest.raises(BadInputError, match=f"f:1: more than {MAX_VALUES} values"):
        parse_yaml(f"[{'1,' * MAX_VALUES}]", "f")


@pytest.mark.parametrize("text", [BOMB, "a: &a [*a]\n", "a: &a {<<: *a}\n", "a: *b\n"])
def test_aliases_are_refused(text: str) -> None:
    with pytest.raises(BadInputError, match=r"f:1: anchors and aliases are not supported"):
        parse_yaml(text, "f")


@pytest.mark.parametrize(
    ("key", "letter"),
    [
        ("gr\u0456d", r"U\+0456 in it, cyrillic small letter byelorussian-ukrainian i"),
        ("seed\u0455", r"U\+0455 in it, cyrillic small letter dze"),
        ("na\u200bme", r"U\+200B in it, zero width space"),
    ],
)
def test_a_key_that_only_looks_right_is_refused_and_says_why(
    key: str, letter: str, tmp_path: Path
) -> None:
    file = tmp_path / "a.yaml"
    file.write_text(f"name: a\n{key}: 1\nseeds: [0]\n", encoding="utf-8")
    with pytest.raises(BadInputError, match=rf"a\.yaml:2: unknown key .*did you mean .*{letter}"):
        read_space(file)


@pytest.mark.slow
def test_150_mutated_search_spaces(tmp_path: Path) -> None:
    """The first of the 10,000 of ``python -m tests.security.fuzz``."""
    tally = fuzz.run(150, 0, tmp_path / "failures")
    assert tally.failures == {}
    assert tally.accepted >= 10
    assert tally.refused >= 75


def test_the_fuzzer_tells_and_keeps_what_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(file: Path) -> bool:
        if b"seeds" in file.read_bytes():
            raise KeyError("planted")
        return False

    keep, texts = tmp_path / "kept", ["", *fuzz.corpus()]
    monkeypatch.setattr(fuzz, "judge", lambda file: broken(file) if file.stat().st_size else True)
    monkeypatch.setattr(fuzz, "corpus", lambda: texts)
    assert fuzz.main(["--count", "10", "--seed", "3", "--keep", str(keep)]) == 1
    printed = capsys.readouterr().out
    files = sorted(keep.iterdir())
    assert files
    assert all(f"{file}: " in printed for file in files)
    number = int(files[0].stem.partition("-")[2])
    assert files[0].read_bytes() == fuzz.case(texts, 3, number)
