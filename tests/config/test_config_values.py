from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import pytest

from lps_sweep.config import FieldInfo, Located, check_value, section_fields, shown
from lps_sweep.config.fields import Param, param
from lps_sweep.errors import BadInputError


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
        ("whole", 0, "whole must be >= 1 and <= 4294967295, not 0"),
        ("whole", 2**32, "whole must be >= 1 and <= 4294967295, not 4294967296"),
        ("whole", 1.0, "whole must be a whole number, not 1.0"),
        ("whole", True, "whole must be a whole number, not true"),
        ("whole", "1", "whole must be a whole number, not '1'"),
        ("whole", None, "whole must be a whole number, not null"),
        ("whole", [1], "whole must be a whole number, not [1]"),
        ("whole", 10**400, "not a number of more than 100 digits"),
        ("number", 0, "number must be > 0 and <= 1.5, not 0.0"),
        ("number", math.nan, "number must be > 0 and <= 1.5, not nan"),
        ("number", math.inf, "not inf"),
        ("number", 10**400, "not inf"),
        ("number", False, "number must be a number, not false"),
        ("number", "0,5", "number must be a number, not '0,5'"),
        ("number", {"a": Located(1)}, "number must be a number, not a mapping"),
        ("anything", -math.inf, "anything must be any finite value, not -inf"),
        ("anything", -(10**400), "anything must be any finite value, not -inf"),
        ("switch", 1, "switch must be true or false, not 1"),
        ("switch", "yes", "switch must be true or false, not 'yes'"),
        ("word", 5, "word must be a word, not 5"),
        (
            "choice",
            "Green",
            "choice must be one of red, green, not 'Green' (did you mean 'green'?)",
        ),
        ("count_or_list", [], "count_or_list must be a whole number or a list of whole numbers"),
        ("count_or_list", [1, True], "not [1, true]"),
        ("count_or_list", [1, [2]], "not [1, [2]]"),
        ("count_or_list", [1, -2], "count_or_list must be >= 0, not -2"),
        ("count_or_list", [1, 2, 1], "count_or_list names a value twice: [1, 2, 1]"),
        ("count_or_list", -1, "count_or_list must be >= 0, not -1"),
        ("number_or_none", "x", "number_or_none must be a number or null, not 'x'"),
        ("number_or_none", -1, "number_or_none must be >= 0, not -1.0"),
    ],
)
def test_what_is_refused(name: str, given: object, message: str) -> None:
    with pytest.raises(BadInputError) as caught:
        check_value(name, FIELDS[name], Located(given, "f.yaml:7"))
    assert str(caught.value).startswith("f.yaml:7: ")
    assert message in str(caught.value)


def test_each_kind_of_field_is_covered_here() -> None:
    cases = test_what_is_refused.pytestmark[0].args[1]  # type: ignore[attr-defined]
    assert {name for name, _, _ in cases} == set(FIELDS)


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


def test_open_bounds_are_excluded_and_closed_ones_are_not() -> None:
    known = Param("", low=0, open_low=True, high=1, open_high=True)
    assert [known.accepts(v) for v in (0.0, 1e-9, 0.999, 1.0)] == [False, True, True, False]
    closed = Param("", low=0, high=1)
    assert [closed.accepts(v) for v in (-1e-9, 0.0, 1.0, 1.001)] == [False, True, True, False]


def test_a_long_value_is_cut_in_a_message() -> None:
    assert shown("x" * 500) == "'" + "x" * 55 + " ..."
    assert shown("x" * 58) == "'" + "x" * 58 + "'"


def test_plain_takes_the_places_away_at_any_depth() -> None:
    inner = Located([Located({"a": Located(1, "f:3")}, "f:2"), Located(None)], "f:1")
    assert inner.plain() == [{"a": 1}, None]
