from __future__ import annotations

import subprocess
import sys
from importlib import import_module

import pytest

from lps_sweep.config import DataConfig
from lps_sweep.data import SOURCES, fingerprint, load
from lps_sweep.errors import BadInputError


@pytest.mark.parametrize("read", [load, fingerprint])
def test_an_unknown_name_gets_the_nearest(read: object) -> None:
    assert callable(read)
    with pytest.raises(BadInputError, match=r"^dataset: unknown .*did you mean 'fashion_mnist'"):
        read(DataConfig(dataset="fashion-mnist"))


def test_each_line_of_the_table_is_a_source() -> None:
    assert len(SOURCES) >= 2
    for module in SOURCES.values():
        source = import_module(module)
        assert callable(source.find)
        assert callable(source.read)


def test_the_front_door_does_without_torch() -> None:
    program = (
        "import sys, lps_sweep.data\n"
        "assert lps_sweep.data.make_split and lps_sweep.data.load_split\n"
        "print([m for m in ('torch', 'ray', 'sklearn') if m in sys.modules])\n"
    )
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert (ended.stdout.strip(), ended.returncode) == ("[]", 0), ended.stderr
