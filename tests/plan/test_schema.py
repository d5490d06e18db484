from __future__ import annotations

import importlib
import json
from pathlib import Path
from typing import Any

import pytest

from lps_sweep.cli import main
from lps_sweep.config import NETWORK_PARTS, field_table
from lps_sweep.plan import json_schema
from lps_sweep.plan.read import KEYS
from lps_sweep.plan.yaml_file import parse_yaml

SPACES = sorted((Path(__file__).parents[2] / "search_spaces").rglob("*.yaml"))


def validator() -> Any:
    library: Any = importlib.import_module("jsonschema")
    return library.Draft202012Validator(json_schema())


def test_each_search_space_of_the_project_fits_the_schema() -> None:
    assert len(SPACES) > 20
    check = validator()
    check.check_schema(json_schema())
    for path in SPACES:
        found = parse_yaml(path.read_text(), str(path)).plain()
        assert [error.message for error in check.iter_errors(found)] == []


@pytest.mark.usefixtures("only_lps")
def test_the_schema_has_every_key_with_its_type_range_choices_and_words() -> None:
    schema = json_schema()
    assert set(schema["properties"]) == set(KEYS)
    fields = schema["$defs"]
    assert {"C", "method.C", "epochs", "loop.epochs", *field_table("lps")} <= set(fields)
    assert fields["tau"]["type"] == "number"
    assert fields["tau"]["exclusiveMinimum"] == 0
    assert fields["epochs"] == fields["loop.epochs"]
    assert (fields["epochs"]["type"], fields["epochs"]["minimum"]) == ("integer", 1)
    assert fields["network"]["enum"] == list(NETWORK_PARTS)
    assert fields["concat_views"]["type"] == "boolean"
    assert [option["type"] for option in fields["seen_classes"]["anyOf"]] == ["integer", "array"]
    assert "Table 8" in fields["tau"]["description"]
    assert "Default: 0.4." in fields["tau"]["description"]
    for block in ("set", "grid", "zip", "one_at_a_time"):
        assert set(schema["properties"][block]["properties"]) == set(fields)
    arm = schema["properties"]["arms"]["additionalProperties"]
    assert set(arm["properties"]) == {"method", *fields}


@pytest.mark.usefixtures("other_method")
def test_a_key_means_what_any_method_takes_for_it() -> None:
    check = validator()
    for setting, right in (("beta: 5", True), ("beta: 0", False), ("tau: 5", True)):
        text = f"name: s\nseeds: [0]\narms: {{a: {{method: other, {setting}}}}}\n"
        assert check.is_valid(parse_yaml(text, "f").plain()) == right, setting


def test_the_verb_prints_it(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["schema"]) == 0
    assert json.loads(capsys.readouterr().out) == json_schema()
