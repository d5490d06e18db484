"""The block `selection`."""

from __future__ import annotations

import pytest

from lps_sweep.config import Located
from lps_sweep.plan import json_schema
from tests.plan.space_cases import check_refused, space_of

SPACE = "name: a\npreset: digits\nseeds: [0]\n"


def test_a_file_asks_for_folds() -> None:
    text = f"{SPACE}selection:\n  pseudo_novel: {{folds: 3}}\n"
    assert space_of(text).folds.value == 3
    assert space_of(SPACE).folds == Located(0)
    assert space_of(f"{SPACE}selection: {{}}\n").folds.value == 0
    block = json_schema()["properties"]["selection"]["properties"]["pseudo_novel"]
    assert block["properties"]["folds"]["minimum"] == 2


@pytest.mark.parametrize(
    ("block", "named"),
    [
        ("selection: 3", "selection"),
        ("selection: {folds: 3}", "folds"),
        ("selection: {pseudo_novel: 3}", "pseudo_novel"),
        ("selection: {pseudo_novel: {}}", "folds"),
        ("selection: {pseudo_novel: {folds: 1}}", "folds"),
        ("selection: {pseudo_novel: {folds: three}}", "folds"),
        ("selection: {pseudo_novel: {fold: 3}}", "folds"),
        ("set: {hidden_fold: 1/3}", "pseudo_novel"),
        ("grid: {hidden_fold: [1/3, 2/3]}", "pseudo_novel"),
        ("arms: {a: {}, b: {split.hidden_fold: 1/3}}", "pseudo_novel"),
    ],
)
def test_anything_else_is_refused(block: str, named: str) -> None:
    check_refused(f"{SPACE}{block}\n", 4, named)
