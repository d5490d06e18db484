"""The expected values of every method, and that the evaluator sees what is off."""

from __future__ import annotations

import copy
import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from tests.methods.golden.__main__ import main
from tests.methods.golden.cases import FILE, Case, difference, load
from tests.methods.golden.comparing import TOLERANCE, worst
from tests.methods.golden.inputs import grad_norms, numbered, tensor_of

CASES = {f"{case['method']}-{case['name']}": case for case in load(FILE)}
LOSS = "fixmatch-loss"


@pytest.mark.parametrize("name", CASES)
def test_golden_values(name: str) -> None:
    distance, place = difference(CASES[name])

    assert distance <= TOLERANCE, place


def _changed_number(case: dict[str, Any]) -> None:
    case["expected"]["terms"]["labeled"] += 2e-6


def _entry_that_is_not_computed(case: dict[str, Any]) -> None:
    case["expected"]["terms"]["consistency"] = 0.0


def _shape(case: dict[str, Any]) -> None:
    case["expected"]["extra"]["mask"].append(0)


def _scalar_for_a_list(case: dict[str, Any]) -> None:
    case["expected"]["extra"]["mask"] = 0


def _integer_off_by_one(case: dict[str, Any]) -> None:
    case["expected"]["extra"]["pseudo_labels"][3] += 1


def _unknown_method(case: dict[str, Any]) -> None:
    case["method"] = "fixmatsch"


def _module_that_is_no_method(case: dict[str, Any]) -> None:
    case["method"] = "inputs"


def _input_that_is_not_there(case: dict[str, Any]) -> None:
    del case["parameters"]["inputs"]["s"]


def _nothing_expected(case: dict[str, Any]) -> None:
    case["expected"] = {}


SPOILERS: list[Callable[[dict[str, Any]], None]] = [
    _changed_number,
    _entry_that_is_not_computed,
    _shape,
    _scalar_for_a_list,
    _integer_off_by_one,
    _unknown_method,
    _module_that_is_no_method,
    _input_that_is_not_there,
    _nothing_expected,
]


def written(folder: Path, *cases: Case) -> Path:
    file = folder / "cases.json"
    file.write_text(json.dumps({"cases": cases}))
    return file


@pytest.mark.parametrize("spoil", SPOILERS)
def test_what_is_off_fails(
    spoil: Callable[[dict[str, Any]], None], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    case = copy.deepcopy(dict(CASES[LOSS]))
    assert main(written(tmp_path, case)) == 0
    spoil(case)

    assert main(written(tmp_path, CASES[LOSS], case)) == 1

    last = capsys.readouterr().out.splitlines()[-1]
    assert last.startswith("2 cases, worst difference ")
    assert float(last.split()[-1]) > TOLERANCE


def test_a_case_is_told_by_what_it_holds_and_not_by_its_name(tmp_path: Path) -> None:
    assert main(written(tmp_path, {**CASES[LOSS], "name": "open_world_evaluation"})) == 0


def test_a_file_without_cases_fails(tmp_path: Path) -> None:
    assert main(written(tmp_path)) == 1


@pytest.mark.parametrize(
    ("expected", "computed", "distance"),
    [
        ({"a": 1.0}, {"a": torch.tensor(1.25), "b": 2.0}, 0.25),
        ({"a": [1.0, 2.0]}, {"a": torch.tensor([1.0, 2.5])}, 0.5),
        ({"a": [[1, 0]]}, {"a": torch.tensor([[True, False]])}, 0.0),
        ({"a": ["01"]}, {"a": ["01"]}, 0.0),
        ({"a": ["01"]}, {"a": ["11"]}, math.inf),
        ({"a": 1}, {"a": 1.0000001}, math.inf),
        ({"a": 1.0}, {"a": math.nan}, math.inf),
        ({"a": [0.0, 1.0]}, {"a": [math.nan, 1.0]}, math.inf),
        ({"a": math.nan}, {"a": 1.0}, math.inf),
        ({"a": math.nan}, {"a": math.nan}, math.inf),
        ({"a": math.inf}, {"a": math.inf}, math.inf),
        ({"a": 1.0}, {"a": None}, math.inf),
        ({"a": [1.0]}, {"a": 1.0}, math.inf),
        ({"a": 1.0}, {"a": [1.0]}, math.inf),
        ({"a": [[1.0, 2.0]]}, {"a": [[1.0], [2.0]]}, math.inf),
        ({"a": {"b": 1.0}}, {"a": 1.0}, math.inf),
    ],
)
def test_distances(expected: object, computed: object, distance: float) -> None:
    assert worst(expected, computed)[0] == distance


def test_inputs_follow_their_formulas() -> None:
    wave = {"rows": 3, "cols": 2, "amp": 2.0, "a": 0.3, "b": 0.7, "o": 0.1, "shift": 5.0}
    blob = {**wave, "kind": "blobs", "blob": [1, -1, 0], "scale": 4.0}
    angle = 0.3 * 2 + 0.7 * 1 * 3 + 0.1

    assert tensor_of({**wave, "kind": "sin"})[2, 1].item() == 2 * math.sin(angle) + 5
    assert tensor_of({**wave, "kind": "cos"})[2, 1].item() == 2 * math.cos(angle) + 5
    more = tensor_of(blob) - tensor_of({**wave, "kind": "cos"})
    assert torch.allclose(more, torch.tensor([[0.0, 4.0], [0.0, 0.0], [4.0, 0.0]]).double())
    assert tensor_of({"kind": "const", "values": [[1.0, 2.0]]}).tolist() == [[1.0, 2.0]]
    with pytest.raises(ValueError, match="tan"):
        tensor_of({**wave, "kind": "tan"})


def test_numbered_inputs_come_in_the_order_of_their_numbers() -> None:
    inputs: dict[str, Tensor] = {f"e{i}": torch.tensor(float(i)) for i in (10, 2, 0)}

    found = numbered({**inputs, "eval": torch.zeros(()), "crop1": torch.zeros(())}, "e")

    assert [x.item() for x in found] == [0.0, 2.0, 10.0]


def test_a_gradient_that_is_not_there_is_zero() -> None:
    read, idle = torch.tensor([3.0, 4.0]), torch.ones(2)
    leaves = {"read": read.requires_grad_(), "idle": idle.requires_grad_(), "no": torch.ones(2)}

    norms = grad_norms((read * read).sum(), leaves)

    assert {name: norm.item() for name, norm in norms.items()} == {"read": 10.0, "idle": 0.0}
