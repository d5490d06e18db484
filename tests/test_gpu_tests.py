"""What the tests for a GPU stand on, seen without one."""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from lps_sweep import train
from tests import conftest


@pytest.fixture
def always_warned() -> Iterator[None]:
    """Torch gives some warnings once in a process; here, each time."""
    torch.set_warn_always(True)
    yield
    torch.set_warn_always(False)


@pytest.mark.usefixtures("always_warned")
def test_what_counts_waits_may_say_that_it_is_a_prototype() -> None:
    """`torch.cuda.set_sync_debug_mode` itself, below what asks for a GPU first."""
    call: Any = getattr(torch._C, "_cuda_set_sync_debug_mode", None)
    if call is None:
        pytest.skip("torch without CUDA")
    call(0)


def item(*markers: str) -> Any:
    return SimpleNamespace(get_closest_marker=lambda name: name if name in markers else None)


@pytest.mark.parametrize("there", [True, False])
@pytest.mark.parametrize("markers", [("gpu",), ("gpu", "slow"), ("slow",), ()])
def test_the_device_is_set_up_for_each_test_on_a_gpu(
    markers: tuple[str, ...], there: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    found: list[tuple[object, ...]] = []
    monkeypatch.setattr(train, "set_up_device", lambda *given: found.append(given))
    monkeypatch.setattr(torch.cuda, "is_available", lambda: there)
    conftest.pytest_runtest_setup(item(*markers))
    assert found == ([("cuda", 1)] if there and "gpu" in markers else [])
