from __future__ import annotations

import importlib
import json
from pathlib import Path
from typing import Any

import pytest

from lps_sweep.cli import main
from lps_sweep.config import METHODS, NETWORK_PARTS, field_table
from lps_sweep.plan import json_schema
from lps_sweep.plan.space import KEYS
from lps_sweep.plan.yaml_file import parse_yaml
from tests.plan import test_wrong_blocks, test_wrong_files
from tests.plan.wrong_cases import Wrong

SPACES = sorted((Path(__file__).parents[2] / "search_spaces").rglob("*.yaml"))
RIGHT = {"files": test_wrong_files.RIGHT, "blocks": test_wrong_blocks.RIGHT}
UNSEEN = (
    *("is swept too", "is given twice", "changes nothing", "one and the same", "zip has"),
    *("one length", "is alone", "stage1, stage2", "one of none, stage1", "part of itself"),
    *("unknown data set", "classes are seen", "above 1, not 1.5", "number, not 2.0"),
    *("number, not 1.0", "number, not 1000.0", "2147483647, not 0.0", "not inf", "not nan"),
)
"""What a schema does not see: several values at once, data, a whole number written 2.0, .inf."""


@pytest.fixture
def only_lps(monkeypatch: pytest.MonkeyPatch) -> None:
    """No method but LPS, whose keys no other method then takes differently."""
    for name in set(METHODS) - {"lps"}:
        monkeypatch.delitem(METHODS, name)


@pytest.fixture(scope="module")
def of_the_project() -> Any:
    """The validator of all methods, made once."""
    return validator()


def validator() -> Any:
    library: Any = importlib.import_module("jsonschema")
    schema = json_schema()
    library.Draft202012Validator.check_schema(schema)
    return library.Draft202012Validator(schema)


def is_valid(text: str) -> bool:
    return bool(validator().is_valid(parse_yaml(text, "f.yaml").plain()))


def spoilt(right: str, case: Wrong) -> str:
    lines = right.splitlines()
    lines[case.line - 1] = case.text
    return "\n".join(lines) + "\n"


def visible() -> list[str]:
    cases = [
        (kind, case)
        for kind, corpus in (
            ("files", [*test_wrong_files.KEYS, *test_wrong_files.SHAPES, *test_wrong_files.VALUES]),
            ("blocks", [*test_wrong_blocks.KEYS, *test_wrong_blocks.SHAPES]),
            ("blocks", [*test_wrong_blocks.NAMES, *test_wrong_blocks.VALUES]),
        )
        for case in corpus
        if not any(words in case.message for words in UNSEEN)
    ]
    return [spoilt(RIGHT[kind], case) for kind, case in cases if "? [" not in case.text]


@pytest.mark.parametrize("path", SPACES, ids=lambda path: path.stem)
def test_each_search_space_of_the_project_fits_the_schema(path: Path, of_the_project: Any) -> None:
    found = parse_yaml(path.read_text(), str(path)).plain()
    assert [error.message for error in of_the_project.iter_errors(found)] == []


@pytest.mark.parametrize("kind", RIGHT)
def test_the_right_files_of_the_corpora_fit(kind: str) -> None:
    assert is_valid(RIGHT[kind])


@pytest.mark.usefixtures("only_lps")
def test_what_the_reader_refuses_in_one_place_the_schema_refuses_as_well() -> None:
    texts = visible()
    check = validator()
    assert len(texts) > 110
    accepted = [t for t in texts if check.is_valid(parse_yaml(t, "f.yaml").plain())]
    assert accepted == []


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
    head = "name: s\nseeds: [0]\narms: {a: {method: other, "
    assert is_valid(head + "beta: 5}}\n")
    assert not is_valid(head + "beta: 0}}\n")
    assert is_valid(head + "tau: 5}}\n")  # LPS would take it
    assert not is_valid(head + "tau: -5}}\n")


def test_the_verb_prints_it(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["schema"]) == 0
    assert json.loads(capsys.readouterr().out) == json_schema()
