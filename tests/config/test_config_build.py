from __future__ import annotations

import dataclasses
from dataclasses import dataclass

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
)
from lps_sweep.errors import BadInputError
from lps_sweep.params import param
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
            with pytest.raises(BadInputError) as caught:
                build_config(values)
            assert str(caught.value) == (
                f"f:2: frozen_through must be one of {', '.join(parts)} for {network}, "
                f"not {choice!r}"
            )


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
