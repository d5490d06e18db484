"""One setting has one spelling: what means the same, and what only looks like it."""

from __future__ import annotations

from typing import Any

import pytest

from lps_sweep.config import (
    Config,
    build_config,
    flat,
    pack_key,
    resolved,
    resolved_values,
    trial_id,
)
from tests.config.config_cases import located

HASHES = {"data": "d", "split": "s", "trunk": "t"}
HALF = [0, 1, 2, 3, 4]
Values = dict[str, Any]
SAME: list[list[Values]] = [
    [
        *({}, {"novel_classes": 5}, {"novel_classes": 5.0}, {"novel_classes": 0.99}),
        {"novel_classes": 1.0},
        *({"novel_classes": -0.0}, {"seen_classes": 5}, {"seen_classes": HALF}),
        *({"assumed_classes": 10}, {"seen_classes": HALF, "novel_classes": 5}),
        {"seen_classes": 5, "novel_classes": 0.95, "assumed_classes": 10},
    ],
    [
        *({"novel_classes": 2}, {"novel_classes": 2.0}, {"novel_classes": 0.4}),
        {"novel_classes": 2, "assumed_classes": 7},
    ],
    [{"novel_classes": 1}, {"novel_classes": 0.01}],
    [
        {"seen_classes": [0, 1, 2]},
        *({"seen_classes": 3}, {"seen_classes": 3, "novel_classes": 7}),
        {"seen_classes": 3, "assumed_classes": 10},
    ],
    [{"seen_classes": [3, 0]}, {"seen_classes": [3, 0], "novel_classes": 8}],
    [{"seen_classes": [0, 3]}, {"seen_classes": [0, 3], "novel_classes": 0.95}],
    [{"assumed_classes": 5}],
    [{"novel_classes": 2, "assumed_classes": 10}],
    [{"seen_classes": 4}, {"seen_classes": 4, "novel_classes": 6}],
]
"""Spellings of one setting each, on ten classes; no two lines are of the same setting."""


def config_of(values: Values) -> Config:
    return build_config(located(**{"dataset": "digits", **values}))


def id_of(config: Config) -> str:
    return trial_id(config, 0, **HASHES)


def test_each_setting_has_one_identity_and_one_pack_whatever_its_spelling() -> None:
    ids = [{id_of(config_of(values)) for values in line} for line in SAME]
    assert [len(found) for found in ids] == [1] * len(SAME)
    assert len(set.union(*ids)) == len(SAME)
    packs = [
        {pack_key(resolved(config_of(values)), 0, **HASHES) for values in line} for line in SAME[:5]
    ]
    assert [len(found) for found in packs] == [1] * 5
    assert len(set.union(*packs)) == 5


def test_the_one_spelling_is_its_own_and_the_shortest() -> None:
    for line in SAME:
        spellings = {resolved(config_of(values)) for values in line}
        assert len(spellings) == 1
        (one,) = spellings
        assert resolved(one) is one
        assert type(one.split.novel_classes) is int
    assert resolved(config_of(SAME[0][-1])) == config_of({})


@pytest.mark.parametrize(
    "values",
    [
        *({"seen_classes": 10}, {"novel_classes": 6}, {"novel_classes": 1.5}),
        *({"seen_classes": 3, "novel_classes": 8}, {"dataset": "mine", "novel_classes": 5}),
    ],
)
def test_what_does_not_fit_or_is_not_known_is_left_as_it_is(
    values: Values,
) -> None:
    assert flat(resolved(config_of(values))) == flat(config_of(values))


def test_a_number_is_one_number() -> None:
    for name, values in {"C": (5, 5.0, 5e0), "lr": (1, 1.0), "tau": (1e-3, 0.001)}.items():
        assert len({id_of(build_config(located(**{name: value}))) for value in values}) == 1


def test_recorded_values_are_read_in_the_one_spelling() -> None:
    for line in SAME:
        recorded = [flat(config_of(v)) for v in line if v.get("novel_classes") != 1.0]
        assert len({str(resolved_values({**flat(config_of({})), **r})) for r in recorded}) <= 1
    old = resolved_values(flat(config_of({"novel_classes": 1.0})))
    assert old == flat(config_of({"novel_classes": 1})), "as earlier versions meant it"
    gone = {"method": "gone", "novel_classes": 5}
    assert resolved_values(gone) == gone
