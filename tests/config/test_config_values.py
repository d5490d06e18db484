from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import pytest

from lps_sweep.config import Located, check_value, shown
from lps_sweep.errors import BadInputError
from lps_sweep.params import FieldInfo, Param, param, section_fields


@dataclass(frozen=True)
class Sample:
    """One field of each kind."""

    whole: int = param(1, "", low=1, high=2**32 - 1)
    number: float = param(0.5, "", low=0, open_low=True, high=1.5)
    anything: float = param(0.0, "")
    switch: bool = param(False, "")
    word: str = param("", "")
    choice: Literal["red", "green"] = param("red", "", choices=("red", "green"))
    count_or_list: int | tuple[int, ...] = param(0, "", low=0)
    number_or_none: float | None = param(None, "", low=0)


FIELDS: dict[str, FieldInfo] = {info.name: info for info in section_fields("sample", Sample)}


@pytest.mark.parametrize(
    ("name", "given", "expected"),
    [
        ("whole", 1, 1),
        ("whole", 2**32 - 1, 2**32 - 1),
        ("number", 1, 1.0),
        ("number", 1e-3, 0.001),
        ("number", 1.5, 1.5),
        ("anything", -0.0, 0.0),
        ("anything", -(10**300), -1e300),
        ("switch", True, True),
        ("word", "no", "no"),
        ("word", "", ""),
        ("choice", "green", "green"),
        ("count_or_list", 3, 3),
        ("count_or_list", [3, 0], (3, 0)),
        ("count_or_list", [Located(3, "f:1"), Located(0, "f:2")], (3, 0)),
        ("number_or_none", None, None),
        ("number_or_none", 2, 2.0),
    ],
)
def test_what_is_accepted(name: str, given: object, expected: object) -> None:
    value = check_value(name, FIELDS[name], Located(given))
    assert value == expected
    assert type(value) is type(expected)
    if value == 0 and isinstance(value, float):
        assert math.copysign(1, value) == 1


@pytest.mark.parametrize(
    ("name", "given", "message"),
    [
        ("whole", 0, ">= 1 and <= 4294967295"),
        ("whole", 2**32, "4294967296"),
        *(("whole", wrong, "a whole number") for wrong in (1.0, True, "1", None, [1])),
        ("whole", 10**400, "more than 100 digits"),
        *(("number", wrong, "> 0 and <= 1.5") for wrong in (0, math.nan, math.inf, 10**400)),
        *(("number", wrong, "a number") for wrong in (False, "0,5", {"a": Located(1)})),
        ("anything", -math.inf, "any finite value"),
        ("switch", 1, "true or false"),
        ("word", 5, "a word"),
        ("choice", "Green", "did you mean 'green'?"),
        ("count_or_list", [], "a whole number or a list of whole numbers"),
        ("count_or_list", [1, [2]], "not [2]"),
        ("count_or_list", [1, -2], ">= 0, not -2"),
        ("count_or_list", [1, 2, 1], "[1, 2, 1]"),
        ("number_or_none", "x", "a number or null"),
    ],
)
def test_what_is_refused(name: str, given: object, message: str) -> None:
    with pytest.raises(BadInputError) as caught:
        check_value(name, FIELDS[name], Located(given, "f.yaml:7"))
    assert str(caught.value).startswith(f"f.yaml:7: {name} ")
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("known", "text"),
    [
        (Param(""), "any finite value"),
        (Param("", low=0), ">= 0"),
        (Param("", low=0, open_low=True, high=1, open_high=True), "> 0 and < 1"),
        (Param("", high=0.25), "<= 0.25"),
        (Param("", choices=("a", "b")), "one of a, b"),
    ],
)
def test_range_in_words(known: Param, text: str) -> None:
    assert known.range_text() == text


def test_a_long_value_is_cut_in_a_message() -> None:
    assert shown("x" * 500) == "'" + "x" * 55 + " ..."
    assert shown("x" * 58) == "'" + "x" * 58 + "'"


def test_plain_takes_the_places_away_at_any_depth() -> None:
    inner = Located([Located({"a": Located(1, "f:3")}, "f:2"), Located(None)], "f:1")
    assert inner.plain() == [{"a": 1}, None]
