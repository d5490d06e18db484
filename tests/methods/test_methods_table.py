from __future__ import annotations

import subprocess
import sys

import pytest

from lps_sweep.errors import BadInputError
from lps_sweep.methods import METHODS, config_class, objective_class
from lps_sweep.methods.protocol import Objective


@pytest.mark.parametrize("name", METHODS)
def test_each_method_hands_out_its_two_classes(name: str) -> None:
    config = config_class(name)
    assert config.name == name

    found: Objective = objective_class(name)(config(), num_classes=4, device="cpu")

    assert set(found.views) <= {"weak1", "weak2", "strong"}
    assert isinstance(found.aligned, bool)


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
