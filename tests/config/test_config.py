from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass
from typing import Literal

import pytest

from lps_sweep.config import (
    NETWORK_PARTS,
    PRESETS,
    Config,
    Located,
    build_config,
    check_value,
    field_table,
    fields_of_method,
    find_field,
    preset_values,
    shown,
)
from lps_sweep.errors import BadInputError
from lps_sweep.params import FieldInfo, param, section_fields
from tests.config.config_cases import FIELDS, located


def test_a_config_cannot_be_written_to() -> None:
    config = build_config({})
    for part, name in ((config, "data"), (config.loop, "epochs"), (config.method, "tau")):
        with pytest.raises(dataclasses.FrozenInstanceError):
            setattr(part, name, 1)


@pytest.mark.parametrize("name", FIELDS)
def test_each_default_is_valid_and_each_field_is_explained(name: str) -> None:
    info = FIELDS[name]
    assert check_value(name, info, Located(info.default)) == info.default
    assert info.param.help


def test_a_field_is_understood_with_its_section_too() -> None:
    assert build_config(located(**{"method.tau": 0.3})) == build_config(located(tau=0.3))
    assert find_field(FIELDS, "loop.epochs") == ("epochs", FIELDS["epochs"])


@pytest.mark.parametrize(
    ("key", "message"),
    [
        ("epoch", "did you mean 'epochs'?"),
        ("c", "did you mean 'C'?"),
        ("head.C", "did you mean 'C'?"),
        ("lamda_seen", "did you mean 'lambda_seen'?"),
        ("xyzzy", "valid names: C, "),
    ],
)
def test_an_unknown_key_gets_the_nearest_name(key: str, message: str) -> None:
    with pytest.raises(BadInputError) as caught:
        build_config({key: Located(1, "f.yaml:3")})
    assert str(caught.value).startswith(f"f.yaml:3: unknown key {key!r}; ")
    assert message in str(caught.value)


def test_a_field_given_under_both_its_names_is_refused() -> None:
    values = {"C": Located(1, "f.yaml:3"), "method.C": Located(1, "f.yaml:4")}
    with pytest.raises(BadInputError, match=r"^f\.yaml:4: C is given twice, first at f\.yaml:3$"):
        build_config(values)


@pytest.mark.parametrize(
    "ask", [fields_of_method, lambda name, where: build_config({}, method=name, method_where=where)]
)
def test_an_unknown_method_is_refused_with_its_place(ask: object) -> None:
    assert callable(ask)
    with pytest.raises(BadInputError, match=r"^f:2: unknown method 'lsp'; did you mean 'lps'\?$"):
        ask("lsp", "f:2")


@pytest.mark.parametrize("network", NETWORK_PARTS)
def test_a_network_is_frozen_through_its_own_parts_only(network: str) -> None:
    parts = ("none", *NETWORK_PARTS[network])
    for choice in FIELDS["frozen_through"].param.choices:
        values = {"network": Located(network, "f:1"), "frozen_through": Located(choice, "f:2")}
        if choice in parts:
            assert build_config(values).trunk.frozen_through == choice
        else:
            with pytest.raises(BadInputError, match=r"^f:2: frozen_through must be one of none, "):
                build_config(values)


def test_a_name_that_two_sections_share_is_written_with_its_section(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    @dataclass(frozen=True)
    class Shared:
        lr: float = param(0.5, "", low=0)

    classes = {"schedule": Shared, "method": Shared}
    monkeypatch.setattr("lps_sweep.config.build._classes", lambda _method: classes)
    field_table.cache_clear()
    try:
        table = field_table("shared")
    finally:
        field_table.cache_clear()
    assert list(table) == ["schedule.lr", "method.lr"]
    assert find_field(table, "method.lr")[1].section == "method"
    with pytest.raises(BadInputError, match=r"valid names: method\.lr, schedule\.lr"):
        find_field(table, "lr")


@pytest.mark.parametrize("name", PRESETS)
def test_each_preset_builds_and_names_its_data_set(name: str) -> None:
    values = preset_values(name, "lps")
    config = build_config(located(**values))
    assert isinstance(config, Config)
    assert config.data.dataset == name
    for key, value in values.items():
        assert value != FIELDS[key].default or key == "dataset", f"{key} is the default anyway"


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


SAMPLE: dict[str, FieldInfo] = {info.name: info for info in section_fields("sample", Sample)}


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
    value = check_value(name, SAMPLE[name], Located(given))
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
        check_value(name, SAMPLE[name], Located(given, "f.yaml:7"))
    assert str(caught.value).startswith(f"f.yaml:7: {name} ")
    assert message in str(caught.value)


def test_a_long_value_is_cut_in_a_message() -> None:
    assert shown("x" * 500) == "'" + "x" * 55 + " ..."
    assert shown("x" * 58) == "'" + "x" * 58 + "'"
