from __future__ import annotations

import dataclasses
import math
from typing import Any, get_args, get_type_hints

import pytest

from lps_sweep.config.fields import Param
from lps_sweep.errors import BadInputError
from lps_sweep.methods.lps import LPSConfig
from tests.methods.lps_cases import random_case, terms_of

# The reference behaviour, by the name of the field.
DEFAULTS: dict[str, float | str] = {
    "C": 10.0,
    "tau": 0.4,
    "eta1": 1.0,
    "eta2": 1.0,
    "w_entropy": 1.0,
    "lambda_seen": 0.95,
    "lambda_novel_shape": "linear",
    "lambda_novel_start": 0.4,
    "lambda_novel_end": 0.8,
    "margin_kl": "prior_to_estimate",
    "contrast_norm": "cosine",
    "uc_norm": "batch",
    "uc_neg": "batch",
    "pi_ema": 0.0,
}


def known(name: str) -> Param:
    field = {f.name: f for f in dataclasses.fields(LPSConfig)}[name]
    found: Param = field.metadata["param"]
    return found


def test_defaults_are_the_reference_behaviour() -> None:
    assert dataclasses.asdict(LPSConfig()) == DEFAULTS
    assert LPSConfig.name == "lps"


def test_nobody_writes_to_a_config() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        LPSConfig().C = 1.0  # type: ignore[misc]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("C", -1e-9),
        ("C", math.inf),
        ("C", math.nan),
        ("tau", 0.0),
        ("eta1", -1.0),
        ("eta2", -1.0),
        ("w_entropy", -1.0),
        ("lambda_seen", 1.1),
        ("lambda_novel_start", -0.1),
        ("lambda_novel_end", 1.1),
        ("pi_ema", 1.0),
        ("pi_ema", -0.1),
        ("margin_kl", "paper"),
        ("lambda_novel_shape", "quadratic"),
    ],
)
def test_values_out_of_range_are_refused(name: str, value: float | str) -> None:
    values: dict[str, Any] = {name: value}

    with pytest.raises(BadInputError, match=f"{name}.* is not (one of|[<>])"):
        LPSConfig(**values)


@pytest.mark.parametrize(
    "values",
    [
        {"C": 0.0, "eta1": 0.0, "eta2": 0.0, "w_entropy": 0.0, "pi_ema": 0.0},
        {"lambda_seen": 0.0, "lambda_novel_start": 1.0, "lambda_novel_end": 0.0, "pi_ema": 0.999},
    ],
)
def test_the_ends_of_the_ranges_are_accepted(values: dict[str, Any]) -> None:
    assert dataclasses.asdict(LPSConfig(**values)) == DEFAULTS | values


@pytest.mark.parametrize("name", [n for n, default in DEFAULTS.items() if isinstance(default, str)])
def test_words_are_declared_alike_and_each_can_be_computed(name: str) -> None:
    words = known(name).choices

    assert get_args(get_type_hints(LPSConfig)[name]) == words
    totals = {terms_of(random_case(), **{name: word}).total.item() for word in words}
    assert len(totals) >= 2
    with pytest.raises(BadInputError):
        terms_of(random_case(), **{name: "neither"})


@pytest.mark.parametrize("name", DEFAULTS)
def test_each_field_says_where_it_comes_from(name: str) -> None:
    assert known(name).help
    assert known(name).source
    assert known(name).accepts(DEFAULTS[name])
