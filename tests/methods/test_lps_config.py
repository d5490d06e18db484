from __future__ import annotations

import dataclasses
from typing import get_args, get_type_hints

import pytest

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


def test_defaults_are_the_reference_behaviour() -> None:
    assert dataclasses.asdict(LPSConfig()) == DEFAULTS
    assert LPSConfig.name == "lps"


@pytest.mark.parametrize("name", [n for n, default in DEFAULTS.items() if isinstance(default, str)])
def test_words_are_declared_alike_and_each_can_be_computed(name: str) -> None:
    words = get_args(get_type_hints(LPSConfig)[name])

    totals = {terms_of(random_case(), **{name: word}).total.item() for word in words}
    assert len(totals) >= 2
    with pytest.raises(BadInputError):
        terms_of(random_case(), **{name: "neither"})
