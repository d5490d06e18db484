from __future__ import annotations

import math
import subprocess
import sys
from collections.abc import Sequence
from typing import Any

import pytest

from lps_sweep.errors import BadInputError
from lps_sweep.methods import METHODS, config_class, objective_class
from lps_sweep.methods.lps import LPSConfig
from lps_sweep.methods.protocol import Objective
from lps_sweep.params import FieldInfo, section_fields


@pytest.mark.parametrize("name", METHODS)
def test_each_method_hands_out_its_two_classes(name: str) -> None:
    config = config_class(name)
    assert config.name == name

    found: Objective = objective_class(name)(config(), num_classes=4, device="cpu")

    assert set(found.views) <= {"weak1", "weak2", "strong"}
    assert isinstance(found.aligned, bool)


def beyond(info: FieldInfo) -> Sequence[float | str]:
    """Values that are just out of range; a word that is none of those declared."""
    known = info.param
    if isinstance(info.default, str):
        return ["neither"]
    step = 1 if isinstance(info.default, int) else 1e-6
    low, high = known.low - (not known.open_low) * step, known.high + (not known.open_high) * step
    return [bound for bound in (low, high) if math.isfinite(bound)] + [math.nan]


@pytest.mark.parametrize("name", METHODS)
def test_values_out_of_range_are_refused(name: str) -> None:
    config: Any = config_class(name)
    for info in section_fields("method", config):
        for value in beyond(info):
            with pytest.raises(BadInputError, match=info.name):
                config(**{info.name: value})


def test_defaults_of_lps_are_the_reference_behaviour() -> None:
    assert LPSConfig() == LPSConfig(
        C=10.0,
        tau=0.4,
        eta1=1.0,
        eta2=1.0,
        w_entropy=1.0,
        lambda_seen=0.95,
        lambda_novel_shape="linear",
        lambda_novel_start=0.4,
        lambda_novel_end=0.8,
        margin_kl="prior_to_estimate",
        contrast_norm="cosine",
        uc_norm="batch",
        uc_neg="batch",
        pi_ema=0.0,
    )


@pytest.mark.parametrize("ask", [config_class, objective_class])
def test_an_unknown_method_is_refused_with_the_nearest_name(ask: object) -> None:
    assert callable(ask)
    with pytest.raises(BadInputError, match=r"unknown method 'lsp'; did you mean 'lps'\?"):
        ask("lsp")


def test_a_configuration_loads_no_torch() -> None:
    code = (
        "import sys; from lps_sweep.methods import METHODS, config_class; "
        "[config_class(m)() for m in METHODS]; print('torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
